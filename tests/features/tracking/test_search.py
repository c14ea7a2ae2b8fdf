"""Where a frame is searched: everywhere now and then, a part of it when something there has changed."""

from dataclasses import replace

import numpy as np
import pytest

from apexline.features.faces.boxes import Box, Window
from apexline.features.tracking.search import MotionSearch
from tests.features.scenes import COLS, ROWS, TRACKS, Scene, by_track, frames_of, placed, still

WHOLE = Window(0, ROWS, 0, COLS)
# The smallest face has 40 px, so a cell has 10.
CELL = 10


@pytest.fixture
def search():
    return MotionSearch(min_face_px=40, search_s=0.5, still_search_s=2.0)


def grey(*patches):
    """Flat grey with brighter windows."""
    image = np.full((ROWS, COLS), 90, np.uint8)
    for patch in patches:
        image[patch.slices] = 160
    return image


FACE = Box(20.0, 20.0, 60.0, 60.0)
ENTERED = Window(120, 160, 200, 240)


def test_first_frame_is_searched_everywhere(search):
    assert search.window(grey(), 7.0, []) == WHOLE


def test_still_scene_is_searched_rarely(search):
    asked = np.arange(60) / 10
    searched = [t for t in asked if search.window(grey(), t, [FACE]) is not None]
    assert searched == [0, 2, 4]


def test_scene_without_a_face_is_searched_more_often(search):
    asked = np.arange(20) / 10
    searched = [t for t in asked if search.window(grey(), t, []) == WHOLE]
    assert searched == [0, 0.5, 1, 1.5]


def test_hand_worked_window(search):
    search.window(grey(), 0, [FACE])
    # Four cells wider on each side than the four by four that changed: 12 x 12 cells of 24 x 32, .1875 of the
    # frame, due after .1875 x .5 s.
    assert search.window(grey(ENTERED), 0.09, [FACE]) is None
    assert search.window(grey(ENTERED), 0.1, [FACE]) == Window(80, 200, 160, 280)
    # Once searched, it is known.
    assert search.window(grey(ENTERED), 1.0, [FACE]) is None


def test_change_waits_until_its_search_is_due(search):
    search.window(grey(), 0, [FACE])
    assert search.window(grey(ENTERED), 0.05, [FACE]) is None
    assert search.window(grey(ENTERED), 0.2, [FACE]) == Window(80, 200, 160, 280)


def test_window_is_cut_at_the_border(search):
    search.window(grey(), 0, [FACE])
    corner = grey(Window(0, 40, 280, 320))
    assert search.window(corner, 0.5, [Box(20.0, 180.0, 40.0, 40.0)]) == Window(0, 80, 240, 320)


def test_small_change_and_noise_are_no_face(search):
    search.window(grey(), 0, [FACE])
    assert search.window(grey(Window(120, 130, 200, 230)), 1, [FACE]) is None
    noise = np.random.default_rng(1).normal(0, 8, (ROWS, COLS))
    assert search.window(np.clip(grey() + noise, 0, 255).astype(np.uint8), 1, [FACE]) is None


def test_known_faces_and_what_they_uncover_are_no_news(search):
    def walker(step):
        left = 20 + 15 * step
        return grey(Window(100, 160, left, left + 60)), [Box(float(left), 100.0, 60.0, 60.0)]

    for step in range(15):
        image, faces = walker(step)
        assert search.window(image, step / 10, faces) == (WHOLE if step == 0 else None)


def test_cost_per_second_is_bounded(search):
    # Everything changes all the time.
    rng = np.random.default_rng(2)
    searched = 0.0
    for n in range(100):
        image = np.repeat(np.repeat(rng.integers(0, 255, (24, 32)), CELL, 0), CELL, 1).astype(np.uint8)
        window = search.window(image, n / 25, [FACE])
        if window is not None and n:
            searched += image[window.slices].size / image.size
    assert searched <= 4.0 / 0.5


def test_sizes_that_are_no_multiple_of_a_cell(search):
    small = np.zeros((33, 47), np.uint8)
    assert search.window(small, 0, []) == Window(0, 33, 0, 47)
    top, bottom, left, right = search.window(small + 50, 0.5, [Box(0.0, 0.0, 1.0, 1.0)])
    assert 0 <= top < bottom <= 33
    assert 0 <= left < right <= 47


def test_what_moves_is_searched_before_the_rest():
    # A face enters a still scene beside a known one, between two searches of the whole frame.
    scene = Scene(24, {"a": still(60, 60), "b": lambda frame: placed(150, 250) if frame >= 12 else None})
    tracks = by_track(scene.track(tracks=replace(TRACKS, min_detections=2)))
    assert frames_of(tracks[1])[0] == 15
    assert scene.searched_whole == [0]


def test_known_faces_that_move_call_for_no_search():
    scene = Scene(24, {"a": lambda frame: placed(120, 100 + 3 * frame)})
    assert len(scene.track()) == 24
    assert scene.searched == [0]
