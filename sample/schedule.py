"""What one face of the sample does when: expressions with their intensity curves (the truth), and blinks.

Belongs here: time, in frames. Stays out: whose face it is, where it stands and in what light (``plan``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

ONSET_SHARE = 0.05  # of the peak: where an expression begins and ends
_HOLD_LOSS = 0.06  # of the peak: how far an expression relaxes while it is held
_BLINK = (0.5, 1.0, 1.0, 0.7, 0.3)  # closing of the lids, frame by frame
BLINK_FRAMES = len(_BLINK)


@dataclass(frozen=True)
class Episode:
    """One expression, or a calm episode, of one face.

    Attributes
    ----------
    emotion : str
        happy, angry, scared or calm.
    start : int
        Last frame before anything moves; a calm episode begins here. Negative where the clip starts inside.
    rise, hold, fall : int
        Frames from ``start`` to the peak, from there to the end of the hold, and back to nothing.
    peak : float
        Intensity at the apex, 0..1; 0 for a calm episode.
    """

    emotion: str
    start: int
    rise: int
    hold: int
    fall: int
    peak: float

    @property
    def apex(self) -> int:
        """Frame of the peak; the middle of a calm episode."""
        return self.start + self.rise

    @property
    def end(self) -> int:
        """First frame after which nothing moves any more."""
        return self.apex + self.hold + self.fall

    @property
    def onset(self) -> int:
        """First frame at or above the onset share of the peak."""
        return self._active_frames()[0]

    @property
    def offset(self) -> int:
        """Last frame at or above the onset share of the peak."""
        return self._active_frames()[-1]

    @property
    def seen(self) -> tuple[int, int, int]:
        """Onset, apex and offset of what a clip shows of it: one that began before the clip begins with it."""
        return max(0, self.onset), max(0, self.apex), self.offset

    def intensity(self, frame: int) -> float:
        """Strength of the expression at a frame, 0..peak."""
        if frame <= self.apex:
            return self.peak * _smoothstep((frame - self.start) / self.rise)
        held = min(1.0, (frame - self.apex) / max(1, self.hold))
        fallen = _smoothstep((frame - self.apex - self.hold) / self.fall)
        return self.peak * (1 - _HOLD_LOSS * held) * (1 - fallen)

    def _active_frames(self) -> list[int]:
        frames = range(self.start, self.end + 1)
        if self.emotion == "calm":
            return list(frames)
        return [frame for frame in frames if self.intensity(frame) >= ONSET_SHARE * self.peak]


def write_script(
    emotions: tuple[str, ...], lead: int, fps: int, micro: bool, rng: np.random.Generator
) -> tuple[Episode, ...]:
    """Choose episodes that follow one another, with a lead of stillness before each.

    Parameters
    ----------
    emotions : tuple of str
        What the face shows, in order.
    lead : int
        Frames of stillness.
    fps : int
        Frames per second.
    micro : bool
        The last expression is over within half a second.
    rng : Generator
        Draws lengths, starts and peaks.
    """
    episodes: list[Episode] = []
    at = lead
    for emotion in emotions:
        if emotion == "calm":
            half = round(rng.uniform(0.6, 0.8) * fps) * (1 if len(emotions) > 1 else 2)
            episode = Episode("calm", 3 if at == lead else at, half, 0, half, 0.0)
        elif micro and len(episodes) == len(emotions) - 1:
            rise, hold, fall = (round(share * fps) for share in (0.16, 0.08, 0.2))
            episode = Episode(emotion, at, rise, hold, fall, 0.6)
        else:
            spans = ((0.24, 0.48), (0.2, 0.5), (0.3, 0.6))
            rise, hold, fall = (round(rng.uniform(*span) * fps) for span in spans)
            start, peak = at + int(rng.integers(6)), float(rng.uniform(0.65, 1.0))
            episode = Episode(emotion, start, rise, hold, fall, peak)
        episodes.append(episode)
        at = episode.end + lead
    return tuple(episodes)


def stretch_calm(script: tuple[Episode, ...], num_frames: int) -> tuple[Episode, ...]:
    """Stretch the only episode of a face that stays calm to the end of its clip."""
    if [episode.emotion for episode in script] != ["calm"]:
        return script
    half = (num_frames - 8) // 2
    return (replace(script[0], rise=half, fall=half),)


def choose_blinks(
    num_frames: int, fps: int, episodes: tuple[Episode, ...], rng: np.random.Generator
) -> tuple[int, ...]:
    """Return the first frames of blinks, one every two to four seconds.

    None falls on an apex: that frame shows what the label says.
    """
    apexes = [episode.apex for episode in episodes]
    starts: list[int] = []
    at = round(rng.uniform(0.2, 2.0) * fps)
    while at < num_frames:
        if not any(at - 1 <= apex <= at + BLINK_FRAMES for apex in apexes):
            starts.append(at)
        at += round(rng.uniform(2.0, 4.0) * fps)
    return tuple(starts)


def lid_closing(since: int) -> float:
    """Closing of the lids, 0..1, so many frames after a blink began."""
    return _BLINK[since] if 0 <= since < BLINK_FRAMES else 0.0


def _smoothstep(share: float) -> float:
    share = min(1.0, max(0.0, share))
    return share * share * (3 - 2 * share)
