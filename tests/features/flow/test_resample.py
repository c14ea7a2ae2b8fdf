"""Resampling: whole pixels, parabolas, and a level that comes back."""

import numpy as np

from apexline.features.backend import namespace
from apexline.features.flow.resample import enlarge, halve, warp


def test_warping_by_whole_pixels_shifts(backend, rng):
    image = rng.normal(size=(8, 9)).astype(np.float32)
    flow = np.stack([np.full((8, 9), 2.0), np.full((8, 9), -1.0)]).astype(np.float32)
    warped, inside = (backend.host(each) for each in warp(backend.array(image), backend.array(flow)))
    np.testing.assert_allclose(warped[:-2, 1:], image[2:, :-1], atol=1e-6)
    expected = np.zeros((8, 9), bool)
    expected[:-2, 1:] = True
    np.testing.assert_array_equal(inside, expected)


def test_cubic_interpolation_keeps_parabolas(backend):
    """Cubic convolution reproduces polynomials of the second degree exactly away from the border."""
    rows, cols = np.mgrid[:10, :12].astype(np.float32)
    flow = np.stack([np.full((10, 12), 0.3), np.full((10, 12), -0.6)]).astype(np.float32)
    warped, _ = warp(backend.array(rows**2 + rows * cols), backend.array(flow))
    expected = (rows + 0.3) ** 2 + (rows + 0.3) * (cols - 0.6)
    np.testing.assert_allclose(backend.host(warped)[2:-2, 2:-2], expected[2:-2, 2:-2], rtol=1e-4)


def test_a_level_is_half_as_large_and_comes_back(backend):
    rows = np.mgrid[:11, :8][0].astype(np.float32)
    xp = namespace(backend.array(rows))
    small = halve(xp, backend.array(rows))
    assert small.shape == (6, 4)
    np.testing.assert_allclose(backend.host(small)[1:-1, 2], [2, 4, 6, 8], atol=1e-5)
    flow = enlarge(xp, backend.array(np.ones((2, 6, 4), np.float32)), (11, 8))
    np.testing.assert_allclose(backend.host(flow), 2.0, atol=1e-6)
