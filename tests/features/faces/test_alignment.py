"""Faces in one image: the real detector on a real face, exact alignment, quality measures."""

import math

import cv2
import numpy as np
import pytest
from skimage import data

from apexline.features.faces.alignment import (
    CROP_LANDMARKS,
    Detection,
    align_face,
    apply_transform,
    measure_quality,
)
from apexline.features.faces.boxes import Box
from apexline.features.faces.config import FaceConfig
from apexline.features.faces.detectors import make_detector
from tests.features.crops import crop_transform

# (row, col) px in scikit-image's portrait, read off by eye.
ASTRONAUT_LANDMARKS = np.array([[100, 203], [103, 246], [127, 224], [139, 201], [141, 245]])


@pytest.fixture(scope="module")
def portrait():
    return np.ascontiguousarray(data.astronaut()[..., ::-1])


@pytest.fixture(scope="module")
def small_portrait(portrait):
    """320 x 240, face about 50 px wide."""
    image = cv2.resize(portrait, (240, 240), interpolation=cv2.INTER_AREA)
    return np.pad(image, ((0, 0), (40, 40), (0, 0)))


def similarity(scale, angle_deg, shift):
    """Matrix on (col, row, 1)."""
    cos, sin = scale * math.cos(math.radians(angle_deg)), scale * math.sin(math.radians(angle_deg))
    return np.array([[cos, -sin, shift[0]], [sin, cos, shift[1]]])


class TestMtcnn:
    def test_finds_the_face_and_its_landmarks(self, portrait):
        (found,) = make_detector(FaceConfig()).detect(portrait)
        assert found.score > 0.99
        left, top, width, height = found.box
        assert left < 203 < 246 < left + width
        assert top < 100 < 141 < top + height
        assert found.size_px == pytest.approx(math.sqrt(width * height))
        np.testing.assert_allclose(found.landmarks, ASTRONAUT_LANDMARKS, atol=3)

    def test_small_frame(self, small_portrait):
        (found,) = make_detector(FaceConfig()).detect(small_portrait)
        expected = (ASTRONAUT_LANDMARKS + 0.5) * 240 / 512 - 0.5 + [0, 40]
        np.testing.assert_allclose(found.landmarks, expected, atol=1.5)

    def test_landmarks_do_not_suffer_from_the_shrunken_search(self, portrait):
        large = cv2.resize(portrait, None, fx=3, fy=3, interpolation=cv2.INTER_LINEAR)
        (found,) = make_detector(FaceConfig(max_detection_side=512)).detect(large)
        (reference,) = make_detector(FaceConfig()).detect(portrait)
        np.testing.assert_allclose(
            (found.landmarks + 0.5) / 3 - 0.5, reference.landmarks, atol=0.02 * reference.size_px
        )
        assert found.size_px == pytest.approx(3 * reference.size_px, rel=0.1)

    def test_mirrored_image_gives_mirrored_landmarks(self, portrait):
        detector = make_detector(FaceConfig())
        (found,) = detector.detect(portrait)
        (mirrored,) = detector.detect(np.ascontiguousarray(portrait[:, ::-1]))
        back = mirrored.landmarks[[1, 0, 2, 4, 3]]
        back[:, 1] = portrait.shape[1] - 1 - back[:, 1]
        np.testing.assert_allclose(back, found.landmarks, atol=1.5)

    def test_noise_hardly_moves_landmarks(self, small_portrait):
        detector = make_detector(FaceConfig())
        rng = np.random.default_rng(3)
        noisy = [
            np.clip(small_portrait + rng.normal(0, 4, small_portrait.shape), 0, 255).astype(np.uint8)
            for _ in range(6)
        ]
        landmarks = np.array([detector.detect(image)[0].landmarks for image in noisy])
        # Eyes are 20 px apart: 1.5 % of that.
        assert landmarks.std(axis=0).max() < 0.3

    def test_several_faces_best_first(self, portrait):
        face = portrait[30:200, 140:310]
        blurred = cv2.GaussianBlur(face, (0, 0), 3)
        scene = np.full((240, 560, 3), 128, np.uint8)
        scene[40:210, 30:200], scene[40:210, 350:520] = blurred, face
        found = make_detector(FaceConfig()).detect(scene)
        assert len(found) == 2
        assert found[0].score >= found[1].score

    def test_no_face(self):
        assert make_detector(FaceConfig()).detect(np.zeros((120, 160, 3), np.uint8)) == []
        noise = np.random.default_rng(0).integers(0, 255, (120, 160, 3)).astype(np.uint8)
        assert make_detector(FaceConfig()).detect(noise) == []

    def test_frame_smaller_than_a_face(self):
        assert make_detector(FaceConfig()).detect(np.zeros((8, 8, 3), np.uint8)) == []

    def test_faces_below_the_least_size_are_not_searched(self, small_portrait):
        assert make_detector(FaceConfig(min_face_px=120)).detect(small_portrait) == []

    def test_face_at_the_border(self, portrait):
        found = make_detector(FaceConfig()).detect(np.ascontiguousarray(portrait[85:, 190:]))
        assert all(np.isfinite(detection.landmarks).all() for detection in found)

    def test_known_faces_are_not_found_again(self, portrait):
        detector = make_detector(FaceConfig())
        (found,) = detector.detect(portrait)
        assert detector.detect(portrait, known=[found.box]) == []
        left, top, width, height = found.box
        elsewhere = Box(left, top + 1.5 * height, width, height)
        assert [again.box for again in detector.detect(portrait, known=[elsewhere])] == [found.box]

    def test_confirms_a_face_from_a_rough_place(self, portrait):
        detector = make_detector(FaceConfig())
        (found,) = detector.detect(portrait)
        left, top, width, height = found.box
        (again,) = detector.confirm(portrait, [Box(left + 4, top - 3, width * 1.05, height)])
        assert again.score > 0.95
        np.testing.assert_allclose(again.box, found.box, atol=0.06 * found.size_px)
        np.testing.assert_allclose(again.landmarks, found.landmarks, atol=0.03 * found.size_px)

    def test_confirms_no_face_where_there_is_none(self, portrait):
        sides = [(10.0, 10.0, 60.0, 60.0), (-200.0, -200.0, 50.0, 50.0), (480.0, 480.0, 90.0, 90.0)]
        boxes = [Box(*each) for each in (*sides, (0.0, 0.0, 0.2, 0.1))]
        assert make_detector(FaceConfig()).confirm(portrait, boxes) == [None] * 4


