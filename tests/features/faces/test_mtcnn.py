"""The real detector on a real face."""

import math

import cv2
import numpy as np
import pytest

from apexline.features.faces import mtcnn
from apexline.features.faces.boxes import Box
from apexline.features.faces.config import FaceConfig
from apexline.features.faces.detectors import make_detector
from tests.features.crops import ASTRONAUT_LANDMARKS


@pytest.fixture(scope="module")
def small_portrait(portrait):
    """320 x 240, face about 50 px wide."""
    image = cv2.resize(portrait, (240, 240), interpolation=cv2.INTER_AREA)
    return np.pad(image, ((0, 0), (40, 40), (0, 0)))


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

    def test_the_largest_faces_are_the_same_that_a_search_for_all_finds(self, portrait):
        face = portrait[30:200, 140:310]
        scene = np.full((240, 560, 3), 128, np.uint8)
        scene[40:210, 30:200] = face
        scene[60:196, 350:486] = cv2.resize(face, (136, 136), interpolation=cv2.INTER_AREA)
        detector = make_detector(FaceConfig())
        both = detector.detect(scene)
        [largest] = detector.detect(scene, most=1)
        assert largest.box == max(both, key=lambda found: found.size_px).box
        assert [found.box for found in detector.detect(scene, most=2)] == [found.box for found in both]
        assert detector.detect(np.zeros((120, 160, 3), np.uint8), most=1) == []

    def test_few_faces_are_the_same_under_a_bound(self, portrait):
        face = portrait[30:200, 140:310]
        scene = np.full((480, 560, 3), 128, np.uint8)
        for row, side in ((0, 170), (190, 120), (330, 80)):
            for col in range(20, 560 - side, side + 20):
                scene[row : row + side, col : col + side] = cv2.resize(face, (side, side))
        detector = make_detector(FaceConfig())
        free, bounded = detector.detect(scene), detector.detect(scene, most=64)
        assert len(free) > 8
        assert [(each.box, each.score) for each in free] == [(each.box, each.score) for each in bounded]
        assert all(
            np.array_equal(one.landmarks, other.landmarks) for one, other in zip(free, bounded, strict=True)
        )

    def test_a_mosaic_of_faces_costs_no_more_than_the_faces_asked_for(self, portrait, monkeypatch):
        small = cv2.resize(portrait[60:190, 165:285], (24, 24), interpolation=cv2.INTER_AREA)
        scene = np.tile(small, (20, 20, 1))
        shown = []
        ask = mtcnn.Session.__call__
        monkeypatch.setattr(
            mtcnn.Session, "__call__", lambda net, images: shown.append(len(images)) or ask(net, images)
        )
        assert len(make_detector(FaceConfig(min_face_px=20)).detect(scene, most=1)) == 1
        # P-Net's levels, R-Net and O-Net once, and the views of one face
        assert max(shown) <= 128
        assert len(shown) < 20

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

    def test_faces_are_confirmed_alike_alone_and_beside_others(self, portrait):
        scene = np.hstack([portrait, portrait[:, ::-1]])
        detector = make_detector(FaceConfig())
        boxes = [found.box for found in detector.detect(scene)]
        boxes.insert(1, Box(10.0, 400.0, 60.0, 60.0))
        together = detector.confirm(scene, boxes)
        assert [seen is None for seen in together] == [False, True, False]
        for seen, box in zip(together, boxes, strict=True):
            [alone] = detector.confirm(scene, [box])
            if seen is None:
                assert alone is None
            else:
                assert (seen.box, seen.score) == (alone.box, alone.score)
                np.testing.assert_array_equal(seen.landmarks, alone.landmarks)

    def test_nothing_to_confirm(self, portrait):
        assert make_detector(FaceConfig()).confirm(portrait, []) == []
