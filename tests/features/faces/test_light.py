"""Whether light or focus leaves a face without detail."""

import cv2
import numpy as np
import pytest

from apexline.features.faces.alignment import CROP_LANDMARKS, measure_quality
from apexline.features.faces.boxes import Box
from apexline.features.faces.light import bad_light, grey_levels, too_bad_for_faces
from tests.features.drawn_faces import draw_faces


def lit(gain, offset, *, blur=0.0):
    """A drawn face whose grey levels are scaled and shifted, perhaps out of focus."""
    face = draw_faces(np.zeros(1))[0].astype(np.float32)
    face += np.random.default_rng(0).normal(0, 8, face.shape)  # skin
    if blur:
        face = cv2.GaussianBlur(face, (0, 0), blur)
    return np.clip(np.rint(face * gain + offset), 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("crop", "reason"),
    [
        (lit(0.08, 0), "too_dark"),
        (lit(0.08, 220), "too_bright"),
        (lit(0.08, 110), "low_contrast"),
        (lit(1, 0, blur=4), ""),
    ],
)
def test_a_sharp_face_in_bad_light_is_not_out_of_focus(crop, reason):
    blur = measure_quality(crop, Box(0, 0, 128, 128), CROP_LANDMARKS).blur
    assert bad_light(crop, blur) == reason


@pytest.mark.parametrize(
    ("levels", "reason"),
    [
        ((12, 8), "too_dark"),
        ((240, 20), "too_bright"),
        ((128, 6), "low_contrast"),
        ((26, 11), ""),
        ((129, 50), ""),
    ],
)
def test_pictures_without_faces(levels, reason):
    assert too_bad_for_faces(*levels) == reason


def test_grey_levels_are_mean_and_deviation():
    assert grey_levels(np.array([[0, 20], [0, 20]], np.uint8)) == (10.0, 10.0)
