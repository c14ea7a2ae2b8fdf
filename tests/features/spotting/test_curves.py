"""Curves over time: hand-worked values, invariants and slow loops."""

import numpy as np
import pytest

from apexline.features.flow.polar import flow_angle, wrap_angle
from apexline.features.modc.differences import block_differences, chi_square_blocks, pool_blocks
from apexline.features.spotting.curves import (
    change_threshold,
    contrast,
    half_window,
    score_curve,
    smooth,
    true_spans,
)
from tests.reference import texture as slow


@pytest.fixture
def histograms(rng):
    """(8, 2, 2, 2, 5) with empty bins."""
    counts = rng.integers(0, 4, (8, 2, 2, 2, 5)).astype(np.float32)
    counts[..., 0] += 1
    return counts / counts.sum(axis=-1, keepdims=True)


def test_chi_square_by_hand(backend):
    """h = (1, 0, 0), r = (1/2, 1/2, 0): (1/2)^2 / (3/2) + (1/2)^2 / (1/2) + 0/0 = 1/6 + 1/2."""
    h = np.array([1, 0, 0], np.float32).reshape(1, 1, 1, 3)
    r = np.array([0.5, 0.5, 0], np.float32).reshape(1, 1, 1, 3)
    found = backend.host(chi_square_blocks(backend.array(h), backend.array(r)))
    np.testing.assert_allclose(found, [2 / 3], rtol=1e-6)


def test_differences_equal_slow_loops_on_every_backend(backend, histograms):
    found = backend.host(block_differences(backend.array(histograms), k=2))
    np.testing.assert_allclose(found, slow.differences(histograms, 2), rtol=1e-5, atol=1e-7)


def test_first_frame_as_reference(backend, histograms):
    found = backend.host(block_differences(backend.array(histograms), k=2, curve="first"))
    assert not found[0].any()
    expected = chi_square_blocks(histograms[5], histograms[0])
    np.testing.assert_allclose(found[5], expected, rtol=1e-5)


def test_still_histograms_do_not_differ(histograms):
    still = np.repeat(histograms[:1], 6, axis=0)
    assert not block_differences(still, k=2).any()


def test_pooling_by_hand(backend):
    blocks = backend.array(np.array([[1.0, 9.0, 5.0, 3.0]]))
    assert backend.host(pool_blocks(blocks)).tolist() == [4.5]
    # a third of four blocks, rounded up, is two
    assert backend.host(pool_blocks(blocks, pooling="top_third")).tolist() == [7.0]


def test_contrast_by_hand():
    curve = np.array([0.0, 0.0, 4.0, 0.0, 0.0, 2.0])
    # 4 - (0 + 0)/2; 2 - (0 + 2)/2 at the repeated end; negative values are cut
    assert contrast(curve, k=1).tolist() == [0, 0, 4, 0, 0, 1]


def test_smoothing_keeps_parabolas_and_damps_noise(rng):
    parabola = (np.arange(20.0) - 7) ** 2
    np.testing.assert_allclose(smooth(parabola), parabola, atol=1e-9)
    noise = rng.normal(size=(200, 2))
    assert smooth(noise).std() < 0.7 * noise.std()


@pytest.mark.parametrize("length", [1, 2, 3, 4, 6])
def test_short_curves_can_be_smoothed(length):
    curve = np.arange(float(length))
    np.testing.assert_allclose(smooth(curve), curve, atol=1e-9)


def test_threshold_by_hand():
    curve = np.array([0.0, 2.0, 4.0])
    assert change_threshold(curve, delta=0.25) == 2 + 0.25 * 2
    assert change_threshold(curve, delta=1.0) == 4.0


def test_score_runs_from_mean_to_peak():
    scores = score_curve(np.array([0.0, 2.0, 4.0]))
    assert scores.tolist() == [-1.0, 0.0, 1.0]
    assert score_curve(np.ones(3)).tolist() == [0, 0, 0]


def test_runs_are_inclusive():
    mask = np.array([True, False, True, True, False, True])
    assert true_spans(mask) == [(0, 0), (2, 3), (5, 5)]
    assert true_spans(np.zeros(3, bool)) == []


@pytest.mark.parametrize(
    ("window_s", "fps", "expected"), [(0.34, 25, 4), (0.34, 30, 5), (0.34, 100, 17), (0.1, 5, 1)]
)
def test_window_follows_the_frame_rate(window_s, fps, expected):
    assert half_window(window_s, fps) == expected


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


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda h: block_differences(h, k=0), "k is 0"),
        (lambda h: block_differences(h, k=1, curve="last"), "curve is 'last'"),
        (lambda h: pool_blocks(h, pooling="max"), "pooling is 'max'"),
        (lambda h: change_threshold(np.ones(3), delta=1.5), "delta is 1.5"),
        (lambda h: flow_angle(np.ones(1), np.ones(1), mode="polar"), "angle mode is 'polar'"),
    ],
)
def test_errors_say_what_was_expected(call, match, histograms):
    with pytest.raises(ValueError, match=match):
        call(histograms)
