"""Loops of a face, as the rating page shows them."""

import io

import numpy as np
import pytest
from PIL import Image

from apexline.survey.loops import encode_loop, media_type


def test_a_loop_keeps_its_frames_repeats_and_keeps_time():
    ramp = np.arange(0, 240, 8, dtype=np.uint8)
    crops = np.broadcast_to(ramp[:, None, None], (30, 128, 128))
    image = Image.open(io.BytesIO(encode_loop(crops, 30.0)))
    assert image.n_frames == 30
    assert image.size == (128, 128)
    assert image.info["loop"] == 0
    durations = []
    for number in range(30):
        image.seek(number)
        image.load()
        durations.append(image.info["duration"])
        assert np.asarray(image.convert("L")).mean() == pytest.approx(ramp[number], abs=3)
    assert set(durations) == {33, 34}
    assert sum(durations) == 1000


def test_one_frame_is_a_still_picture():
    image = Image.open(io.BytesIO(encode_loop(np.full((1, 16, 12), 90, np.uint8), 25)))
    assert image.size == (12, 16)


@pytest.mark.parametrize(
    "crops", [np.zeros((0, 8, 8), np.uint8), np.zeros((8, 8), np.uint8), np.zeros((2, 8, 8), np.float32)]
)
def test_what_is_no_grey_clip_is_refused(crops):
    with pytest.raises(ValueError, match="uint8"):
        encode_loop(crops, 25)


def test_an_impossible_rate_is_refused():
    with pytest.raises(ValueError, match="frames per second"):
        encode_loop(np.zeros((2, 8, 8), np.uint8), 0)


@pytest.mark.parametrize("kind", ["gif", "png", "webp"])
def test_formats_are_told_by_their_signature(kind):
    file = io.BytesIO()
    Image.new("L", (4, 4)).save(file, format=kind)
    assert media_type(file.getvalue()) == f"image/{kind}"


def test_another_format_is_refused():
    with pytest.raises(ValueError, match="GIF, PNG or WebP"):
        media_type(b"<svg xmlns=")
