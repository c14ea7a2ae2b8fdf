"""Videos written: equal bytes for equal frames, and frames that cannot be encoded."""

import hashlib
from fractions import Fraction

import numpy as np
import pytest

from apexline.features.video.reader import probe_video
from apexline.features.video.writer import write_video
from tests.features.clips import numbered_frames


def test_writing_is_deterministic(tmp_path):
    digests = set()
    for name in ("a.mp4", "b.mp4"):
        write_video(tmp_path / name, numbered_frames(), fps=25)
        digests.add(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    assert len(digests) == 1


def test_crf_trades_size(tmp_path):
    for crf in (10, 40):
        write_video(tmp_path / f"{crf}.mkv", numbered_frames(), fps=Fraction(30000, 1001), crf=crf)
    assert (tmp_path / "10.mkv").stat().st_size > 2 * (tmp_path / "40.mkv").stat().st_size
    assert probe_video(tmp_path / "10.mkv").fps == pytest.approx(29.97, rel=1e-2)


def test_writing_nothing_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="saw no frame"):
        write_video(tmp_path / "a.mp4", [], fps=25)
    assert not (tmp_path / "a.mp4").exists()


@pytest.mark.parametrize(
    "frames",
    [
        [np.zeros((47, 64, 3), np.uint8)],
        [np.zeros((48, 64), np.uint8)],
        [np.zeros((48, 64, 3), np.float32)],
        [np.zeros((48, 64, 3), np.uint8), np.zeros((48, 62, 3), np.uint8)],
    ],
)
def test_bad_frames_are_refused(tmp_path, frames):
    with pytest.raises(ValueError, match="even M and N"):
        write_video(tmp_path / "a.mp4", frames, fps=25)
