"""The compiled codes as Python."""

import ast

import numpy as np

from apexline.features.modc import compiled as modc_kernels
from apexline.features.modc.codes import KINDS
from tests.reference import texture as slow

SMALL = (1, 2, 3)


def test_kernels_stay_within_their_arrays(monkeypatch, rng):
    """Kernels as Python, where an index beyond an array raises; vectors coded by slow loops."""
    images = rng.integers(100, 108, (2, 10, 24)).astype(np.uint8)
    rings = modc_kernels.Rings(SMALL, (KINDS["sl"], KINDS["sr"]), ((1, 4, 16, 64), (1, 4, 16, 64)))
    codes = modc_kernels.code_stack(images, rings)
    counted = modc_kernels.histogram_stack(images, rings, (2, 3))

    def code_lanes(tile, start, codes, first, pitch, plan):
        radii, turns, weights, stride, _ = ast.literal_eval(plan)
        assert tile.shape[1] == stride
        row, col = start // stride + radii[2], start % stride + radii[2]
        for lane in range(16):
            for plane in range(2 * len(turns)):
                digits = slow.digits_at(tile, row, col + lane, radii, turns[plane // 2])[plane % 2 :: 2]
                code = sum(w * a + v * b for w, v, (a, b) in zip(*weights, digits, strict=True))
                codes[first + plane * pitch + lane] = code

    monkeypatch.setattr(modc_kernels, "_code_lanes", code_lanes)
    for name in ("_code_kernel", "_histogram_kernel"):
        kernel = getattr(modc_kernels, name)(rings).py_func
        monkeypatch.setattr(modc_kernels, name, lambda _, kernel=kernel: kernel)
    monkeypatch.setattr(modc_kernels, "_copy_tile", modc_kernels._copy_tile.py_func)
    np.testing.assert_array_equal(modc_kernels.code_stack(images, rings), codes)
    np.testing.assert_array_equal(modc_kernels.histogram_stack(images, rings, (2, 3)), counted)


def test_the_cache_on_disk_sees_where_rings_sample(monkeypatch):
    """A kernel is found again by its plan: other taps are another plan, hence another kernel."""
    rings = modc_kernels.Rings(SMALL, (KINDS["sl"],), ((1, 4, 16, 64), (1, 4, 16, 64)))
    before, *_ = modc_kernels._plan(rings)
    monkeypatch.setattr(
        modc_kernels, "sampling_taps", lambda radius, direction: (np.zeros((4, 2), int), np.full(4, 64))
    )
    assert modc_kernels._plan(rings)[0] != before
