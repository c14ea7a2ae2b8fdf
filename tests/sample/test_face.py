"""The face of the sample: what moves, and how much."""

import numpy as np
import pytest

from apexline.sample import marks as sample_marks
from apexline.sample import warp as sample_warp
from apexline.sample.face import FacePuppet, Pose
from apexline.sample.shapes import FaceShape


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_smile_widens_and_lifts_the_mouth_for_the_detector(detector, mirrored):
    actor = FacePuppet(FaceShape(mirrored=mirrored))
    measured = []
    for pose in (Pose(), Pose(happy=1.0)):
        (face,) = detector.detect(np.ascontiguousarray(actor.render(pose)[:480]))
        eyes, mouth = face.landmarks[:2].mean(axis=0), face.landmarks[3:]
        measured.append((mouth[1, 1] - mouth[0, 1], mouth.mean(axis=0)[0] - eyes[0]))
    (neutral_width, neutral_drop), (width, drop) = measured
    assert width > neutral_width + 4
    assert drop < neutral_drop - 2


def face_crop(image):
    return sample_warp.crop_box(image, sample_warp.ROI).astype(np.int16)


def changed_rows(before, after):
    """Portrait rows in which at least one pixel of the face changes visibly."""
    rows = np.flatnonzero((np.abs(face_crop(before) - face_crop(after)).max(axis=-1) > 12).any(axis=1))
    return rows / sample_warp.CANVAS_SCALE + sample_warp.ROI[1]


def test_expressions_change_the_parts_they_should(puppet):
    neutral = puppet.render(Pose())
    blink = changed_rows(neutral, puppet.render(Pose(blink=1.0)))
    assert 85 < blink.min() < blink.max() < 117
    for emotion in sample_marks.EXPRESSIONS:
        rows = changed_rows(neutral, puppet.render(Pose(**{emotion: 1.0})))
        assert np.any((rows > 85) & (rows < 117)), emotion
        assert np.any((rows > 135) & (rows < 160)), emotion


def test_speech_moves_mouth_and_jaw_and_gaze_the_eyes(puppet):
    neutral = puppet.render(Pose())
    talk = changed_rows(neutral, puppet.render(Pose(talk=1.0)))
    assert 130 < talk.min() < 145
    assert talk.max() > 175  # the jaw
    gaze = changed_rows(neutral, puppet.render(Pose(gaze=1.0)))
    assert 95 < gaze.min() < gaze.max() < 108


def test_an_iris_moves_to_the_side_that_is_looked_at(puppet):
    def darkest(image):
        # the middle of the eye on the left, between the lids
        eye = image[2 * 98 : 2 * 103, 2 * 194 : 2 * 211].astype(np.float64).sum(axis=(0, 2))
        weights = np.maximum(0, np.median(eye) - eye)
        return (weights * np.arange(eye.size)).sum() / weights.sum() / 2

    left, ahead, right = (darkest(puppet.render(Pose(gaze=gaze))) for gaze in (-1.0, 0.0, 1.0))
    assert left < ahead - 1
    assert right > ahead + 1


def test_nothing_but_the_face_moves(puppet):
    neutral, scared = puppet.render(Pose()), puppet.render(Pose(scared=1.0, blink=0.5))
    moved = np.any(neutral != scared, axis=-1)
    assert sample_warp.crop_box(moved, sample_warp.ROI).any()
    sample_warp.crop_box(moved, sample_warp.ROI)[:] = False
    assert not moved.any()


def test_expressions_grow_with_intensity(puppet):
    neutral = face_crop(puppet.render(Pose()))
    for emotion in sample_marks.EXPRESSIONS:
        posed = [face_crop(puppet.render(Pose(**{emotion: share}))) for share in (0.2, 0.5, 1.0)]
        change = [np.abs(face - neutral).mean() for face in posed]
        assert 0 < change[0] < change[1] < change[2]


def test_mirrored_variant_is_the_mirror_image(puppet):
    mirrored = FacePuppet(FaceShape(mirrored=True))
    pose = Pose(angry=0.7)
    np.testing.assert_array_equal(mirrored.render(pose), puppet.render(pose)[:, ::-1])
    np.testing.assert_array_equal(mirrored.matte, puppet.matte[:, ::-1])
    assert np.any(mirrored.render(pose) != puppet.render(pose))
    x0, y0, x1, y1 = FaceShape().box()
    assert FaceShape(mirrored=True).box() == (511 - x1, y0, 511 - x0, y1)
