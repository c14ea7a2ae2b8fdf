"""Clips whose frames tell their number, and what a reader must find in them, for the tests of video."""

from fractions import Fraction

import av
import numpy as np
import pytest

from apexline.features.video.containers import UnreadableVideo
from apexline.features.video.reader import probe_video, read_frames

ROWS, COLS, NUM_FRAMES = 48, 64, 30


def numbered_frames(num_frames=NUM_FRAMES, rows=ROWS, cols=COLS):
    """Grey frames whose brightness tells their number: 20 + 7 n, with noise that fills the file."""
    rng = np.random.default_rng(7)
    for number in range(num_frames):
        noise = rng.integers(-8, 9, (rows, cols, 1))
        yield np.broadcast_to(20 + 7 * number + noise, (rows, cols, 3)).astype(np.uint8)


def number_of(image):
    return round((float(image.mean()) - 20) / 7)


def mux(path, codec, *, pts=None, options=None):
    """A video with chosen timestamps (ms), in the container of its suffix."""
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream(codec, rate=25, width=COLS, height=ROWS)
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1
        stream.codec_context.gop_size = 10
        stream.codec_context.bit_rate = 4_000_000
        for number, image in enumerate(numbered_frames(len(pts) if pts else NUM_FRAMES)):
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="bgr24")
            if pts:
                picture.pts, picture.time_base = pts[number], Fraction(1, 1000)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


def mdat_at(data):
    return data.index(b"mdat") + 4


def assert_agrees(path):
    info = probe_video(path)
    reader = read_frames(path)
    frames = list(reader)
    assert [frame.index for frame in frames] == list(range(info.num_frames))
    np.testing.assert_array_equal([frame.time_s for frame in frames], info.timestamps)
    assert [number_of(frame.image) for frame in frames] == list(range(info.num_frames))
    assert reader.num_corrupt == 0
    return info


def assert_unreadable(path, reason, match):
    with pytest.raises(UnreadableVideo, match=match) as caught:
        probe_video(path)
    assert caught.value.reason == reason
    assert caught.value.detail in str(caught.value)


def textured_clip(
    path, codec, pixel_format, *, size=(66, 50), options=None, color_range=None, colorspace=None
):
    """Four pictures of coloured blocks, whose colours meet at sharp edges."""
    width, height = size
    rng = np.random.default_rng(3)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, width=width, height=height, options=options or {})
        stream.pix_fmt = pixel_format
        stream.codec_context.thread_count = 1
        for _ in range(4):
            blocks = rng.integers(0, 256, (height // 4 + 1, width // 4 + 1, 3))
            image = np.kron(blocks, np.ones((4, 4, 1)))[:height, :width].astype(np.uint8)
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="bgr24")
            picture = picture.reformat(format=pixel_format)
            if color_range is not None:
                picture.color_range, picture.colorspace = color_range, colorspace
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
