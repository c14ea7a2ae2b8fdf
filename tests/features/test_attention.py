"""Where a frame is searched: everywhere now and then, a part of it when something there has changed."""

import numpy as np
import pytest

from features.attention import Attention

ROWS, COLS = 240, 320
WHOLE = (0, 0, ROWS, COLS)
# The smallest face has 40 px, so a cell has 10.
CELL = 10


@pytest.fixture
def attention():
    return Attention(min_face_px=40, search_s=0.5, still_search_s=2.0)


def scene(*patches):
    """Flat grey with brighter patches (top, left, bottom, right)."""
    image = np.full((ROWS, COLS), 90, np.uint8)
    for top, left, bottom, right in patches:
        image[top:bottom, left:right] = 160
    return image


FACE = (20.0, 20.0, 60.0, 60.0)
ENTERED = (120, 200, 160, 240)


def test_first_frame_is_searched_everywhere(attention):
    assert attention.region(scene(), 7.0, []) == WHOLE


def test_still_scene_is_searched_rarely(attention):
    asked = np.arange(60) / 10
    searched = [t for t in asked if attention.region(scene(), t, [FACE]) is not None]
    assert searched == [0, 2, 4]


def test_scene_without_a_face_is_searched_more_often(attention):
    asked = np.arange(20) / 10
    searched = [t for t in asked if attention.region(scene(), t, []) == WHOLE]
    assert searched == [0, 0.5, 1, 1.5]


def test_hand_worked_region(attention):
    attention.region(scene(), 0, [FACE])
    # Four cells wider on each side than the four by four that changed: 12 x 12 cells of 24 x 32, .1875 of the
    # frame, due after .1875 x .5 s.
    assert attention.region(scene(ENTERED), 0.09, [FACE]) is None
    region = attention.region(scene(ENTERED), 0.1, [FACE])
    assert region == (80, 160, 200, 280)
    # Once searched, it is known.
    assert attention.region(scene(ENTERED), 1.0, [FACE]) is None


def test_change_waits_until_its_search_is_due(attention):
    attention.region(scene(), 0, [FACE])
    assert attention.region(scene(ENTERED), 0.05, [FACE]) is None
    assert attention.region(scene(ENTERED), 0.2, [FACE]) == (80, 160, 200, 280)


def test_region_is_cut_at_the_border(attention):
    attention.region(scene(), 0, [FACE])
    assert attention.region(scene((0, 280, 40, 320)), 0.5, [(20.0, 180.0, 40.0, 40.0)]) == (0, 240, 80, 320)


def test_small_change_and_noise_are_no_face(attention):
    attention.region(scene(), 0, [FACE])
    assert attention.region(scene((120, 200, 130, 230)), 1, [FACE]) is None
    noise = np.random.default_rng(1).normal(0, 8, (ROWS, COLS))
    assert attention.region(np.clip(scene() + noise, 0, 255).astype(np.uint8), 1, [FACE]) is None


def test_known_faces_and_what_they_uncover_are_no_news(attention):
    def walker(step):
        left = 20 + 15 * step
        return scene((100, left, 160, left + 60)), [(float(left), 100.0, 60.0, 60.0)]

    for step in range(15):
        image, faces = walker(step)
        region = attention.region(image, step / 10, faces)
        assert region == (WHOLE if step == 0 else None)


def test_cost_per_second_is_bounded(attention):
    # Everything changes all the time.
    rng = np.random.default_rng(2)
    searched = 0.0
    for n in range(100):
        image = np.repeat(np.repeat(rng.integers(0, 255, (24, 32)), CELL, 0), CELL, 1).astype(np.uint8)
        region = attention.region(image, n / 25, [FACE])
        if region is not None and n:
            top, left, bottom, right = region
            searched += (bottom - top) * (right - left) / (ROWS * COLS)
    assert searched <= 4.0 / 0.5


def test_sizes_that_are_no_multiple_of_a_cell(attention):
    small = np.zeros((33, 47), np.uint8)
    assert attention.region(small, 0, []) == (0, 0, 33, 47)
    top, left, bottom, right = attention.region(small + 50, 0.5, [(0.0, 0.0, 1.0, 1.0)])
    assert 0 <= top < bottom <= 33
    assert 0 <= left < right <= 47
