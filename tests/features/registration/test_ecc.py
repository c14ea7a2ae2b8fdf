"""Translation by ECC: shifts found by known truth, refusals, and the shift itself."""

import cv2
import numpy as np
import pytest
from scipy.ndimage import fourier_shift

from apexline.features.registration.ecc import align_translation, shift_image

BOX = (20, 60, 24, 80)  # top, bottom, left, right


@pytest.fixture(scope="module")
def scene():
    """Smooth noise, shape (96, 112), and its exact shift by Fourier's theorem."""
    noise = cv2.GaussianBlur(np.random.default_rng(3).normal(128, 60, (96, 112)), (0, 0), 3)

    def shifted(down, right):
        return np.fft.ifft2(fourier_shift(np.fft.fft2(noise), (down, right))).real.astype(np.float32)

    return shifted


def align(template, image, start=(0.0, 0.0), iterations=50):
    top, bottom, left, right = BOX
    part = np.ascontiguousarray(template[top:bottom, left:right])
    correlation, row, col = align_translation(part, image, top + start[0], left + start[1], iterations, 1e-7)
    return correlation, row - top, col - left


@pytest.mark.parametrize("truth", [(0.0, 0.0), (0.37, -1.62), (-2.5, 0.25)])
def test_a_known_shift_is_found(scene, truth):
    correlation, down, right = align(scene(0, 0), scene(*truth))
    assert (down, right) == pytest.approx(truth, abs=0.01)
    assert correlation == pytest.approx(1.0, abs=1e-3)


def test_gain_and_offset_of_light_do_not_matter(scene):
    _, down, right = align(scene(0, 0), 0.5 * scene(0.8, -0.4) + 40)
    assert (down, right) == pytest.approx((0.8, -0.4), abs=0.01)


def test_the_correlation_is_that_of_the_place_it_ends_at(scene):
    template, image = scene(0, 0), scene(0, 0) + np.random.default_rng(0).normal(0, 1, (96, 112)).astype("f4")
    correlation, down, right = align(template, image)
    top, bottom, left, right_edge = BOX
    seen = shift_image(image, down, right)[top:bottom, left:right_edge]
    expected = np.corrcoef(seen.ravel(), template[top:bottom, left:right_edge].ravel())[0, 1]
    assert correlation == pytest.approx(expected, abs=0.01)


def test_a_flat_image_and_one_left_behind_have_no_correlation(scene):
    assert align(scene(0, 0), np.full((96, 112), 7, np.float32))[0] == 0.0
    assert align(np.full((96, 112), 7, np.float32), scene(0, 0))[0] == 0.0
    assert align(scene(0, 0), scene(0, 0), start=(-25.0, 0.0))[0] == 0.0


def test_whole_pixels_are_moved_exactly(scene):
    image = scene(0, 0)
    moved = shift_image(image, 2.0, -3.0)
    np.testing.assert_array_equal(moved[:-2, 3:], image[2:, :-3])
    np.testing.assert_array_equal(moved[-1, 3:], image[-1, :-3])
    np.testing.assert_array_equal(moved[:-2, 0], image[2:, 0])


def test_fractions_of_pixels_equal_a_slow_loop(scene):
    image, down, right = scene(0, 0), 0.3, -1.8
    moved = shift_image(image, down, right)
    for row, col in ((0, 0), (5, 1), (40, 50), (95, 111), (94, 2)):
        assert moved[row, col] == pytest.approx(slow_cubic(image, row + down, col + right), abs=1e-3)


def slow_cubic(image, row, col):
    """Keys' cubic convolution, a = -1/2, borders repeated."""
    top, left = int(np.floor(row)), int(np.floor(col))
    total = 0.0
    for y in range(top - 1, top + 3):
        for x in range(left - 1, left + 3):
            value = image[min(max(y, 0), 95), min(max(x, 0), 111)]
            total += kernel(row - y) * kernel(col - x) * float(value)
    return total


def kernel(distance):
    s = abs(distance)
    if s <= 1:
        return 1.5 * s**3 - 2.5 * s**2 + 1
    return -0.5 * s**3 + 2.5 * s**2 - 4 * s + 2 if s < 2 else 0.0