class TestYunet:
    def test_needs_a_model(self):
        with pytest.raises(ValueError, match="set it to the ONNX file"):
            make_detector(FaceConfig(detector="yunet"))

    def test_missing_model(self, tmp_path):
        with pytest.raises(FileNotFoundError, match=r"none\.onnx.*fetch it"):
            make_detector(FaceConfig(detector="yunet", model_path=str(tmp_path / "none.onnx")))

    @pytest.fixture
    def detector(self, tmp_path, monkeypatch):
        """The wrapper around a network that answers with given rows."""

        class Net:
            rows = None
            size = None

            def setInputSize(self, size):  # noqa: N802
                self.size = size

            def detect(self, image):
                assert image.shape[1::-1] == self.size
                return 1, self.rows

        monkeypatch.setattr(cv2.FaceDetectorYN, "create", lambda *arguments: Net())
        (tmp_path / "yunet.onnx").write_bytes(b"model")
        config = FaceConfig(detector="yunet", model_path=str(tmp_path / "yunet.onnx"), max_detection_side=320)
        return make_detector(config)

    def test_reads_rows_in_full_frame_px(self, detector):
        eye_etc = [12, 20, 32, 21, 22, 30, 14, 40, 30, 41]
        weak = [10, 10, 30, 40, *eye_etc, 0.8]
        strong = [100, 10, 30, 40, *(c + 90 if n % 2 == 0 else c for n, c in enumerate(eye_etc)), 0.95]
        tiny = [200, 10, 3, 4, *eye_etc, 0.99]
        detector._net.rows = np.array([weak, strong, tiny], np.float32)
        first, second = detector.detect(np.zeros((240, 640, 3), np.uint8))
        assert (first.box, first.score) == ((200, 20, 60, 80), pytest.approx(0.95))
        assert second.box == (20, 20, 60, 80)
        np.testing.assert_allclose(second.landmarks, [[40, 24], [42, 64], [60, 44], [80, 28], [82, 60]])

    def test_no_face(self, detector):
        assert detector.detect(np.zeros((240, 320, 3), np.uint8)) == []


@pytest.mark.parametrize(
    "field",
    [{"min_face_px": 3}, {"min_score": 1.2}, {"max_detection_side": 10}],
)
def test_config_refuses_nonsense(field):
    (name,) = field
    with pytest.raises(ValueError, match=f"FaceConfig\n{name}\n.*should be.*input_value={field[name]}"):
        FaceConfig(**field)


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
