"""`apexline score`: one clip, nothing stored of it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime

import pytest

from apexline.assets.lake import clip_stages
from apexline.features.video.reader import read_frames
from apexline.features.video.writer import write_video
from apexline.governance import audit_lines, stop
from tests.features.damaged import video_that_loses_a_frame


@pytest.mark.parametrize("plot", [False, True])
def test_score_tracks_a_clip_once_and_stores_nothing_of_it(
    apexline, home, astronaut_clip, tracker_calls, tmp_path, plot
):
    page = tmp_path / "why.html"
    code, out, _ = apexline("score", astronaut_clip.path, "--json", *(["--plot", page] if plot else []))
    assert code == 0
    [row] = json.loads(out)
    assert 0 < row["onset_s"] < row["apex_s"] < row["offset_s"]
    assert tracker_calls == {"read_frames": 1, "track_faces": 1}
    assert page.exists() == plot
    # that the shipped model became champion is all that the home says
    assert {file.parent.name for file in home.home_path.rglob("*.parquet")} <= {"promotions"}


@pytest.mark.usefixtures("home")
def test_score_says_how_many_frames_were_lost(apexline, tmp_path):
    (tmp_path / "damaged.mov").write_bytes(video_that_loses_a_frame())
    code, out, err = apexline("score", tmp_path / "damaged.mov", "--json")
    assert (code, json.loads(out)) == (0, [])
    assert "damaged.mov: 1 of 12 frames are lost (1 x not decoded: " in err


@pytest.fixture
def unhandled_sigterm():
    """Have a SIGTERM that nobody handles fail the test instead of ending all tests."""

    def fail(*_):
        pytest.fail("SIGTERM would have ended the process on the spot")

    before = signal.signal(signal.SIGTERM, fail)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("home", "unhandled_sigterm")
def test_score_leaves_no_face_crops_when_it_is_ended(apexline, astronaut_clip, tmp_path_factory, monkeypatch):
    scratch = tmp_path_factory.mktemp("scratch")
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    crops = []

    def end_us(*_, **__):
        crops.extend(scratch.glob("apexline-*/**/face_crops/**/*.parquet"))
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(clip_stages, "write_segments", end_us)
    code, out, _ = apexline("score", astronaut_clip.path)
    assert (code, out) == (128 + signal.SIGTERM, "")
    assert crops
    assert not any(scratch.glob("apexline-*"))


@pytest.mark.usefixtures("unhandled_sigterm")
def test_a_stop_ends_a_score_and_a_score_is_on_record(apexline, home, astronaut_clip, monkeypatch):
    def stop_all(*_, **__):
        stop(home.home_path, by="Ada", why="faces look wrong", now=datetime.now(UTC))
        time.sleep(10)  # in the midst of its work
        pytest.fail("it went on for ten seconds")

    monkeypatch.setattr(clip_stages, "write_segments", stop_all)
    code, out, err = apexline("score", astronaut_clip.path, "--json")
    assert (code, out) == (130, ""), err
    begun, stopped = audit_lines(home.home_path)[-2:]
    assert (begun["action"], begun["camera"], begun["stored"]) == ("score", "gate-01", False)
    assert begun["model_version"] == 1
    assert stopped["action"] == "stop"


def test_score_says_why_there_is_nothing(apexline, home, astronaut_clip, tmp_path):
    pictures = (frame.image // 20 for frame in read_frames(astronaut_clip.path))
    write_video(tmp_path / "dark.mp4", pictures, fps=25)
    code, out, err = apexline("score", tmp_path / "dark.mp4", "--json")
    assert (code, json.loads(out)) == (0, [])
    assert "no face was followed; too dark to find faces" in err


# The command as the installed script runs it; then what it had to import.
RUN = """
import sys
from apexline.orchestration.commands.cli import main
try:
    main()
finally:
    print("modules", *sys.modules)
"""


def imported_by(*words):
    done = subprocess.run(
        [sys.executable, "-c", RUN, *map(str, words)], capture_output=True, text=True, check=False
    )
    return done.returncode, set(done.stdout.partition("modules ")[2].split()), done.stderr


HEAVY = {
    "dagster",
    "duckdb",
    "factor_analyzer",
    "matplotlib",
    "mlflow",
    "pandera",
    "sklearn",
    "sqlalchemy",
    "torch",
}


@pytest.mark.usefixtures("home")
def test_what_scoring_can_do_without_is_not_imported(apexline, astronaut_clip, tmp_path):
    clip = shutil.copy(astronaut_clip.path, tmp_path / "own.mp4")
    assert apexline("register own-recordings --own --purpose test --by Ada")[0] == 0
    # the first clip of a home registers the model that ships
    assert apexline("score", clip)[0] == 0
    code, modules, err = imported_by("score", clip)
    assert code == 0, err
    assert (HEAVY | {"scipy.signal"}) & modules == set()


@pytest.mark.usefixtures("home")
def test_a_refusal_waits_for_nothing_that_scores(astronaut_clip):
    code, modules, err = imported_by("score", astronaut_clip.path, "--camera", "gate-99")
    assert code == 1
    assert "gate-99" in err
    assert (HEAVY | {"numba", "onnxruntime", "pandas", "scipy"}) & modules == set()
