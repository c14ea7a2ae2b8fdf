"""Peers of MODC, against slow loops and libraries."""

import numpy as np
import pytest
from skimage.feature import local_binary_pattern

from apexline.features.modc.peers import dcp_histograms, hog_histograms, lbp_histograms
from tests.reference import texture as slow


def test_lbp_equals_slow_loops_on_every_backend(backend, noise):
    found = backend.host(lbp_histograms(backend.array(noise), grid=(2, 2)))
    assert found.shape == (2, 2, 2, 256)
    for t in range(2):
        expected = slow.block_histograms(slow.lbp_codes(noise[t])[None], (2, 2), 256)[0]
        np.testing.assert_allclose(found[t], expected, rtol=1e-6)


def test_lbp_axis_bits_agree_with_scikit_image(noise):
    """Their bit 0 points right and turns anticlockwise; diagonals differ in rounding, straight ones do not."""
    theirs = local_binary_pattern(noise[0], 8, 1)[1:-1, 1:-1].astype(int)
    ours = slow.lbp_codes(noise[0])
    for our_bit, their_bit in ((0, 2), (2, 0), (4, 6), (6, 4)):
        np.testing.assert_array_equal(ours >> our_bit & 1, theirs >> their_bit & 1)


def test_dcp_equals_slow_loops_on_every_backend(backend, noise):
    found = backend.host(dcp_histograms(backend.array(noise), grid=(2, 2)))
    assert found.shape == (2, 2, 2, 512)
    for t in range(2):
        planes = slow.block_histograms(slow.dcp_codes(noise[t], (4, 6)), (2, 2), 256)
        np.testing.assert_allclose(found[t], np.concatenate(list(planes), axis=-1) / 2, rtol=1e-6)


def test_hog_of_a_ramp_points_along_it(backend):
    """Grey rises to the right: unsigned gradients at 0 degrees, the seam of the first and last of nine bins."""
    image = np.tile((4 * np.arange(32)).astype(np.uint8), (1, 32, 1))
    found = backend.host(hog_histograms(backend.array(image), grid=(2, 2)))
    assert found.shape == (1, 2, 2, 9)
    np.testing.assert_allclose(np.linalg.norm(found, axis=-1), 1, atol=5e-3)
    assert np.all(found[..., [0, 8]].sum(axis=-1) > 10 * found[..., 1:8].sum(axis=-1))


def test_hog_blocks_are_row_major():
    image = np.zeros((1, 32, 48), np.uint8)
    image[0, :16, 32:] = np.tile(np.arange(16, dtype=np.uint8) * 8, (16, 1))
    strength = hog_histograms(image, grid=(2, 3)).sum(axis=-1)[0]
    assert np.unravel_index(strength.argmax(), strength.shape) == (0, 2)


def test_hog_refuses_tiny_blocks():
    with pytest.raises(ValueError, match="blocks below 4 px"):
        hog_histograms(np.zeros((1, 8, 8), np.uint8))
