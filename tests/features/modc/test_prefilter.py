"""What happens to an image before it is coded."""

import numpy as np

from apexline.features.modc.prefilter import prefilter_images
from tests.reference import texture as slow


def test_gaussian_equals_slow_loops(backend, noise):
    found = backend.host(prefilter_images(backend.array(noise), method="gaussian"))
    for t in range(2):
        np.testing.assert_array_equal(found[t], slow.gaussian_q8(noise[t]))


def test_no_prefilter_is_the_image(noise):
    np.testing.assert_array_equal(prefilter_images(noise, method="none"), noise)


def test_tan_triggs_evens_out_light(backend, texture_image):
    image = texture_image.astype(np.uint8)
    shaded = (texture_image * np.linspace(0.4, 1.0, 64)).astype(np.uint8)
    even, uneven = (
        backend.host(prefilter_images(backend.array(each), method="tan_triggs")).astype(float)
        for each in (image, shaded)
    )
    correlation = np.corrcoef(even.ravel(), uneven.ravel())[0, 1]
    assert correlation > 0.97
    assert correlation > np.corrcoef(image.ravel(), shaded.ravel())[0, 1]
    expected = prefilter_images(image, method="tan_triggs").astype(float)
    assert np.abs(even - expected).max() <= 1


def test_tan_triggs_of_a_flat_image_is_flat():
    assert set(prefilter_images(np.full((9, 9), 50, np.uint8), method="tan_triggs").ravel().tolist()) <= {
        127,
        128,
    }
