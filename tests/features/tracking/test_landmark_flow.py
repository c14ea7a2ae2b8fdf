"""Landmarks from one frame to the next: known motions are recovered, and slipping is noticed."""

import numpy as np
import pytest

from apexline.features.faces.alignment import CROP_LANDMARKS, apply_transform
from apexline.features.tracking.landmark_flow import track_landmarks
from tests.features.scenes import COLS, ROWS, box_of, draw, pattern, placed


def frame(move, *, size=(ROWS, COLS), seed=1):
    image = np.full(size, 100, np.uint8)
    draw(image, pattern(seed), move)
    return image


def motion_of(previous, current, landmarks, box):
    [motion] = track_landmarks(previous, current, [landmarks], [box])
    return motion


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
@pytest.mark.parametrize(("shift", "zoom", "angle"), [((0, 0), 1, 0), ((3, -5), 1, 0), ((2, 4), 1.04, 4)])
def test_recovers_the_motion(scale, shift, zoom, angle):
    size = (480, 640)
    before = placed(240, 320, scale=scale)
    after = placed(240 + shift[0], 320 + shift[1], scale=scale * zoom, angle=angle)
    found = motion_of(
        frame(before, size=size),
        frame(after, size=size),
        apply_transform(before, CROP_LANDMARKS),
        np.array(box_of(before)),
    )
    assert found is not None
    np.testing.assert_allclose(
        apply_transform(found, apply_transform(before, CROP_LANDMARKS)),
        apply_transform(after, CROP_LANDMARKS),
        atol=0.12 * max(1, scale),
    )


def test_still_frames_give_no_motion():
    image = frame(placed(120, 160))
    landmarks = apply_transform(placed(120, 160), CROP_LANDMARKS)
    found = motion_of(image, image, landmarks, np.array(box_of(placed(120, 160))))
    np.testing.assert_allclose(found, [[1, 0, 0], [0, 1, 0]], atol=1e-5)


def test_gone_or_flat_or_outside_is_lost():
    move = placed(120, 160)
    image, landmarks, box = (
        frame(move),
        apply_transform(move, CROP_LANDMARKS),
        np.array(box_of(move)),
    )
    flat = np.full_like(image, 100)
    assert motion_of(image, flat, landmarks, box) is None
    assert motion_of(flat, flat, landmarks, box) is None
    assert motion_of(image, frame(move, seed=9), landmarks, box) is None
    assert motion_of(image, image, landmarks + [0, 400], box + [400, 0, 0, 0]) is None


def test_growth_beyond_belief_is_lost(monkeypatch):
    monkeypatch.setattr("apexline.features.tracking.landmark_flow._MAX_ZOOM", 1.01)
    before, after = placed(120, 160), placed(120, 160, scale=0.63)
    found = motion_of(
        frame(before),
        frame(after),
        apply_transform(before, CROP_LANDMARKS),
        np.array(box_of(before)),
    )
    assert found is None


def test_faces_move_alike_alone_and_beside_others():
    size = (480, 640)
    places = [(120, 150, 0.6), (240, 330, 1.0), (200, 560, 1.0), (400, 2000, 1.0)]
    before = [placed(row, col, scale=scale) for row, col, scale in places]
    after = [placed(row + 3, col - 2, scale=scale, angle=2) for row, col, scale in places]
    previous, current = (np.full(size, 100, np.uint8) for _ in range(2))
    for image, moves in ((previous, before), (current, after)):
        for seed, move in enumerate(moves[:2], start=1):
            draw(image, pattern(seed), move)
    landmarks = [apply_transform(move, CROP_LANDMARKS) for move in before]
    boxes = [np.array(box_of(move)) for move in before]
    together = track_landmarks(previous, current, landmarks, boxes)
    # the third is gone, the fourth outside of the frame
    assert [motion is None for motion in together] == [False, False, True, True]
    for motion, points, box in zip(together, landmarks, boxes, strict=True):
        np.testing.assert_array_equal(motion, motion_of(previous, current, points, box))


def test_no_face_has_no_motion():
    image = np.full((ROWS, COLS), 100, np.uint8)
    assert track_landmarks(image, image, [], []) == []
