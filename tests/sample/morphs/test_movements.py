"""Lids, irises and lips told from landmarks: eyes 60 px apart, mouth 40 px wide."""

import numpy as np
import pytest

from apexline.sample.morphs.movements import close_lids, find_seam, part_lips, shift_gaze

LANDMARKS = np.array([(70.0, 60.0), (130.0, 60.0), (100.0, 90.0), (80.0, 120.0), (120.0, 120.0)])


@pytest.fixture
def grid():
    rows, cols = np.mgrid[0:200, 0:200]
    return np.stack([cols, rows], axis=-1).astype(np.float32)


def test_lids_slide_over_the_eyes_and_nowhere_else(grid):
    closed = close_lids(grid, LANDMARKS, 1.0)
    # an eye is .17 of 60 px high, from 54.9 to 65.1: its lower rim shows what was the upper one
    assert closed[65, 70, 1] == pytest.approx(54.9, abs=0.5)
    assert closed[66, 70, 1] == 66
    assert closed[60, 70, 1] < 54
    np.testing.assert_array_equal(closed[:, :, 0], grid[:, :, 0])
    still = np.abs(closed - grid).max(axis=-1) == 0
    assert still[:40].all()
    assert still[67:].all()
    assert still[:, 86:114].all()
    np.testing.assert_allclose(close_lids(grid, LANDMARKS, 0.0), grid, atol=1e-4)


def test_irises_move_aside(grid):
    right = shift_gaze(grid, LANDMARKS, 1.0)
    assert right[60, 70, 0] == pytest.approx(70 - 0.045 * 60, abs=0.01)
    assert right[60, 130, 0] == pytest.approx(130 - 0.045 * 60, abs=0.01)
    assert right[120, 100, 0] == pytest.approx(100, abs=0.01)
    np.testing.assert_array_equal(shift_gaze(grid, LANDMARKS, 0.0), grid)


def test_lips_part_at_the_seam_and_the_jaw_goes_along(grid):
    skin, inside = part_lips(grid, LANDMARKS, 1.0, 0.0)
    # .15 of 60 px down and .015 up in the middle
    assert inside[120:129, 100].tolist() == [1.0] * 9
    assert inside[117, 100] == 0
    assert inside[131, 100] == 0
    assert skin[130, 100, 1] == pytest.approx(121.25, abs=0.2)
    assert skin[180, 100, 1] == 180
    assert not inside[:, :80].any()
    assert not inside[:, 121:].any()
    skin, inside = part_lips(grid, LANDMARKS, 0.0, 3.0)
    np.testing.assert_allclose(skin, grid, atol=1e-4)
    assert not inside.any()


def test_the_seam_is_the_darkest_line():
    image = np.full((200, 200, 3), 180, np.uint8)
    image[123:125, 80:120] = 60
    assert find_seam(image, LANDMARKS) in (3.0, 4.0)
