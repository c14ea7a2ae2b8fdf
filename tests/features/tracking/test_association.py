"""Which detection continues which face."""

import numpy as np
import pytest

from apexline.features.faces.alignment import CROP_LANDMARKS, Detection
from apexline.features.faces.boxes import Box
from apexline.features.tracking.association import Association
from tests.features.scenes import EVERY, Scene, by_track, frames_of, placed, still


@pytest.fixture
def association():
    return Association(start_score=0.9, min_iou=0.2, memory=2)


def detections(*lefts, score=0.99):
    return [Detection(Box(left, 50.0, 60.0, 60.0), score, CROP_LANDMARKS) for left in lefts]


def test_numbers_follow_the_faces_not_the_order(association):
    assert association.match(detections(10.0, 200.0)) == [None, None]
    first, second = association.match(detections(14.0, 205.0))
    assert None not in (first, second)
    assert first != second
    assert association.match(detections(208.0, 18.0)) == [second, first]


def test_low_score_continues_a_face_but_starts_none(association):
    association.match(detections(10.0))
    [number] = association.match(detections(12.0))
    assert association.match(detections(14.0, 200.0, score=0.75)) == [number, None]
    assert association.match(detections(16.0, 200.0, score=0.75)) == [number, None]


def test_no_detections(association):
    assert association.match([]) == []


def test_faces_that_pass_each_other_keep_their_tracks():
    scene = Scene(
        50,
        {
            "right": lambda frame: placed(75, 60 + 4 * frame),
            "left": lambda frame: placed(165, 260 - 4 * frame),
        },
    )
    tracks = by_track(scene.track())
    assert len(tracks) == 2
    for track in tracks:
        cols = np.array([row.landmarks[2, 1] for row in track])
        assert len(track) == 50
        assert (np.abs(np.diff(cols)) < 6).all()


def test_face_that_comes_back_is_a_new_track():
    scene = Scene(80, {"a": lambda frame: placed(120, 160) if not 25 <= frame < 45 else None})
    first, second = by_track(scene.track())
    assert frames_of(first)[-1] == 20
    assert 45 <= frames_of(second)[0] < 45 + EVERY
    assert frames_of(second)[-1] == 79


def test_low_score_starts_no_track():
    assert Scene(31, {"a": still()}, score=0.85).track() == []
