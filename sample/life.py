"""What makes a clip look like life: many expressions in a row, and all that moves in a face and is no expression.

Belongs here: the course of life-like clips, in frames: expressions, speech, gaze, turns and nods of the head, light and
shadow that pass. Stays out: blinks and the plain course of the sample (``schedule``), drawing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from apexline.sample.schedule import Episode

EventKind = Literal["talk", "gaze", "turn", "nod", "lamp", "shadow"]

NUM_EXPRESSIONS = (3, 8)
GAP_S = (0.1, 0.5)  # from one expression's last frame to the next one's first
_PAUSE_S, _PAUSE_SHARE = (1.0, 3.0), 0.2  # instead of a gap, now and then
_LEAD_S = (0.8, 2.0)  # before the first expression
_INSIDE_SHARE = 0.25  # of the clips: they start inside their first expression
_MICRO_SHARE, _LONG_SHARE = 0.15, 0.3  # of the expressions
# Shortest and longest rise, hold and fall, s, and least and largest peak.
_MICRO = ((0.1, 0.16), (0.0, 0.08), (0.12, 0.2), (0.3, 0.6))
_USUAL = ((0.16, 0.5), (0.1, 0.6), (0.2, 0.7), (0.4, 1.0))
_LONG = ((0.2, 0.6), (1.5, 4.0), (0.3, 0.9), (0.4, 1.0))

_SYLLABLES_HZ = (3.0, 6.0)
_BREATH_S, _BREATH_SHARE = (0.15, 0.4), 0.15  # between two syllables
_UTTERANCE_S, _SILENCE_S, _TALKING_SHARE = (0.8, 3.0), (0.8, 3.5), 0.7
_GAZE_S, _GAZE_EVERY_S, _SACCADE_S = (0.4, 1.8), (1.0, 4.0), 0.08
_HEAD_S, _HEAD_EVERY_S = (0.6, 2.6), (2.0, 6.0)
_TURN_RAD, _TURN_RAMP_S = (0.12, 0.38), (0.25, 0.8)
_NOD_RAD, _NOD_HZ, _NOD_SHARE = (0.05, 0.14), (1.5, 3.0), 0.35
_LIGHT_S, _LIGHT_EVERY_S, _LIT_SHARE = (0.8, 2.5), (3.0, 9.0), 0.6


@dataclass(frozen=True)
class Event:
    """Something that happens for a while and is no expression.

    Attributes
    ----------
    kind : str
        talk, gaze, turn, nod, lamp or shadow.
    first : int
        Its first frame.
    course : tuple of float
        Its amount, frame by frame. Talk: opening of the mouth, 0..1. Gaze: -1 (left) .. 1. Turn and nod: yaw and
        pitch of the head, rad. Lamp and shadow: where the light stands, in widths of the frame.
    """

    kind: EventKind
    first: int
    course: tuple[float, ...]

    @property
    def last(self) -> int:
        """Its last frame."""
        return self.first + len(self.course) - 1

    def at(self, frame: int) -> float:
        """Amount at a frame; 0 before and after."""
        return self.course[frame - self.first] if self.first <= frame <= self.last else 0.0


def draw_emotions(emotions: Sequence[str], rng: np.random.Generator) -> tuple[str, ...]:
    """Choose what a face shows in one clip, one after the other: three to eight of these emotions."""
    low, high = NUM_EXPRESSIONS
    return tuple(str(each) for each in rng.choice(emotions, size=int(rng.integers(low, high + 1))))


def write_life(emotions: Sequence[str], fps: int, rng: np.random.Generator) -> tuple[Episode, ...]:
    """Choose the course of expressions that follow one another with short gaps.

    Some are over within half a second, some are held for seconds. One clip in four starts inside its first
    expression, whose start is then negative.

    Parameters
    ----------
    emotions : sequence of str
        What the face shows, in order.
    fps : int
        Frames per second.
    rng : Generator
    """
    episodes: list[Episode] = []
    onset = round(rng.uniform(*_LEAD_S) * fps)
    for emotion in emotions:
        kind = rng.choice(3, p=(_MICRO_SHARE, _LONG_SHARE, 1 - _MICRO_SHARE - _LONG_SHARE))
        *spans, peaks = (_MICRO, _LONG, _USUAL)[kind]
        rise, hold, fall = (round(rng.uniform(*span) * fps) for span in spans)
        rise, fall = max(1, rise), max(1, fall)
        episode = Episode(emotion, 0, rise, hold, fall, float(rng.uniform(*peaks)))
        inside = not episodes and rng.random() < _INSIDE_SHARE
        start = -int(rng.integers(rise // 2 + 1, rise + hold + 1)) if inside else onset - episode.onset
        if episodes:
            start = max(start, episodes[-1].end)  # a face shows one expression at a time
        episode = Episode(emotion, start, rise, hold, fall, episode.peak)
        episodes.append(episode)
        gap_s = rng.uniform(*(_PAUSE_S if rng.random() < _PAUSE_SHARE else GAP_S))
        onset = episode.offset + 1 + round(gap_s * fps)
    return tuple(episodes)


def draw_events(num_frames: int, fps: int, rng: np.random.Generator) -> tuple[Event, ...]:
    """Choose what a face does beside its expressions: speech (not everybody talks), gaze, turns and nods."""
    seconds = num_frames / fps
    events: list[Event] = []
    if rng.random() < _TALKING_SHARE:
        for start_s, length_s in _spans(seconds, _SILENCE_S, _UTTERANCE_S, rng):
            events.append(Event("talk", round(start_s * fps), _utterance(length_s, fps, rng)))
    for start_s, length_s in _spans(seconds, _GAZE_EVERY_S, _GAZE_S, rng):
        aim = float(rng.uniform(0.5, 1.0) * rng.choice((-1, 1)))
        events.append(Event("gaze", round(start_s * fps), _plateau(aim, _SACCADE_S, length_s, fps)))
    for start_s, length_s in _spans(seconds, _HEAD_EVERY_S, _HEAD_S, rng):
        if rng.random() < _NOD_SHARE:
            events.append(Event("nod", round(start_s * fps), _nods(length_s, fps, rng)))
        else:
            yaw = float(rng.uniform(*_TURN_RAD) * rng.choice((-1, 1)))
            ramp_s = min(float(rng.uniform(*_TURN_RAMP_S)), length_s / 2)
            turn = _plateau(yaw, ramp_s, length_s - 2 * ramp_s, fps)
            events.append(Event("turn", round(start_s * fps), turn))
    return tuple(_within(events, num_frames))


def draw_lights(num_frames: int, fps: int, rng: np.random.Generator) -> tuple[Event, ...]:
    """Choose lamps and shadows that pass over the whole picture from side to side; not every clip has them."""
    if rng.random() >= _LIT_SHARE:
        return ()
    lights: list[Event] = []
    for start_s, length_s in _spans(num_frames / fps, _LIGHT_EVERY_S, _LIGHT_S, rng):
        path = np.linspace(-0.8, 1.8, max(2, round(length_s * fps)))
        course = path if rng.random() < 0.5 else path[::-1]
        kind: EventKind = "lamp" if rng.random() < 0.5 else "shadow"
        lights.append(Event(kind, round(start_s * fps), tuple(course.tolist())))
    return tuple(_within(lights, num_frames))


def _spans(
    seconds: float, every_s: tuple[float, float], length_s: tuple[float, float], rng: np.random.Generator
) -> list[tuple[float, float]]:
    """Draw (start, length) of spans that follow one another with pauses, s."""
    spans: list[tuple[float, float]] = []
    at = float(rng.uniform(0.2, every_s[1]))
    while at < seconds:
        length = float(rng.uniform(*length_s))
        spans.append((at, length))
        at += length + float(rng.uniform(*every_s))
    return spans


def _utterance(length_s: float, fps: int, rng: np.random.Generator) -> tuple[float, ...]:
    """Opening of the mouth: syllables one by one, with a breath now and then."""
    times = np.arange(round(length_s * fps)) / fps
    opening = np.zeros(times.size)
    at = 0.0
    while at < length_s:
        syllable_s = 1 / rng.uniform(*_SYLLABLES_HZ)
        during = (times > at) & (times < at + syllable_s)
        opening[during] = rng.uniform(0.25, 1.0) * np.sin(np.pi * (times[during] - at) / syllable_s) ** 2
        at += syllable_s
        if rng.random() < _BREATH_SHARE:
            at += rng.uniform(*_BREATH_S)
    return tuple(opening.tolist())


def _plateau(height: float, ramp_s: float, hold_s: float, fps: int) -> tuple[float, ...]:
    """Rise smoothly to a height, stay, and come back."""
    ramp = max(2, round(ramp_s * fps))
    rise = height * np.sin(np.arange(1, ramp + 1) / ramp * np.pi / 2) ** 2
    return (*rise.tolist(), *[height] * round(hold_s * fps), *rise[-2::-1].tolist())


def _nods(length_s: float, fps: int, rng: np.random.Generator) -> tuple[float, ...]:
    """Pitch of some nods, the first the deepest."""
    frames = max(4, round(fps / rng.uniform(*_NOD_HZ)))
    nod = np.sin(np.arange(1, frames + 1) / (frames + 1) * np.pi) ** 2
    depth, count = float(rng.uniform(*_NOD_RAD)), max(1, round(length_s * fps / frames))
    return tuple(np.concatenate([depth * 0.75**k * nod for k in range(count)]).tolist())


def _within(events: Sequence[Event], num_frames: int) -> list[Event]:
    """Cut events off at the end of the clip."""
    kept = [event for event in events if event.first < num_frames]
    return [Event(event.kind, event.first, event.course[: num_frames - event.first]) for event in kept]
