"""Upright, upside down or on its side: told by turning the picture of a face."""

import itertools
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from apexline.features.faces.alignment import CROP_LANDMARKS, Detection
from apexline.features.faces.boxes import Box
from apexline.features.faces.config import FaceConfig
from apexline.features.tracking.config import TrackConfig
from apexline.features.tracking.orientation import Orientation, _turned_box
from apexline.features.tracking.tracker import track_faces
from apexline.features.video.reader import read_frames

BOX = Box(60.0, 50.0, 40.0, 48.0)
IMAGE = np.zeros((200, 300, 3), np.uint8)


class Scores:
    """A detector that gives scores in the order of the turns (90, 180, 270 degrees), None for no face."""

    def __init__(self, *scores, around=(), landmarks=CROP_LANDMARKS):
        self.landmarks = landmarks
        self.scores = itertools.cycle(scores)
        self.around = around
        self.asked = 0

    def confirm(self, image, boxes):
        self.asked += 1
        score = next(self.scores)
        return [None if score is None else Detection(boxes[0], score, self.landmarks)]

    def detect(self, image, *, window=None, known=(), most=None):
        assert most is not None, "the work in the surroundings has no bound"
        rows, cols = image.shape[:2]
        box = Box(cols / 4, rows / 4, cols / 2, rows / 2)
        return [Detection(box, score, self.landmarks) for score in self.around]


def looked_at(detector, *, score, times=(0.0,)):
    orientation = Orientation()
    for time_s in times:
        orientation.look(detector, IMAGE, Detection(BOX, score, CROP_LANDMARKS), time_s)
    return orientation.turned


@pytest.mark.parametrize(
    ("scores", "own", "turned"),
    [
        ((None, None, None), 0.99, ""),
        ((0.98, 0.97, 0.993), 0.99, ""),
        ((0.9, 0.995, None), 0.985, "upside_down"),
        ((0.998, 0.9, 0.9), 0.99, "sideways"),
        ((None, 0.9, 0.998), 0.99, "sideways"),
    ],
)
def test_the_picture_that_looks_most_like_a_face_decides(scores, own, turned):
    assert looked_at(Scores(*scores), score=own) == turned


def test_landmarks_that_no_face_has_speak_against_a_turn():
    squeezed = CROP_LANDMARKS * [1.0, 0.6]
    assert looked_at(Scores(0.995, None, None), score=0.985) == "sideways"
    assert looked_at(Scores(0.995, None, None, landmarks=squeezed), score=0.985) == ""


def test_one_look_against_several_decides_nothing():
    detector = Scores(*[None, 0.995, None], *[None, None, None] * 3)
    assert looked_at(detector, score=0.99, times=[0.0]) == "upside_down"
    assert looked_at(detector, score=0.99, times=[0.0, 8.0, 16.0, 24.0]) == ""


def test_sure_detections_speak_for_an_upright_face():
    orientation = Orientation()
    orientation.look(Scores(None, 0.995, None), IMAGE, Detection(BOX, 0.98, CROP_LANDMARKS), 0.0)
    assert orientation.turned == "upside_down"
    orientation.note(Detection(BOX, 0.99, CROP_LANDMARKS))
    assert orientation.turned == "upside_down"
    orientation.note(Detection(BOX, 0.9999, CROP_LANDMARKS))
    assert orientation.turned == ""


def test_a_doubtful_box_is_searched_about():
    assert looked_at(Scores(None, around=[0.9999]), score=0.95)
    assert not looked_at(Scores(None, around=[0.9999]), score=0.996)


def test_an_upright_face_is_looked_at_rarely_and_a_sure_one_never():
    detector = Scores(None)
    looked_at(detector, score=0.99, times=np.arange(0, 1.9, 0.2))
    assert detector.asked == 2 * 3
    looked_at(detector, score=0.99, times=np.arange(0, 60, 0.2))
    assert detector.asked == (2 + 3) * 3  # and then it is settled
    looked_at(detector, score=0.9995)
    assert detector.asked == (2 + 3) * 3


@pytest.mark.parametrize("turn", [1, 2, 3])
def test_a_box_turns_with_its_picture(turn):
    image = np.zeros((40, 60), np.uint8)
    image[5:15, 20:50] = 1
    left, top, width, height = map(int, _turned_box(Box(20, 5, 30, 10), image.shape, turn))
    expected = np.zeros_like(np.rot90(image, turn))
    expected[top : top + height, left : left + width] = 1
    assert np.array_equal(np.rot90(image, turn), expected)


@pytest.mark.parametrize("turn", [0, 1, 2, 3])
def test_a_drawn_face(astronaut_clip, turn):
    """No frame of a turned face is kept, and none of an upright one dropped for that."""

    def turned(frame):
        image = np.ascontiguousarray(np.rot90(frame.image, turn))
        return SimpleNamespace(
            index=frame.index,
            time_s=frame.time_s,
            image=image,
            gray=cv2.cvtColor(image, cv2.COLOR_BGR2GRAY),
        )

    frames = [turned(frame) for frame in read_frames(astronaut_clip.path)]
    rows = list(track_faces(frames, faces=FaceConfig(), tracks=TrackConfig(), clip_key="a"))
    reasons = {row.drop_reason for row in rows}
    if turn == 0:
        assert reasons == {""}
    else:
        assert "" not in reasons
