"""Codes counted by block."""

import numpy as np

from apexline.features.modc import histograms, prefilter
from apexline.features.modc.histograms import block_histograms
from apexline.features.modc.prefilter import prefilter_images


def test_blocks_cover_the_area_once(backend):
    codes = np.arange(35).reshape(1, 1, 5, 7)
    found = backend.host(block_histograms(backend.array(codes.astype(np.int32)), grid=(2, 3), bins=35))
    # rows 0-1 and 2-4, columns 0-1, 2-3, 4-6
    areas = np.array([[4, 4, 6], [6, 6, 9]])
    np.testing.assert_allclose((found[0, 0] * areas[..., None]).sum(axis=(0, 1)), 1, rtol=1e-6)


def test_counting_and_smoothing_as_python(monkeypatch, noise):
    """The same for the compiled loops beside."""
    smooth = prefilter_images(noise)
    counted = block_histograms(smooth, grid=(2, 2), bins=256)
    for owner, name in ((histograms, "_count_blocks"), (prefilter, "_smooth_stack")):
        monkeypatch.setattr(owner, name, getattr(owner, name).py_func)
    np.testing.assert_array_equal(prefilter_images(noise), smooth)
    np.testing.assert_array_equal(block_histograms(smooth, grid=(2, 2), bins=256), counted)
