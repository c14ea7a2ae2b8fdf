"""Horn-Schunck: still images, known motion, slow loops on every backend; resampling and registration."""

import array_api_strict
import cv2
import numpy as np
import pytest

from features import flow as module
from features import flow_kernels, resample
from features.flow import alpha_from_mu, horn_schunck, horn_schunck_pyramid
from features.registration import Registrar, face_regions, match_gain, rigid_box
from features.resample import enlarge, halve, warp
from tests.reference import flow as slow


def moved(image, drow, dcol):
    """Image whose content has moved by (drow, dcol), px: moving[p + d] = image[p]."""
    rows, cols = np.mgrid[: image.shape[0], : image.shape[1]].astype(np.float64)
    source = np.stack([rows - drow, cols - dcol]).astype(np.float32)
    return cv2.remap(
        image.astype(np.float32), source[1], source[0], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )


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


@pytest.mark.parametrize("stencil", ["cross", "horn_schunck"])
@pytest.mark.parametrize("solve", [horn_schunck, horn_schunck_pyramid])
def test_compiled_loops_give_the_bits_of_array_operations(rng, solve, stencil):
    reference = cv2.GaussianBlur(rng.uniform(0, 255, (37, 50)).astype(np.float32), (0, 0), 1.5)
    moving = moved(reference, 0.8, -1.3)
    arrays = (array_api_strict.asarray(reference), array_api_strict.asarray(moving))
    expected = solve(*arrays, num_sweeps=9, stencil=stencil)
    found = solve(reference, moving, num_sweeps=9, stencil=stencil)
    np.testing.assert_array_equal(found, np.asarray(expected))


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
    xp = module.namespace(backend.array(rows))
    small = halve(xp, backend.array(rows))
    assert small.shape == (6, 4)
    np.testing.assert_allclose(backend.host(small)[1:-1, 2], [2, 4, 6, 8], atol=1e-5)
    flow = enlarge(xp, backend.array(np.ones((2, 6, 4), np.float32)), (11, 8))
    np.testing.assert_allclose(backend.host(flow), 2.0, atol=1e-6)


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


# Registration


def test_regions_lie_in_the_crop_and_mirror():
    regions = face_regions()
    for top, bottom, left, right in regions.values():
        assert 0 <= top < bottom <= 128
        assert 0 <= left < right <= 128
    for side in ("brow", "eye", "mouth"):
        a, b = regions[f"left_{side}"], regions[f"right_{side}"]
        assert a[:2] == b[:2]
        assert abs((a[2] + a[3]) / 2 + (b[2] + b[3]) / 2 - 128) <= 1


def test_rigid_skin_leaves_brows_and_mouth_out():
    mask = np.zeros((128, 128), bool)
    top, bottom, left, right = rigid_box()
    mask[top:bottom, left:right] = True
    regions = face_regions()
    for name in ("left_brow", "right_brow", "left_mouth", "lips"):
        top, bottom, left, right = regions[name]
        assert not mask[top:bottom, left:right].any()
    top, bottom, left, right = regions["nose"]
    assert mask[top:bottom, left:right].all()


@pytest.mark.parametrize("motion", ["translation", "affine"])
def test_registration_undoes_a_shift(still_crops, motion):
    crop = still_crops[0]
    registrar = Registrar(crop, motion=motion)
    shifted = np.clip(np.rint(moved(crop.astype(float), 1.4, -2.3)), 0, 255).astype(np.uint8)
    found = registrar.register(shifted)
    assert found.correlation > 0.98
    middle = np.array([64.0, 64.0, 1.0])
    np.testing.assert_allclose(found.matrix @ middle - middle[:2], [-2.3, 1.4], atol=0.1)
    before = np.abs(shifted.astype(float) - crop)[30:90, 30:90].mean()
    assert np.abs(found.image - crop)[30:90, 30:90].mean() < before / 3


def test_no_registration_passes_crops_through(still_crops):
    found = Registrar(still_crops[0], motion="none").register(still_crops[1])
    np.testing.assert_array_equal(found.image, still_crops[1])
    assert found.correlation > 0.95


@pytest.mark.parametrize("motion", ["none", "translation"])
def test_a_flat_crop_cannot_be_registered(still_crops, motion):
    flat = np.full((128, 128), 90, np.uint8)
    found = Registrar(still_crops[0], motion=motion).register(flat)
    assert found.correlation == 0.0
    np.testing.assert_array_equal(found.image, flat)


def test_a_shift_too_large_for_aligned_crops_is_refused(still_crops):
    crop = still_crops[0]
    registrar = Registrar(crop, num_iterations=200)
    for drow in range(3, 13, 3):
        shifted = moved(crop.astype(float), drow, drow).astype(np.uint8)
        found = registrar.register(shifted)
    assert found.correlation == 0.0
    np.testing.assert_array_equal(found.matrix, np.eye(2, 3))


def test_unknown_motion_model_is_refused(still_crops):
    with pytest.raises(ValueError, match="expected one of none, translation, affine"):
        Registrar(still_crops[0], motion="rotation")


def test_other_faults_of_opencv_are_not_swallowed(still_crops):
    with pytest.raises(cv2.error):
        Registrar(still_crops[0]).register(still_crops[0][:, :, None].repeat(3, axis=2))


def test_gain_brings_means_together(backend):
    image = np.full((4, 4), 50, np.float32)
    reference = np.pad(np.full((2, 2), 80, np.float32), 1)
    found = match_gain(backend.array(image), backend.array(reference), (1, 3, 1, 3))
    np.testing.assert_allclose(backend.host(found), 80.0)
    black = match_gain(backend.array(0 * image), backend.array(reference), (1, 3, 1, 3))
    assert not backend.host(black).any()
