"""How texture differs over time: hand-worked values and slow loops."""

import numpy as np

from apexline.features.modc.differences import block_differences, chi_square_blocks, pool_blocks
from tests.reference import texture as slow


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
