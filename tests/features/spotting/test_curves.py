"""Curves over time: hand-worked values, invariants and slow loops."""

import numpy as np
import pytest
from scipy.signal import savgol_filter

from apexline.features.flow.polar import flow_angle
from apexline.features.modc.differences import block_differences, pool_blocks
from apexline.features.spotting.curves import (
    change_threshold,
    contrast,
    half_window,
    score_curve,
    smooth,
    true_spans,
)


def test_contrast_by_hand():
    curve = np.array([0.0, 0.0, 4.0, 0.0, 0.0, 2.0])
    # 4 - (0 + 0)/2; 2 - (0 + 2)/2 at the repeated end; negative values are cut
    assert contrast(curve, k=1).tolist() == [0, 0, 4, 0, 0, 1]


@pytest.mark.parametrize(("window", "order"), [(3, 1), (7, 2), (21, 2)])
@pytest.mark.parametrize("shape", [(21,), (60,), (41, 15)])
def test_smoothing_has_the_bits_of_scipys(rng, shape, window, order):
    curve = rng.normal(0, 1, shape)
    expected = savgol_filter(curve, window, order, axis=0, mode="interp")
    np.testing.assert_array_equal(smooth(curve, window=window, order=order), expected)


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
