"""The line against another commit's: who is divided by whom."""

import shutil
import sys
from pathlib import Path

import pytest

from apexline.bench.speed.video import against
from apexline.bench.speed.video.asked import Runner

# Twice as many frames a second in the working tree as in the other checkout, whatever is asked.
_PROGRAM = """
import json, sys
for line in sys.stdin:
    print(json.dumps({"frames": 20 if len(sys.argv) == 1 else 10, "seconds": 1.0}), flush=True)
"""


def _line(checkout=None):
    return Runner([sys.executable, "-c", _PROGRAM, *([] if checkout is None else ["other"])])


@pytest.mark.skipif(shutil.which("taskset") is None, reason="binding a process to a core takes taskset")
def test_the_line_is_divided_by_that_of_the_other_checkout(monkeypatch, tmp_path, clip):
    monkeypatch.setattr(against, "line", _line)
    folder = tmp_path / "expression_clips"
    folder.mkdir()
    for performer in ("p1", "p2"):
        shutil.copy(clip, folder / f"{performer}.mp4")
    (folder / "clips.csv").write_text("clip,performer\np1.mp4,p1\np2.mp4,p2\n")
    rows = against.bench_against(Path("/commits/before"), tmp_path)
    assert [row["task"] for row in rows] == [
        f"{faces} faces, decode to {task}" for faces in (1, 16) for task in ("segments", "answers")
    ]
    for row in rows:
        assert row["method"] == "x before"
        assert (row["least"], row["median"], row["most"], row["frames/s"]) == (2, 2, 2, 20)
