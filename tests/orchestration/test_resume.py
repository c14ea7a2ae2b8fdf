"""A run that is killed goes on where it was, and ends where an uninterrupted one ends."""

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from upath import UPath

from apexline.assets.lake.storage import Lake
from apexline.governance import enter_synthetic
from apexline.orchestration.commands.ingest import ingest_paths
from apexline.orchestration.settings import Settings

pytestmark = pytest.mark.slow
DAY = "2026-03-02_gate-01"
APEXLINE = Path(sys.executable).with_name("apexline")


@pytest.fixture
def clips(tmp_path, build_clip):
    """Three clips of one camera-day with a face each; face_tracks takes long enough to be interrupted."""
    folder = tmp_path / "clips"
    for index in (0, 4, 8):
        build_clip([(0, ("happy",))], index=index, folder=folder, fps=15, lead_s=1.0, face_px=(90.0, 90.0))
    return folder


def start(clips, settings):
    environment = {
        **os.environ,
        "APEXLINE_HOME": settings.home,
        "APEXLINE_CONFIG": str(settings.config),
    }
    return subprocess.Popen([APEXLINE, "ingest", clips], env=environment, stdout=subprocess.DEVNULL)


def test_killed_in_the_middle_of_face_tracks(clips, tmp_path, fast_parameters):
    def settings(name):
        # A registry of its own: that it makes its first champion is part of what a home records.
        return Settings(home=str(tmp_path / name), config=fast_parameters)

    whole, broken = settings("whole"), settings("broken")
    ingest_paths(whole, [clips], manifest=None, on_step=lambda text, done, total: None)
    lake = Lake(broken.home_path)
    stated = {"purpose": "demonstration", "legal_basis": "synthetic sample, no person recorded"}
    enter_synthetic(lake.home, "gate-01", **stated, by="a test", now=datetime.now(UTC))

    process = start(clips, broken)
    tracks = tmp_path / "broken" / "lake" / "face_tracks" / f"camera_day={DAY}"
    deadline = time.monotonic() + 120
    while not list(tracks.glob("*.parquet")):
        assert process.poll() is None, "the command ended before it could be killed"
        assert time.monotonic() < deadline, "no face_tracks file after 120 s"
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert 1 <= len(lake.names("face_tracks", camera_day=DAY)) < 3
    assert lake.content_hash() != Lake(whole.home_path).content_hash()
    finished = {path: path.read_bytes() for path in tracks.glob("*.parquet")}

    assert start(clips, broken).wait() == 0

    assert lake.content_hash() == Lake(whole.home_path).content_hash()
    assert finished == {path: path.read_bytes() for path in finished}
    here, there = (sorted(files_below(UPath(each.home) / "lake")) for each in (broken, whole))
    assert here == there


def files_below(folder):
    """Names below a folder; that of a promotion holds its time, so its table alone counts."""
    names = [path.relative_to(folder) for path in Path(folder).rglob("*") if path.is_file()]
    return [name.parts[0] if name.parts[0] == "promotions" else str(name) for name in names]
