"""Damaged videos: whatever is broken in one, the answer is frames with counted losses, or `UnreadableVideo`."""

import errno
import itertools
import os
import pickle
import sys
from pathlib import Path

import av.error
import pytest

from apexline.features.video.containers import UnreadableVideo, refusing
from apexline.features.video.reader import probe_video, read_frames
from tests.features.damaged import PAIRS, damaged_videos, outcome, video_that_loses_a_frame, whole_video


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_damage_gives_frames_or_a_reason(tmp_path, pair):
    videos = damaged_videos((pair,), tmp_path, seed=20)
    outcomes = {outcome(path) for path in itertools.islice(videos, 120)}
    assert len(outcomes) > 1


def test_a_picture_that_ffmpeg_has_no_code_for_is_a_lost_frame(tmp_path):
    path = tmp_path / "a.mov"
    path.write_bytes(video_that_loses_a_frame())
    reader = read_frames(path)
    assert [frame.index for frame in reader] == [0, 1, 2, 3, *range(5, 12)]
    assert (probe_video(path).num_frames, reader.num_corrupt) == (12, 1)


@pytest.mark.parametrize(
    "error",
    [
        av.error.ExternalError(1, "x"),
        av.error.PatchWelcomeError(2, "x"),
        av.error.PermissionError(errno.EPERM, "x"),
        av.error.MemoryError(errno.ENOMEM, "x"),
        av.error.ArgumentError(errno.EINVAL, "x"),
        av.error.EOFError(3, "x"),
        OverflowError("x"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_every_error_of_ffmpeg_means_damage(error):
    with (
        pytest.raises(UnreadableVideo, match="a.mp4: truncated: no seeking: .*x.*; send the file again"),
        refusing(Path("a.mp4"), "truncated", "no seeking"),
    ):
        raise error


@pytest.mark.parametrize("read", [probe_video, lambda path: next(read_frames(path))])
def test_a_file_that_is_missing_is_no_damaged_one(tmp_path, read):
    with pytest.raises(FileNotFoundError) as caught:
        read(tmp_path / "none.mp4")
    assert type(caught.value) is FileNotFoundError


def test_the_reason_survives_the_way_out_of_a_worker_process():
    error = pickle.loads(pickle.dumps(UnreadableVideo(Path("a.mp4"), "truncated", "half of it")))
    assert (str(error), error.reason, error.detail) == (
        "a.mp4: truncated: half of it",
        "truncated",
        "half of it",
    )


@pytest.mark.skipif(sys.platform != "linux", reason="priorities of Linux")
@pytest.mark.parametrize("turn", range(2))
def test_what_encodes_by_svt_av1_takes_the_cores_from_nobody_that_comes_later(turn):
    assert os.sched_getscheduler(0) == os.SCHED_OTHER
    whole_video("mp4", "libsvtav1", "yuv420p")  # as root it raises its caller's priority
