"""Stills as a puppet."""

import numpy as np
import pytest

from apexline.sample.face import Pose
from apexline.sample.morphs.puppet import MorphPuppet

FACE = np.s_[60:200, 70:186]


@pytest.fixture(scope="module")
def morph(anna):
    return MorphPuppet(anna)


def difference(image, other):
    return np.abs(image[FACE].astype(float) - other[FACE]).mean()


def test_calm_is_the_still_and_the_whole_way_is_the_other(morph, anna):
    np.testing.assert_array_equal(morph.render(Pose()), anna.calm.image)
    smile = anna.emotional["happy"].image
    assert difference(morph.render(Pose(happy=1.0)), smile) < 0.2 * difference(anna.calm.image, smile)


def test_expressions_grow_with_intensity(morph, anna):
    calm = anna.calm.image
    changes = [difference(morph.render(Pose(happy=share)), calm) for share in (0.25, 0.5, 1.0)]
    assert 0 < changes[0] < changes[1] < changes[2]


def test_half_way_the_mouth_has_moved_half_the_way(morph, anna, detector):
    widths = []
    for pose in (Pose(), Pose(happy=0.5), Pose(happy=1.0)):
        [face] = detector.detect(morph.render(pose))
        widths.append(face.landmarks[4, 1] - face.landmarks[3, 1])
    assert widths[0] + 1 < widths[1] < widths[2] - 1


def test_lids_eyes_and_lips_move_where_they_are(morph, anna):
    calm = anna.calm.image.astype(int)
    eye_row, mouth_row = (int(anna.calm.points[i, 1].mean()) for i in (slice(0, 2), slice(3, 5)))
    for pose, row in ((Pose(blink=1.0), eye_row), (Pose(gaze=1.0), eye_row), (Pose(talk=1.0), mouth_row)):
        change = np.abs(morph.render(pose) - calm).max(axis=-1).max(axis=1)
        assert change[row - 12 : row + 13].max() > 25
        assert change[: row - 30].max() < 12


def test_speech_is_dark_inside_unless_an_expression_has_opened_the_mouth(morph, anna):
    x, y = anna.calm.points[3:].mean(axis=0).round().astype(int)
    inner = np.s_[y + 3 : y + 6, x - 3 : x + 4]
    assert morph.render(Pose(talk=1.0))[inner].mean() < 70
    assert morph.render(Pose(talk=1.0, happy=1.0))[inner].mean() > 70


def test_the_rim_of_the_canvas_is_cut_away(morph):
    assert morph.matte[128, 128] == pytest.approx(1)
    assert morph.matte[[0, -1]].max() < 0.01
    assert morph.matte[:, [0, -1]].max() < 0.01
