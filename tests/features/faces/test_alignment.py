"""Faces in one image: exact alignment, quality measures."""

import math

import cv2
import numpy as np
import pytest

from apexline.features.faces.alignment import (
    CROP_LANDMARKS,
    Detection,
    align_face,
    apply_transform,
    measure_quality,
)
from apexline.features.faces.boxes import Box
from tests.features.crops import ASTRONAUT_LANDMARKS, crop_transform


def similarity(scale, angle_deg, shift):
    """Matrix on (col, row, 1)."""
    cos, sin = scale * math.cos(math.radians(angle_deg)), scale * math.sin(math.radians(angle_deg))
    return np.array([[cos, -sin, shift[0]], [sin, cos, shift[1]]])


class TestAlignment:
    def test_canonical_face_is_left_alone(self):
        np.testing.assert_allclose(crop_transform(CROP_LANDMARKS), [[1, 0, 0], [0, 1, 0]], atol=1e-12)
        image = np.random.default_rng(1).integers(0, 255, (128, 128)).astype(np.uint8)
        np.testing.assert_array_equal(align_face(image, CROP_LANDMARKS), image)

    def test_hand_worked_double_size(self):
        # Twice as large, shifted by (10 rows, 20 columns): halve, then shift back by 5 and 10.
        landmarks = 2 * CROP_LANDMARKS + [10, 20]
        np.testing.assert_allclose(crop_transform(landmarks), [[0.5, 0, -10], [0, 0.5, -5]], atol=1e-12)

    @pytest.mark.parametrize(("scale", "angle"), [(0.4, 0), (1.3, 25), (2.2, -40), (5, 170)])
    def test_any_similarity_is_undone(self, scale, angle):
        move = similarity(scale, angle, (300, 200))
        landmarks = apply_transform(move, CROP_LANDMARKS)
        undo = crop_transform(landmarks)
        np.testing.assert_allclose(undo, cv2.invertAffineTransform(move), atol=1e-9)
        np.testing.assert_allclose(apply_transform(undo, landmarks), CROP_LANDMARKS, atol=1e-9)

    def test_agrees_with_a_linear_solver(self):
        # Oracle: the same least-squares problem in its four real unknowns.
        rng = np.random.default_rng(5)
        landmarks = 1.7 * CROP_LANDMARKS + rng.normal(0, 4, (5, 2))
        rows, targets = [], []
        for (row, col), (target_row, target_col) in zip(landmarks[:3], CROP_LANDMARKS[:3], strict=True):
            rows += [[col, -row, 1, 0], [row, col, 0, 1]]
            targets += [target_col, target_row]
        a, b, shift_col, shift_row = np.linalg.lstsq(np.array(rows), np.array(targets))[0]
        np.testing.assert_allclose(
            crop_transform(landmarks), [[a, -b, shift_col], [b, a, shift_row]], rtol=1e-9
        )

    def test_mouth_does_not_count(self):
        smiling = CROP_LANDMARKS + np.array([[0, 0], [0, 0], [0, 0], [-6, -9], [-6, 9]])
        np.testing.assert_array_equal(crop_transform(smiling), crop_transform(CROP_LANDMARKS))

    def test_size_scales_the_same_part(self):
        image = cv2.GaussianBlur(
            np.random.default_rng(2).integers(0, 255, (256, 256)).astype(np.uint8), (0, 0), 6
        )
        landmarks = CROP_LANDMARKS + 50
        large = align_face(image, landmarks)
        small = align_face(image, landmarks, size=64)
        assert small.shape == (64, 64)
        halved = cv2.resize(large, (64, 64), interpolation=cv2.INTER_AREA)
        np.testing.assert_allclose(small.astype(int), halved, atol=2)

    @pytest.mark.parametrize("scale", [0.5, 1.5, 3.0, 6.0])
    def test_crop_does_not_depend_on_the_size_in_the_image(self, portrait, scale):
        # Without the finest detail, which the smallest of the images cannot hold.
        gray = cv2.GaussianBlur(cv2.cvtColor(portrait, cv2.COLOR_BGR2GRAY), (0, 0), 2)
        landmarks = ASTRONAUT_LANDMARKS.astype(float)
        expected = align_face(gray, landmarks).astype(int)
        resized = cv2.resize(
            gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        )
        crop = align_face(resized, (landmarks + 0.5) * scale - 0.5).astype(int)
        # Half a pixel of shift would already make 2.
        assert np.abs(crop - expected).mean() < 0.7

    def test_large_faces_do_not_alias(self):
        # A 1 px checkerboard shrunk eight times is flat grey, not a pattern.
        board = (np.indices((1100, 1100)).sum(axis=0) % 2 * 255).astype(np.uint8)
        crop = align_face(board, 8 * CROP_LANDMARKS + 20.3)
        assert np.ptp(crop) <= 2

    def test_outside_of_the_image_repeats_the_border(self):
        image = np.full((60, 60), 77, np.uint8)
        np.testing.assert_array_equal(align_face(image, CROP_LANDMARKS - 40), 77)
        # Far outside, and so large that shrinking it would leave nothing.
        np.testing.assert_array_equal(align_face(image, 300 * CROP_LANDMARKS - 9000), 77)

    def test_coinciding_landmarks_are_refused(self):
        with pytest.raises(ValueError, match="expected three different points"):
            crop_transform(np.full((5, 2), 7.0))

    def test_canonical_places_lie_well_inside(self):
        # 6 px are lost to the texture codes, brows lie a third of the eye distance above the eyes.
        eye_distance = CROP_LANDMARKS[1, 1] - CROP_LANDMARKS[0, 1]
        assert CROP_LANDMARKS.min() - eye_distance / 3 > 6
        assert CROP_LANDMARKS.max() + eye_distance / 3 < 122
        np.testing.assert_allclose(CROP_LANDMARKS[:2, 1].mean(), 64)
        assert not CROP_LANDMARKS.flags.writeable


