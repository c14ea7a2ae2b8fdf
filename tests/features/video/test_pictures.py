"""Decoded pictures as displayed: square pixels, one size for a clip, and what is too odd to be believed."""

from fractions import Fraction
from itertools import product
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import VideoReformatter

from apexline.features.video.pictures import PLANAR, Picture
from apexline.features.video.reader import probe_video, read_frames
from tests.features.clips import COLS, ROWS


def anamorphic(path, aspect, *, codec="libx264", num_frames=4):
    """Grey pictures with a bright square as displayed: pixels of the given aspect, width over height."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, width=COLS, height=ROWS)
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1
        stream.codec_context.sample_aspect_ratio = aspect
        half = max(1, round(12 / aspect))
        image = np.full((ROWS, COLS, 3), 60, np.uint8)
        image[ROWS // 2 - 12 : ROWS // 2 + 12, COLS // 2 - half : COLS // 2 + half] = 220
        for _ in range(num_frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode(None))


@pytest.mark.parametrize(
    ("name", "codec", "aspect"),
    [
        ("a.mp4", "libx264", Fraction(2)),
        ("a.mkv", "libx264", Fraction(1, 2)),
        ("a.ts", "libx264", Fraction(16, 11)),
        ("a.h264", "libx264", Fraction(4, 3)),
        ("a.mov", "libx264", Fraction(16, 15)),
        ("a.avi", "mpeg4", Fraction(2)),
    ],
)
def test_pixels_that_are_not_square(tmp_path, name, codec, aspect):
    anamorphic(tmp_path / name, aspect, codec=codec)
    info = probe_video(tmp_path / name)
    assert (info.width, info.height) == (round(COLS * aspect), ROWS)
    for frame in read_frames(tmp_path / name):
        assert frame.image.shape == (info.height, info.width, 3)
        assert frame.gray.shape == (info.height, info.width)
        bright = np.argwhere(frame.gray > 140)
        rows, cols = np.ptp(bright, axis=0) + 1
        assert abs(int(rows) - int(cols)) <= 2


@pytest.mark.parametrize("aspect", [Fraction(1, 9), Fraction(9)])
def test_an_absurd_aspect_is_not_believed(tmp_path, aspect):
    anamorphic(tmp_path / "a.mp4", aspect)
    assert (probe_video(tmp_path / "a.mp4").width, next(read_frames(tmp_path / "a.mp4")).image.shape[1]) == (
        COLS,
        COLS,
    )


def test_square_pixels_are_left_as_they_are(tmp_path):
    anamorphic(tmp_path / "a.mp4", Fraction(1))
    anamorphic(tmp_path / "b.mp4", Fraction(2))
    square, wide = (next(read_frames(tmp_path / name)).gray for name in ("a.mp4", "b.mp4"))
    assert (square.shape, wide.shape) == ((ROWS, COLS), (ROWS, 2 * COLS))


def test_a_clip_that_changes_its_resolution_keeps_one_size(tmp_path):
    parts = b""
    for width, height in ((COLS, ROWS), (COLS // 2, ROWS // 2)):
        with av.open(str(tmp_path / "part.ts"), "w") as container:
            stream = container.add_stream("libx264", rate=25, width=width, height=height)
            stream.pix_fmt = "yuv420p"
            stream.codec_context.thread_count = 1
            for _ in range(5):
                image = np.full((height, width, 3), 120, np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
            container.mux(stream.encode(None))
        parts += (tmp_path / "part.ts").read_bytes()
    (tmp_path / "a.ts").write_bytes(parts)
    frames = list(read_frames(tmp_path / "a.ts"))
    assert len(frames) == 10
    assert {frame.image.shape for frame in frames} == {frames[0].image.shape}


@pytest.mark.parametrize("size", [(64, 48), (67, 33)])
@pytest.mark.parametrize("pixel_format", [*PLANAR, "rgb24"])
def test_grey_has_the_bits_that_ffmpeg_gives(rng, size, pixel_format):
    """Whatever a picture says of its range and matrix: every level of luma, beside every colour."""
    width, height = size
    for color_range, colorspace in product(range(3), (0, 1, 2, 4, 5, 6, 7, 9)):
        drawn = av.VideoFrame(width, height, pixel_format)
        for plane in drawn.planes:
            plane.update(rng.integers(0, 256, plane.buffer_size).astype(np.uint8).tobytes())
        drawn.color_range, drawn.colorspace = color_range, colorspace
        converters = {"gray": VideoReformatter()}
        found = Picture(Path("a.mp4"), drawn, size, 0, converters).convert("gray")
        expected = VideoReformatter().reformat(drawn, width=width, height=height, format="gray", threads=1)
        np.testing.assert_array_equal(found, expected.to_ndarray())
