"""The compiled loops of the flow give what array operations and Python give."""

import array_api_strict
import cv2
import numpy as np
import pytest

from apexline.features.flow import compiled as flow_kernels
from apexline.features.flow import resample
from apexline.features.flow import solver as module
from apexline.features.flow.solver import horn_schunck, horn_schunck_pyramid
from tests.features.moving import moved


@pytest.mark.parametrize("stencil", ["cross", "horn_schunck"])
@pytest.mark.parametrize("solve", [horn_schunck, horn_schunck_pyramid])
def test_compiled_loops_give_the_bits_of_array_operations(rng, solve, stencil):
    reference = cv2.GaussianBlur(rng.uniform(0, 255, (37, 50)).astype(np.float32), (0, 0), 1.5)
    moving = moved(reference, 0.8, -1.3)
    arrays = (array_api_strict.asarray(reference), array_api_strict.asarray(moving))
    expected = solve(*arrays, num_sweeps=9, stencil=stencil)
    found = solve(reference, moving, num_sweeps=9, stencil=stencil)
    np.testing.assert_array_equal(found, np.asarray(expected))


def test_kernels_as_python_agree_with_their_compiled_selves(monkeypatch, rng):
    reference = rng.uniform(0, 255, (10, 17)).astype(np.float32)
    moving = rng.uniform(0, 255, (10, 17)).astype(np.float32)
    options = {"num_levels": 2, "num_warps": 2, "num_sweeps": 2}
    compiled = [
        horn_schunck_pyramid(reference, moving, stencil=stencil, **options)
        for stencil in ("cross", "horn_schunck")
    ]
    for owner, name in (
        (module, "refine"),
        (resample, "enlarge_compiled"),
        (resample, "halve_compiled"),
        (flow_kernels, "warp_compiled"),
        (flow_kernels, "_linearise"),
        (flow_kernels, "_sweep"),
        (flow_kernels, "_replicate_border"),
        (flow_kernels, "_sweep_run"),
        (flow_kernels, "_mean_of_four"),
        (flow_kernels, "_mean_of_eight"),
        (flow_kernels, "_replicated"),
        (flow_kernels, "_place_row"),
        (flow_kernels, "_tap_row"),
        (flow_kernels, "_tap"),
        (flow_kernels, "_cubic_weights"),
    ):
        monkeypatch.setattr(owner, name, getattr(owner, name).py_func)
    for expected, stencil in zip(compiled, ("cross", "horn_schunck"), strict=True):
        interpreted = horn_schunck_pyramid(reference, moving, stencil=stencil, **options)
        np.testing.assert_allclose(interpreted, expected, atol=1e-4)
