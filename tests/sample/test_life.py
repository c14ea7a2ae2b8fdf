"""Life-like clips: what follows on what, and how fast."""

import numpy as np
import pytest

from apexline.sample.life import GAP_S, Event, draw_emotions, draw_events, draw_lights, write_life

FPS = 25
WORDS = ("happy", "angry", "scared")


@pytest.fixture(scope="module")
def lives():
    rng = np.random.default_rng(5)
    return [write_life(draw_emotions(WORDS, rng), FPS, rng) for _ in range(150)]


@pytest.fixture(scope="module")
def events():
    rng = np.random.default_rng(6)
    return [draw_events(20 * FPS, FPS, rng) for _ in range(60)]


def of_kind(events, *kinds):
    return [event for each in events for event in each if event.kind in kinds]


def test_three_to_eight_expressions_follow_one_another(lives):
    assert {len(life) for life in lives} == set(range(3, 9))
    for life in lives:
        for before, after in zip(life[:-1], life[1:], strict=True):
            assert before.end <= after.start
            assert before.offset < after.onset


def test_most_gaps_are_short_and_the_others_are_pauses(lives):
    gaps = np.array(
        [b.onset - a.offset - 1 for life in lives for a, b in zip(life[:-1], life[1:], strict=True)]
    )
    low, high = round(GAP_S[0] * FPS), round(GAP_S[1] * FPS)
    short = gaps <= high
    assert 0.7 < short.mean() < 0.9
    assert gaps.min() >= low
    assert gaps[~short].min() >= FPS
    assert gaps.max() <= 3 * FPS


def test_some_are_micro_and_some_are_held_for_seconds(lives):
    lengths = np.array([episode.offset - episode.onset + 1 for life in lives for episode in life]) / FPS
    assert 0.1 < np.mean(lengths <= 0.5) < 0.3
    assert 0.2 < np.mean([episode.hold >= 1.4 * FPS for life in lives for episode in life]) < 0.4


def test_one_clip_in_four_starts_inside_an_expression(lives):
    inside = [life[0].onset < 0 for life in lives]
    assert 0.15 < np.mean(inside) < 0.35
    for life in lives:
        onset, apex, offset = life[0].seen
        assert 0 <= onset <= apex <= offset
        if life[0].onset < 0:
            assert life[0].intensity(0) > 0.4 * life[0].peak
            assert onset == 0


def test_speech_opens_the_mouth_three_to_six_times_a_second(events):
    intervals = []
    for talk in of_kind(events, "talk"):
        course = np.array(talk.course)
        assert course.min() >= 0
        assert course.max() <= 1
        peaks = np.flatnonzero((course[1:-1] > course[:-2]) & (course[1:-1] >= course[2:]))
        intervals += np.diff(peaks).tolist()
    # breaths between two syllables make some intervals longer
    assert FPS / 6 <= np.median(intervals) <= FPS / 3
    assert 0.6 < np.mean([any(event.kind == "talk" for event in each) for each in events]) < 0.9


def test_gaze_and_head_go_and_come_back(events):
    for kinds, least, most in ((("gaze",), 0.5, 1.0), (("turn",), 0.12, 0.38), (("nod",), 0.03, 0.14)):
        found = [event for event in of_kind(events, *kinds) if event.last < 20 * FPS - 1]
        assert len(found) > 20
        for event in found:
            course = np.abs([0.0, *event.course, 0.0])
            assert least <= course.max() <= most
            assert np.abs(np.diff(course)).max() < 0.8 * course.max()


def test_events_lie_inside_the_clip_and_are_nothing_outside(events):
    for event in (*of_kind(events, "talk", "gaze", "turn", "nod"),):
        assert 0 <= event.first <= event.last < 20 * FPS
    event = Event("talk", 3, (0.2, 0.4))
    assert [event.at(frame) for frame in (2, 3, 4, 5)] == [0.0, 0.2, 0.4, 0.0]
    assert event.last == 4


def test_light_passes_from_one_side_to_the_other():
    rng = np.random.default_rng(7)
    passes = [draw_lights(20 * FPS, FPS, rng) for _ in range(60)]
    assert 0.4 < np.mean([bool(each) for each in passes]) < 0.8
    whole = [event for event in of_kind(passes, "lamp", "shadow") if event.last < 20 * FPS - 1]
    assert {event.kind for event in whole} == {"lamp", "shadow"}
    for event in whole:
        assert {round(event.course[0], 6), round(event.course[-1], 6)} == {-0.8, 1.8}
    assert {event.course[0] < event.course[-1] for event in whole} == {True, False}
