"""More faces than are followed at a time: the largest, and bounded work."""

import math
from dataclasses import replace

import cv2
import numpy as np
from skimage import data

from apexline.features.faces.config import FaceConfig
from apexline.features.tracking import tracker
from apexline.features.tracking.tracker import track_faces
from apexline.features.video.pictures import Frame
from tests.features.scenes import TRACKS, Scene, by_track, frames_of, placed, still


def test_the_largest_are_followed_and_no_more(monkeypatch):
    monkeypatch.setattr(tracker, "_MOST_FACES", 3)
    places = [(60, 60), (60, 250), (180, 60), (180, 250), (120, 155)]
    scene = Scene(41, {str(n): still(*place, scale=0.3 + n / 50) for n, place in enumerate(places)})
    tracks = by_track(scene.track(faces=FaceConfig(min_face_px=12)))
    assert len(tracks) == 3
    followed = {tuple(np.round(rows[0].landmarks[2]).astype(int)) for rows in tracks}
    assert {
        place for row, col in followed for place in places if math.hypot(row - place[0], col - place[1]) < 5
    } == {*places[2:]}
    # Every frame of them, and while they are there nobody else is searched for.
    assert all(frames_of(rows) == list(range(41)) for rows in tracks)
    assert scene.searched == [0]
    assert scene.asked_for == [3]


def test_the_place_of_a_face_that_goes_is_taken_by_another(monkeypatch):
    monkeypatch.setattr(tracker, "_MOST_FACES", 1)
    scene = Scene(
        61,
        {
            "goes": lambda frame: placed(120, 80) if frame < 20 else None,
            "stays": still(120, 240, scale=0.5),
        },
    )
    first, second = by_track(scene.track())
    assert frames_of(first)[-1] < 20 <= frames_of(second)[0]
    assert frames_of(second)[-1] == 60


def test_a_mosaic_of_faces_costs_a_search_of_those_that_are_followed():
    small = cv2.resize(data.astronaut()[60:190, 165:285, ::-1], (64, 64), interpolation=cv2.INTER_AREA)
    mosaic = np.ascontiguousarray(np.tile(small, (9, 12, 1)))
    rows = list(
        track_faces(
            [Frame(0, 0.0, mosaic)],
            faces=FaceConfig(),
            tracks=replace(TRACKS, min_detections=1),
            clip_key="m",
        )
    )
    # Of 108, fewer than 64 where two of the largest candidates are one face.
    assert 32 < len(rows) <= 64
