"""Registration: shifts undone, and what cannot be registered."""

import cv2
import numpy as np
import pytest

from apexline.features.faces.boxes import Window
from apexline.features.registration.registrar import Registrar, matching_gains
from tests.features.moving import moved


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
        Registrar(still_crops[0], motion="affine").register(still_crops[0][:, :, None].repeat(3, axis=2))


def test_gains_bring_means_together(backend):
    image = np.full((4, 4), 50, np.float32)
    reference = np.pad(np.full((2, 2), 80, np.float32), 1)
    images = [backend.array(image), backend.array(0 * image)]
    assert matching_gains(images, backend.array(reference), Window(1, 3, 1, 3)) == [1.6, 1.0]
