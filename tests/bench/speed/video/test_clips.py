"""Clips with many faces, of any size and any length."""

import numpy as np
import pytest

from apexline.bench.speed.video.clips import as_frames, cycle_frames, lengthened, tiled, with_border
from apexline.features.video.guarded import probe_video
from apexline.features.video.reader import read_frames


def test_frames_go_forth_and_back(clip):
    frames = list(read_frames(clip))
    again = cycle_frames(clip)
    seen = [next(again).index for _ in range(24)]
    assert seen == [*range(len(frames)), *range(len(frames) - 2, 0, -1), 0, 1]


@pytest.mark.parametrize("num_frames", [5, 22, 50])  # within the first round, one, two and some
def test_a_long_clip_plays_on_frame_by_frame(clip, tmp_path, num_frames):
    long = lengthened(clip, num_frames, tmp_path)
    wanted = cycle_frames(clip)
    frames = list(read_frames(long))
    assert len(frames) == num_frames
    for frame in frames:
        assert np.abs(frame.image.astype(int) - next(wanted).image).mean() < 8  # neighbours differ by 20
    np.testing.assert_allclose([frame.time_s for frame in frames], np.arange(num_frames) / 25, atol=1e-6)
    assert probe_video(long).num_frames == num_frames


def test_a_border_goes_about_the_picture():
    image = np.full((3, 4, 3), 7, np.uint8)
    image[1, 1] = 200
    framed = with_border(image, 10, 8)
    assert framed.shape == (8, 10, 3)
    np.testing.assert_array_equal(framed[2:5, 3:7], image)
    assert framed[0, 0].tolist() == [7, 7, 7]


def test_a_crowd_is_as_wide_as_it_is_high(clip, tmp_path):
    info = probe_video(tiled(clip, 4, tmp_path))
    assert (info.width, info.height) == (128, 128)


def test_a_peer_gets_frames_as_red_green_blue(clip, tmp_path):
    frames = np.load(as_frames(clip, 3, tmp_path))
    assert (frames.shape, frames.dtype) == ((3, 64, 64, 3), np.uint8)
    first = next(iter(read_frames(clip))).image
    np.testing.assert_array_equal(frames[0], first[..., ::-1])
