"""Motion of a region: its mean, and its histogram of directions."""

import numpy as np
import pytest

from apexline.features.faces.boxes import Window
from apexline.features.flow.region_motion import hoof, region_motion
from tests.reference import flow as slow_flow


def test_hoof_equals_slow_loops_on_every_backend(backend, rng):
    flow = rng.normal(size=(2, 6, 7)).astype(np.float32)
    found = backend.host(hoof(backend.array(flow)))
    np.testing.assert_allclose(found, slow_flow.hoof(flow, 8), rtol=1e-5)


@pytest.mark.parametrize(
    ("drow", "dcol", "expected"),
    [
        (0.1, 1, 0),
        (1, 0.1, 1),
        (1, -0.1, 2),
        (0.1, -1, 3),
        (-0.1, -1, 4),
        (-1, -0.1, 5),
        (-1, 0.1, 6),
        (-0.1, 1, 7),
    ],
)
def test_hoof_bins_turn_with_growing_rows(drow, dcol, expected):
    flow = np.stack([np.full((2, 2), drow), np.full((2, 2), dcol)]).astype(np.float32)
    found = hoof(flow)
    assert found.argmax() == expected
    assert found.sum() == pytest.approx(np.hypot(drow, dcol))


def test_hoof_sums_to_the_mean_module(rng):
    flow = rng.normal(size=(2, 9, 9)).astype(np.float32)
    assert hoof(flow, num_bins=5).sum() == pytest.approx(np.hypot(*flow).mean(), rel=1e-5)


def test_smallest_negative_angle_falls_into_a_bin():
    flow = np.array([[[-1e-30]], [[1.0]]], dtype=np.float32)
    assert hoof(flow).sum() == pytest.approx(1.0)


@pytest.mark.parametrize("head", [None, Window(0, 6, 0, 6)])
def test_region_motion_is_mean_and_hoof_of_each_part(backend, head):
    flow = np.random.default_rng(4).normal(0, 2, (2, 20, 24)).astype(np.float32)
    regions = [Window(2, 10, 3, 20), Window(11, 20, 0, 24)]
    own = np.zeros((2, 1, 1)) if head is None else flow[:, :6, :6].mean(axis=(1, 2), keepdims=True)
    both = backend.array(np.stack([flow, flow[::-1]]))
    displacement, histograms = (
        backend.host(each)[0] for each in region_motion(both, regions, head=head, num_bins=5)
    )
    for i, (top, bottom, left, right) in enumerate(regions):
        part = flow[:, top:bottom, left:right] - own
        np.testing.assert_allclose(displacement[i], part.mean(axis=(1, 2)), atol=1e-5)
        np.testing.assert_allclose(histograms[i], slow_flow.hoof(part, 5), atol=1e-4)
