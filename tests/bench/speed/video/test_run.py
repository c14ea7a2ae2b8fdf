"""Clips of any length, and processes that answer for them."""

import shutil
import sys

import numpy as np
import pytest

from apexline.bench.speed.video.run import Runner, _line, _with_border, cycle_frames
from apexline.features.video.reader import read_frames
from apexline.features.video.writer import write_video

binds_to_cores = pytest.mark.skipif(
    shutil.which("taskset") is None, reason="binding a process to a core takes taskset"
)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Twelve grey frames, told apart by their brightness."""
    path = tmp_path_factory.mktemp("clip") / "a.mp4"
    write_video(path, (np.full((64, 64, 3), 20 * i, np.uint8) for i in range(12)), fps=25)
    return path


def test_frames_go_forth_and_back(clip):
    frames = list(read_frames(clip))
    again = cycle_frames(clip)
    seen = [next(again).index for _ in range(24)]
    assert seen == [*range(len(frames)), *range(len(frames) - 2, 0, -1), 0, 1]


@binds_to_cores
def test_a_process_answers_for_the_whole_line_and_by_stage(clip):
    with _line() as line:
        whole = line.run(clip)
        stages = line.run(clip, task="stages")
        named = line.run(clip, task="answers")
    assert whole["frames"] == stages["frames"] == named["frames"] == 12
    assert named["seconds"] > 0
    assert whole["seconds"] > 0
    assert whole["peak_mib"] > 50
    assert {"decode", "track and align", "texture", "flow", "words"} <= stages.keys()


@binds_to_cores
def test_a_process_that_ends_is_reported():
    ending = [sys.executable, "-c", "raise SystemExit(3)"]
    with (
        Runner(ending, 0) as broken,
        pytest.raises(RuntimeError, match="ended with code 3; run it by hand"),
    ):
        broken.answer()


def test_a_border_goes_about_the_picture():
    image = np.full((3, 4, 3), 7, np.uint8)
    image[1, 1] = 200
    framed = _with_border(image, 10, 8)
    assert framed.shape == (8, 10, 3)
    np.testing.assert_array_equal(framed[2:5, 3:7], image)
    assert framed[0, 0].tolist() == [7, 7, 7]