class TestQuality:
    BOX = Box(10.0, 20.0, 30.0, 120.0)

    def test_frontal_face(self):
        quality = measure_quality(np.full((128, 128), 9, np.uint8), self.BOX, CROP_LANDMARKS)
        assert (quality.size_px, quality.blur, quality.yaw, quality.roll_deg) == (60, 0, 0, 0)

    def test_hand_worked_blur(self):
        # One bright pixel: the Laplacian is -4 b there and b at its four neighbours, 20 b^2 in all.
        crop = np.zeros((128, 128), np.uint8)
        crop[64, 64] = 200
        blur = measure_quality(crop, self.BOX, CROP_LANDMARKS).blur
        assert blur == pytest.approx(20 * 200**2 / 128**2, rel=1e-5)

    def test_blurring_lowers_blur(self, portrait):
        gray = cv2.cvtColor(portrait, cv2.COLOR_BGR2GRAY)
        sharp, soft = (
            measure_quality(
                align_face(image, ASTRONAUT_LANDMARKS.astype(float)), self.BOX, CROP_LANDMARKS
            ).blur
            for image in (gray, cv2.GaussianBlur(gray, (0, 0), 3))
        )
        assert sharp > 10 * soft

    @pytest.mark.parametrize("angle", [-30, 0, 20])
    def test_roll_and_yaw_are_independent(self, angle):
        turned = CROP_LANDMARKS.copy()
        turned[2, 1] += 0.25 * 46
        landmarks = apply_transform(similarity(1.4, angle, (5, 9)), turned)
        quality = measure_quality(np.zeros((128, 128), np.uint8), self.BOX, landmarks)
        assert quality.yaw == pytest.approx(0.25)
        assert quality.roll_deg == pytest.approx(angle)

    def test_profile_saturates(self):
        profile = CROP_LANDMARKS.copy()
        profile[:2, 1] = 64, 65
        profile[2, 1] = 20
        assert measure_quality(np.zeros((128, 128), np.uint8), self.BOX, profile).yaw == -1
        profile[0] = profile[1]
        assert measure_quality(np.zeros((128, 128), np.uint8), self.BOX, profile).yaw == 0


def test_detection_size():
    assert Detection(Box(0, 0, 20, 45), 0.9, CROP_LANDMARKS).size_px == pytest.approx(30)
