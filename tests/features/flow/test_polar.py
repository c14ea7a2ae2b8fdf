"""Angles of motion: hand-worked values and invariants."""

import numpy as np
import pytest

from apexline.features.flow.polar import flow_angle, wrap_angle


# (drow, dcol) in the four quadrants of (column right, row down): tan = 1/2 or 2
@pytest.mark.parametrize(
    ("drow", "dcol", "atan2", "paper"),
    [
        (1, 2, np.arctan(1 / 2), np.arctan(1 / 2)),
        (1, -2, np.pi - np.arctan(1 / 2), np.pi / 2 + np.arctan(1 / 2)),
        (-1, -2, np.pi + np.arctan(1 / 2), np.pi + np.arctan(1 / 2)),
        (-1, 2, 2 * np.pi - np.arctan(1 / 2), 3 * np.pi / 2 + np.arctan(1 / 2)),
        (0, 0, 0, 0),
    ],
)
def test_angles_in_four_quadrants(backend, drow, dcol, atan2, paper):
    drows, dcols = backend.array(np.array([float(drow)])), backend.array(np.array([float(dcol)]))
    assert backend.host(flow_angle(drows, dcols))[0] == pytest.approx(atan2)
    assert backend.host(flow_angle(drows, dcols, mode="paper"))[0] == pytest.approx(paper)


def test_paper_angle_is_polar_in_the_first_and_third_quadrant_only(rng):
    drow, dcol = rng.normal(size=(2, 200))
    same = np.isclose(flow_angle(drow, dcol), flow_angle(drow, dcol, mode="paper"))
    np.testing.assert_array_equal(same, drow * dcol > 0)


def test_angles_stay_below_a_turn():
    angles = flow_angle(np.float32([-1e-30, -0.0]), np.float32([1.0, 1.0]))
    assert angles.tolist() == [0.0, 0.0]


def test_differences_wrap_to_half_open_turn(backend):
    found = backend.host(wrap_angle(backend.array(np.array([np.pi, -np.pi, 3.5, -3.5, 0.0, 7.0]))))
    expected = [np.pi, np.pi, 3.5 - 2 * np.pi, 2 * np.pi - 3.5, 0, 7 - 2 * np.pi]
    np.testing.assert_allclose(found, expected, atol=1e-12)
