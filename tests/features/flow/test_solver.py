"""Horn-Schunck: still images, known motion, slow loops on every backend."""

import numpy as np
import pytest

from apexline.features.flow.solver import alpha_from_mu, horn_schunck, horn_schunck_pyramid
from tests.features.moving import moved
from tests.reference import flow as slow


def inner(flow, margin=8):
    return flow[:, margin:-margin, margin:-margin]


@pytest.mark.parametrize("solve", [horn_schunck, horn_schunck_pyramid])
def test_still_images_give_exactly_zero_flow(backend, texture_image, solve):
    image = backend.array(texture_image.astype(np.uint8))
    flow = backend.host(solve(image, image))
    assert flow.dtype == np.float32
    assert flow.shape == (2, 64, 64)
    assert not flow.any()


@pytest.mark.parametrize("stencil", ["cross", "horn_schunck"])
def test_sweeps_equal_slow_loops_on_every_backend(backend, rng, stencil):
    reference = rng.uniform(0, 255, (9, 11)).astype(np.float32)
    moving = rng.uniform(0, 255, (9, 11)).astype(np.float32)
    flow = horn_schunck(
        backend.array(reference), backend.array(moving), alpha=7.0, num_sweeps=12, stencil=stencil
    )
    expected = slow.horn_schunck(reference, moving, 7.0, 12, stencil)
    np.testing.assert_allclose(backend.host(flow), expected, atol=2e-5)


def test_one_sweep_by_hand():
    """A ramp of 6 grey levels per px that moves right by one px: J_b = 6, J_h = -6, from rest.

    One sweep with A^2 = 64: q = -6 / (64 + 36), e = -6 q = .36, s = 0.
    """
    reference = np.tile(6.0 * np.arange(9, dtype=np.float32), (9, 1))
    flow = horn_schunck(reference, reference - 6, alpha=8.0, num_sweeps=1)
    np.testing.assert_allclose(flow[1, :, 2:-2], 0.36, rtol=1e-6)
    np.testing.assert_array_equal(flow[0], 0)


@pytest.mark.parametrize(("drow", "dcol"), [(0.4, 0.0), (0.0, -0.5), (0.3, 0.6), (-0.5, -0.2)])
def test_small_shift_is_recovered(texture_image, drow, dcol):
    flow = horn_schunck(texture_image, moved(texture_image, drow, dcol), num_sweeps=300)
    np.testing.assert_allclose(inner(flow).mean(axis=(1, 2)), [drow, dcol], atol=0.06)


def test_sinusoidal_warp_is_recovered(backend, texture_image):
    rows, cols = np.mgrid[:64, :64]
    drow = 1.5 * np.sin(2 * np.pi * cols / 64)
    dcol = 1.2 * np.cos(2 * np.pi * rows / 64)
    # content at p comes from p - d(p): for this slow warp that is motion by d to first order
    moving = moved(texture_image, drow, dcol)
    flow = backend.host(
        horn_schunck_pyramid(
            backend.array(texture_image.astype(np.float32)), backend.array(moving), alpha=8.0, num_sweeps=60
        )
    )
    error = inner(np.hypot(flow[0] - drow, flow[1] - dcol)[None])
    assert error.mean() < 0.2
    assert np.corrcoef(inner(flow)[0].ravel(), inner(drow[None])[0].ravel())[0, 1] > 0.98


def test_pyramid_follows_what_one_level_cannot(texture_image):
    moving = moved(texture_image, 3.0, -4.0)
    truth = np.array([3.0, -4.0])[:, None, None]
    single = np.abs(inner(horn_schunck(texture_image, moving) - truth)).mean()
    coarse_to_fine = np.abs(inner(horn_schunck_pyramid(texture_image, moving) - truth)).mean()
    assert coarse_to_fine < 0.15
    assert single > 1.0


@pytest.mark.parametrize("median", [0, 3, 5])
def test_pyramid_agrees_across_backends(backend, texture_image, median):
    reference, moving = texture_image.astype(np.float32), moved(texture_image, 1.0, -0.7)
    options = {"num_warps": 2, "num_sweeps": 10, "median": median, "stencil": "horn_schunck"}
    flow = horn_schunck_pyramid(backend.array(reference), backend.array(moving), **options)
    expected = horn_schunck_pyramid(reference, moving, **options)
    np.testing.assert_allclose(backend.host(flow), expected, atol=1e-3)


def test_transposed_images_give_transposed_flow(texture_image):
    moving = moved(texture_image, 0.4, -0.2)
    flow = horn_schunck(texture_image, moving)
    turned = horn_schunck(texture_image.T.copy(), moving.T.copy())
    np.testing.assert_allclose(turned, flow[::-1].transpose(0, 2, 1), atol=1e-5)


def test_alpha_of_the_papers_mu():
    assert alpha_from_mu(4 / 225) == pytest.approx(15.0)
    assert alpha_from_mu(3 / 225, stencil="horn_schunck") == pytest.approx(15.0)


def test_larger_alpha_is_smoother(texture_image):
    moving = moved(texture_image, 0.4, -0.2)
    rough, fine = (np.abs(np.diff(horn_schunck(texture_image, moving, alpha=a))).mean() for a in (5.0, 50.0))
    assert fine < rough / 2


IMAGE = np.zeros((20, 20), np.uint8)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: horn_schunck(IMAGE, IMAGE[1:]), r"expected the same \(M, N\)"),
        (lambda: horn_schunck(IMAGE[None], IMAGE[None]), r"expected the same \(M, N\)"),
        (lambda: horn_schunck(IMAGE, IMAGE, alpha=0), "alpha is 0"),
        (lambda: horn_schunck(IMAGE, IMAGE, num_sweeps=0), "num_sweeps is 0"),
        (lambda: horn_schunck(IMAGE, IMAGE, stencil="box"), "stencil is 'box'"),
        (lambda: horn_schunck_pyramid(IMAGE, IMAGE, median=4), "median is 4"),
        (lambda: horn_schunck_pyramid(IMAGE, IMAGE, num_warps=0), "num_warps is 0"),
        (lambda: horn_schunck_pyramid(IMAGE, IMAGE, num_levels=0), "num_levels is 0"),
        (lambda: alpha_from_mu(0), "mu is 0"),
        (lambda: alpha_from_mu(1, stencil="box"), "stencil is 'box'"),
    ],
)
def test_errors_say_what_was_expected(call, match):
    with pytest.raises(ValueError, match=match):
        call()
