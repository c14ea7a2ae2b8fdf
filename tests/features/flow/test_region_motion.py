"""Motion of a region: its mean, and its histogram of directions."""

import numpy as np
import pytest
from numba import njit

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


def test_what_is_no_number_stays_within_the_bins():
    flow = np.full((2, 3, 3), np.nan, np.float32)
    flow[:, 1, 1] = np.inf, -np.inf
    assert hoof(flow).shape == (8,)


@njit
def _bins(drow, dcol, num_bins):
    bins = np.empty(drow.size, np.int64)
    for i in range(drow.size):
        bins[i] = int(np.floor(np.arctan2(drow[i], dcol[i]) * np.float32(num_bins / (2 * np.pi)))) % num_bins
    return bins


@pytest.mark.parametrize("num_bins", [4, 5, 8, 12])
def test_each_direction_falls_into_the_bin_of_its_angle_to_the_last_bit(rng, num_bins):
    """Drawn, on borders between bins and beside them by single bits, tiny, huge, and none."""
    drawn = rng.normal(size=(2, 4000)) * 10.0 ** rng.integers(-6, 3, 4000)
    borders = np.arange(-2 * num_bins, 2 * num_bins) * (np.pi / num_bins)
    edges = np.stack([np.sin(borders), np.cos(borders)])
    near = np.concatenate([edges + step for step in np.arange(-8, 9) * 2.0**-24], axis=1)
    signed = np.array(np.meshgrid([0.0, -0.0, 1.0, -1.0, 1e-40], [0.0, -0.0, 1.0, -1.0, 1e-40]))
    drow, dcol = np.concatenate([drawn, near, signed.reshape(2, -1)], axis=1).astype(np.float32)
    modules = np.sqrt(drow * drow + dcol * dcol)
    expected = np.where(np.arange(num_bins)[:, None] == _bins(drow, dcol, num_bins), modules, np.float32(0))
    found = [hoof(np.array([[[a]], [[b]]]), num_bins=num_bins) for a, b in zip(drow, dcol, strict=True)]
    np.testing.assert_array_equal(np.transpose(found), expected)


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
