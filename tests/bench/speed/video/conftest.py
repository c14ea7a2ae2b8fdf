"""Clips without a face, and a program that answers for them at once."""

import sys

import numpy as np
import pytest

from apexline.bench.peers import Peer
from apexline.bench.speed.video.asked import Method
from apexline.features.video.writer import write_video

_PROGRAM = """
import json, sys, time
for line in sys.stdin:
    asked = json.loads(line)
    end = time.process_time() + 0.05
    while time.process_time() < end: pass
    frames = asked["limit"] or 12
    print("a word of a library")
    print(json.dumps({"seconds": frames / 10, "frames": frames, "faces": 2 * frames, **asked}), flush=True)
"""


@pytest.fixture(scope="session")
def clip(tmp_path_factory):
    """Twelve plain frames, told apart by their colour."""
    path = tmp_path_factory.mktemp("clip") / "a.mp4"
    write_video(path, (np.full((64, 64, 3), (20 * i, 20 * i, 40), np.uint8) for i in range(12)), fps=25)
    return path


@pytest.fixture
def quick_peer(tmp_path):
    """Ten frames a second, two faces in each, .05 s of CPU time for a clip."""
    return Method("quick", peer=Peer("quick", (sys.executable, "-c", _PROGRAM), tmp_path, "quick-env"))
