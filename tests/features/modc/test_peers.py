"""Peers of MODC and the flow histogram, against slow loops and libraries."""

import numpy as np
import pytest
from skimage.feature import local_binary_pattern

from apexline.features.faces.boxes import Window
from apexline.features.flow.region_motion import hoof, region_motion
from apexline.features.modc.peers import dcp_histograms, hog_histograms, lbp_histograms
from tests.reference import flow as slow_flow
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
    displacement, histograms = region_motion(backend.array(flow), regions, head=head, num_bins=5)
    for i, (top, bottom, left, right) in enumerate(regions):
        part = flow[:, top:bottom, left:right] - own
        np.testing.assert_allclose(backend.host(displacement)[i], part.mean(axis=(1, 2)), atol=1e-5)
        np.testing.assert_allclose(backend.host(histograms)[i], slow_flow.hoof(part, 5), atol=1e-4)
