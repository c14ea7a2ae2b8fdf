"""Peaks are those of ``scipy.signal``, to the bit."""

import numpy as np
import pytest
from scipy import signal

from apexline.features.spotting.peaks import find_peaks, peak_widths


@pytest.fixture(scope="module")
def curves():
    """Noise, walks, curves with plateaus, and those that fall off beyond their ends."""
    rng = np.random.default_rng(0)
    drawn = [
        made(int(rng.integers(3, high)))
        for made in (
            lambda size: rng.normal(0, 1, size),
            lambda size: rng.normal(0, 1, size).cumsum(),
            lambda size: rng.integers(0, 5, size).astype(float),
        )
        # far beyond where a higher value is looked for first
        for high in [60] * 100 + [2000] * 5
    ]
    return [*drawn, *(np.pad(each, 1, constant_values=each.min() - 1e-9) for each in drawn), np.zeros(9)]


@pytest.mark.parametrize(("height", "prominence"), [(-9.0, 0.0), (0.5, 0.0), (0.2, 0.7), (1.0, 1.0)])
def test_they_are_found(curves, height, prominence):
    found = 0
    for curve in curves:
        expected, _ = signal.find_peaks(curve, height=height, prominence=prominence)
        np.testing.assert_array_equal(find_peaks(curve, height=height, prominence=prominence), expected)
        found += expected.size
    assert found > 100


@pytest.mark.parametrize("rel_height", [0.4, 0.5, 0.85])
def test_their_widths(curves, rel_height):
    for curve in curves:
        peaks = find_peaks(curve, height=-9.0)
        _, _, left, right = signal.peak_widths(curve, peaks, rel_height=rel_height)
        found = peak_widths(curve, peaks, rel_height=rel_height)
        np.testing.assert_array_equal(found[0], left)
        np.testing.assert_array_equal(found[1], right)
