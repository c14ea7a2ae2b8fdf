"""Raw crops of any size end as the line's own aligned crops."""

import cv2
import numpy as np
import pytest

from apexline.features.faces.alignment import align_face
from apexline.features.faces.config import FaceConfig
from apexline.features.faces.detectors import make_detector
from apexline.features.faces.raw_crops import align_raw_crop, crop_size_px


@pytest.fixture(scope="module")
def detector():
    return make_detector(FaceConfig(min_face_px=20))


@pytest.fixture(scope="module")
def own(portrait, detector):
    """The face's detection and its crop as the line aligns it."""
    [face] = detector.detect(portrait)
    return face, align_face(cv2.cvtColor(portrait, cv2.COLOR_BGR2GRAY), face.landmarks)


def cut(portrait, face, rim):
    left, top, width, height = face.box
    side = max(width, height) * (1 + 2 * rim)
    row, col = top + height / 2 - side / 2, left + width / 2 - side / 2
    return portrait[round(max(row, 0)) : round(row + side), round(max(col, 0)) : round(col + side)]


def likeness(crop, other):
    return np.corrcoef(crop[16:112, 16:112].ravel(), other[16:112, 16:112].ravel())[0, 1]


@pytest.mark.parametrize("rim", [0.0, 0.1, 0.6])
@pytest.mark.parametrize("scale", [0.7, 1.0, 2.0])
def test_a_cut_out_face_is_aligned_as_in_its_image(portrait, own, detector, rim, scale):
    face, expected = own
    raw = cv2.resize(cut(portrait, face, rim), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    crop, quality = align_raw_crop(raw, detector)
    assert crop.shape == (128, 128)
    assert likeness(crop, expected) > 0.93
    assert quality.size_px == pytest.approx(face.size_px * scale, rel=0.15)


def test_grey_and_colour_end_alike(portrait, own, detector):
    raw = cut(portrait, own[0], 0.1)
    grey = cv2.cvtColor(raw, cv2.COLOR_BGR2GRAY)
    assert likeness(align_raw_crop(grey, detector)[0], align_raw_crop(raw, detector)[0]) > 0.98


def test_the_largest_of_several_faces_counts(portrait, own, detector):
    raw = cut(portrait, own[0], 0.3)
    small = cv2.resize(raw, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    scene = np.zeros((raw.shape[0], raw.shape[1] + small.shape[1], 3), np.uint8)
    scene[:, : raw.shape[1]] = raw
    scene[: small.shape[0], raw.shape[1] :] = small
    assert align_raw_crop(scene, detector)[1].size_px == pytest.approx(own[0].size_px, rel=0.15)


def test_where_there_is_no_face_there_is_no_crop(detector):
    noise = np.random.default_rng(0).integers(0, 256, (90, 90, 3), np.uint8)
    assert align_raw_crop(noise, detector) is None
    assert align_raw_crop(np.zeros((5, 7), np.uint8), detector) is None


@pytest.mark.parametrize("shape", [(1, 60_000), (60_000, 1), (12, 60_000)])
def test_a_strip_costs_no_square_of_its_length(detector, monkeypatch, shape):
    # 60,000 x 60,000 px are 10 GB.
    monkeypatch.setattr(detector, "confirm", lambda *_: pytest.fail("looked at a square"))
    assert align_raw_crop(np.zeros(shape, np.uint8), detector) is None


@pytest.mark.parametrize("shape", [(4,), (4, 4, 2), (1, 4, 4, 3)])
def test_other_shapes_are_refused(detector, shape):
    with pytest.raises(ValueError, match="expected uint8"):
        align_raw_crop(np.zeros(shape, np.uint8), detector)


def test_other_types_are_refused(detector):
    with pytest.raises(ValueError, match="float64 with shape"):
        align_raw_crop(np.zeros((9, 9)), detector)


def test_size_is_the_mean_side():
    assert crop_size_px(np.zeros((4, 9, 3), np.uint8)) == 6.0
