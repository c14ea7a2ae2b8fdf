"""Who shows which expression when, where and in what light: the sample's clips before a pixel is drawn.

Belongs here: the episodes with their intensity curves (the truth), actors, clip plans and the choices made
from the seed. Stays out: drawing and writing (``sample.py``) and the face itself (``sample_face.py``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Self

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import (
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)
from pydantic.dataclasses import dataclass as pydantic_dataclass

from features.sample_face import CANVAS_SCALE, FaceShape, Pose
from features.sample_marks import EXPRESSIONS, FACE_BOX
from features.validation import require

SEED = 20260302
ONSET_SHARE = 0.05  # of the peak: where an expression begins and ends
_HOLD_LOSS = 0.06  # of the peak: how far an expression relaxes while it is held
_FACE_PX = math.sqrt((FACE_BOX[2] - FACE_BOX[0]) * (FACE_BOX[3] - FACE_BOX[1]))  # in the portrait
_BLINK = (0.5, 1.0, 1.0, 0.7, 0.3)  # closing of the lids, frame by frame
_FIRST_MORNING = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
_CAMERAS = ("gate-01", "gate-02")
_Crf = Annotated[int, Field(ge=0, le=51)]
Part = tuple[int, tuple[str, ...]]  # a variant and what it shows, one after the other
# What each variant shows in its clips, one tuple per clip; variants take turns.
_PROGRAMMES: tuple[tuple[tuple[str, ...], ...], ...] = (
    (("happy",), ("angry",), ("calm", "scared")),
    (("happy", "angry"), ("scared",), ("calm",)),
    (("scared", "happy"), ("angry",), ("calm",)),
    (("calm", "happy"), ("angry", "scared")),
)


@pydantic_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class SampleConfig:
    """Size and looks of the sample.

    Attributes
    ----------
    variants : int
        Number of "subjects"; each shows all four emotions.
    group_clips : int
        Clips with several faces, two and three in turn.
    fps : int
        Frames per second.
    lead_s : float
        Time without expression before, between and after expressions, s.
    size, group_size : tuple of int
        Width and height of clips with one and with several faces, px.
    face_px : tuple of float
        Smallest and largest face, geometric mean of the box sides, px.
    noise : tuple of float
        Smallest and largest standard deviation of the sensor noise, grey levels.
    crf : tuple of int
        Best and worst compression, x264's constant rate factor.
    """

    variants: PositiveInt = 12
    group_clips: NonNegativeInt = 3
    fps: PositiveInt = 25
    lead_s: NonNegativeFloat = 0.7
    size: tuple[PositiveInt, PositiveInt] = (320, 240)
    group_size: tuple[PositiveInt, PositiveInt] = (640, 360)
    face_px: tuple[PositiveFloat, PositiveFloat] = (70.0, 130.0)
    noise: tuple[NonNegativeFloat, NonNegativeFloat] = (1.0, 3.0)
    crf: tuple[_Crf, _Crf] = (16, 24)

    @model_validator(mode="after")
    def _check_groups(self) -> Self:
        require(
            self.group_clips == 0 or self.variants >= 3,
            f"saw {self.variants} variants and {self.group_clips} group clips; expected at least 3 variants for groups",
        )
        return self


@dataclass(frozen=True)
class Episode:
    """One expression, or a calm stretch, of one face.

    Attributes
    ----------
    emotion : str
        happy, angry, scared or calm.
    start : int
        Last frame before anything moves; a calm stretch begins here.
    rise, hold, fall : int
        Frames from ``start`` to the peak, from there to the end of the hold, and back to nothing.
    peak : float
        Intensity at the apex, 0..1; 0 for a calm stretch.
    """

    emotion: str
    start: int
    rise: int
    hold: int
    fall: int
    peak: float

    @property
    def apex(self) -> int:
        """Frame of the peak; the middle of a calm stretch."""
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


@dataclass(frozen=True)
class Actor:
    """One face of a clip: who, where, how it sways and what it shows.

    Attributes
    ----------
    variant : int
        Number of the subject.
    shape : FaceShape
        Its proportions and light.
    centre : tuple of float
        (x, y) of the face's middle when it does not sway, px.
    face_px : float
        Size of the face, geometric mean of the box sides, px.
    sway : tuple of float
        Amplitudes of the head motion: x px, y px, roll degrees, size share.
    phase : tuple of float
        Phase of each of these four, rad.
    period_s : float
        Period of the slowest, s.
    episodes : tuple of Episode
        Expressions and calm stretches, in order.
    blinks : tuple of int
        First frames of the blinks.
    """

    variant: int
    shape: FaceShape
    centre: tuple[float, float]
    face_px: float
    sway: tuple[float, float, float, float]
    phase: tuple[float, float, float, float]
    period_s: float
    episodes: tuple[Episode, ...]
    blinks: tuple[int, ...]

    @property
    def subject(self) -> str:
        """Pseudonymous code of the manifest."""
        return f"v{self.variant:02d}"

    @property
    def canvas_scale(self) -> float:
        """Frame pixels per pixel of the puppet's canvas, when the face does not sway."""
        return self.face_px / (_FACE_PX * CANVAS_SCALE)

    def pose(self, frame: int) -> Pose:
        """Movements of the face at a frame."""
        pose = Pose(blink=max((_blink(frame - start) for start in self.blinks), default=0.0))
        for episode in self.episodes:
            if episode.emotion in EXPRESSIONS and episode.start < frame < episode.end:
                pose = replace(pose, **{episode.emotion: episode.intensity(frame)})
        return pose

    def placement(self, time_s: float) -> NDArray[np.float64]:
        """Affine map, shape (2, 3), from the puppet's canvas to the frame, at a time."""
        angle = 2 * np.pi * time_s / self.period_s
        speeds = (1.0, 1.31, 0.83, 0.61)
        dx, dy, roll, grow = (
            amplitude * np.sin(speed * angle + phase)
            for amplitude, speed, phase in zip(self.sway, speeds, self.phase, strict=True)
        )
        scale = self.canvas_scale * (1 + grow)
        x = (FACE_BOX[0] + FACE_BOX[2]) / 2
        middle = (511 - x if self.shape.mirrored else x, (FACE_BOX[1] + FACE_BOX[3]) / 2)
        pivot = (middle[0] * CANVAS_SCALE, middle[1] * CANVAS_SCALE)
        matrix = np.asarray(cv2.getRotationMatrix2D(pivot, roll, scale), np.float64)
        matrix[:, 2] += np.array(self.centre) + (dx, dy) - pivot
        return matrix

    def box(self, time_s: float) -> tuple[float, float, float, float]:
        """Face box at a time: left, top, width, height, px of the frame."""
        x0, y0, x1, y1 = self.shape.box()
        corners = np.array([(x * CANVAS_SCALE, y * CANVAS_SCALE, 1.0) for x in (x0, x1) for y in (y0, y1)])
        placed = corners @ self.placement(time_s).T
        left, top = placed.min(axis=0).round(1).tolist()
        width, height = np.ptp(placed, axis=0).round(1).tolist()
        return left, top, width, height


@dataclass(frozen=True)
class ClipPlan:
    """Everything that a clip's pixels and its manifest follow from.

    Attributes
    ----------
    name : str
        File name without suffix.
    camera : str
        Camera of the manifest.
    captured_at : datetime
        Start of the recording, UTC.
    size : tuple of int
        Width and height, px.
    fps, num_frames : int
        Rate and length.
    actors : tuple of Actor
        The faces; the last stands in front.
    backdrop : str
        scikit-image picture behind the faces.
    light_drift, noise, blur : float
        Share by which the exposure drifts; sensor noise, grey levels; Gaussian blur, px.
    crf : int
        x264's constant rate factor.
    seed : int
        Seed of backdrop and noise.
    """

    name: str
    camera: str
    captured_at: datetime
    size: tuple[int, int]
    fps: int
    num_frames: int
    actors: tuple[Actor, ...]
    backdrop: str
    light_drift: float
    noise: float
    blur: float
    crf: int
    seed: int


def plan_sample(*, seed: int = SEED, config: SampleConfig | None = None) -> list[ClipPlan]:
    """Decide everything about the clips before a pixel is drawn.

    Parameters
    ----------
    seed : int, optional
        Seed of all choices.
    config : SampleConfig, optional
        Size and looks.

    Returns
    -------
    list of ClipPlan
        Clips with one face by variant, then the groups.
    """
    config = config or SampleConfig()
    casts: list[list[Part]] = []
    for variant in range(config.variants):
        casts += [[(variant, emotions)] for emotions in _PROGRAMMES[variant % len(_PROGRAMMES)]]
    emotions = ("happy", "scared", "calm", "angry")
    member = 0
    for group in range(config.group_clips):
        size = 2 + group % 2
        casts.append([((member + k) % config.variants, (emotions[(member + k) % 4],)) for k in range(size)])
        member += size
    return [plan_clip(cast, index=index, seed=seed, config=config) for index, cast in enumerate(casts)]


def variant_shape(variant: int, *, seed: int = SEED) -> FaceShape:
    """Proportions and light of a variant; odd variants are mirrored.

    Parameters
    ----------
    variant : int
        Number of the subject.
    seed : int, optional
        Seed of the sample.

    Returns
    -------
    FaceShape
    """
    rng = np.random.default_rng([seed, 1, variant])

    def between(low: float, high: float) -> float:
        return round(float(rng.uniform(low, high)), 3)

    return FaceShape(
        mirrored=variant % 2 == 1,
        face_width=between(-3, 4),
        eye_distance=between(-2, 2),
        mouth_width=between(-2, 2),
        jaw_width=between(-4, 4),
        chin_length=between(-4, 5),
        brow_height=between(-1.2, 1.0),
        nose_length=between(-2, 2),
        brow_ink=between(0.15, 0.55),
        gain=between(0.8, 1.05),
        gamma=between(0.85, 1.3),
        side_light=between(-0.25, 0.25),
        tint=(between(0.9, 1.08), between(0.95, 1.03), between(0.92, 1.06)),
        strength=between(0.75, 1.0),
    )


def plan_clip(
    cast: Sequence[Part], *, index: int = 0, seed: int = SEED, config: SampleConfig | None = None
) -> ClipPlan:
    """Decide everything about one clip.

    Parameters
    ----------
    cast : sequence of (int, tuple of str)
        Variant and what it shows, for each face from left to right.
    index : int, optional
        Number of the clip: its name begins with it, camera and day follow from it.
    seed : int, optional
        Seed of the sample.
    config : SampleConfig, optional
        Size and looks.

    Returns
    -------
    ClipPlan
    """
    config = config or SampleConfig()
    rng = np.random.default_rng([seed, 2, index])
    lead = round(config.lead_s * config.fps)
    micro = index % 18 == 3  # two micro expressions in the whole sample
    scripts = [_script(emotions, lead, config.fps, micro, rng) for _, emotions in cast]
    num_frames = max(script[-1].end for script in scripts) + lead
    size = config.size if len(cast) == 1 else config.group_size
    actors: list[Actor] = []
    for place, ((variant, _), script) in enumerate(zip(cast, scripts, strict=True)):
        face_px = _face_size(size, len(cast), config, rng)
        episodes = _stretch_calm(script, num_frames)
        actors.append(
            Actor(
                variant=variant,
                shape=variant_shape(variant, seed=seed),
                centre=_centre(size, len(cast), place, face_px, rng),
                face_px=face_px,
                sway=_four(rng.uniform((0.5, 0.3, 0.2, 0.0), (2.5, 1.2, 1.5, 0.008))),
                phase=_four(rng.uniform(0, 2 * np.pi, 4)),
                period_s=float(rng.uniform(2.5, 5.0)),
                episodes=episodes,
                blinks=_blinks(num_frames, config.fps, episodes, rng),
            )
        )
    shown = [episode.emotion for episode in actors[0].episodes]
    words = [actors[0].subject, *shown] if len(cast) == 1 else ["group", *(a.subject for a in actors)]
    return ClipPlan(
        name="-".join([f"{index:02d}", *words]),
        camera=_CAMERAS[index % 2],
        captured_at=_FIRST_MORNING + timedelta(days=index // 2 % 2, minutes=7 * (index // 4)),
        size=size,
        fps=config.fps,
        num_frames=num_frames,
        actors=tuple(actors),
        backdrop=("brick", "gravel", "grass", "coffee")[int(rng.integers(4))],
        light_drift=float(rng.uniform(0, 0.05)),
        noise=float(rng.uniform(*config.noise)),
        blur=float(rng.uniform(0, 0.7)),
        crf=int(rng.integers(config.crf[0], config.crf[1] + 1)),
        seed=int(rng.integers(2**31)),
    )


def _four(values: NDArray[np.float64]) -> tuple[float, float, float, float]:
    a, b, c, d = values.tolist()
    return a, b, c, d


def _script(
    emotions: tuple[str, ...], lead: int, fps: int, micro: bool, rng: np.random.Generator
) -> tuple[Episode, ...]:
    """Episodes one after the other, with a lead of stillness before each."""
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


def _stretch_calm(script: tuple[Episode, ...], num_frames: int) -> tuple[Episode, ...]:
    """A face that stays calm is calm to the end of the clip."""
    if [episode.emotion for episode in script] != ["calm"]:
        return script
    half = (num_frames - 8) // 2
    return (replace(script[0], rise=half, fall=half),)


def _face_size(size: tuple[int, int], faces: int, config: SampleConfig, rng: np.random.Generator) -> float:
    """Drawn face size that leaves room for hair and neighbours."""
    low, high = config.face_px
    high = min(high, 0.55 * size[1], 0.42 * size[0] / faces)
    return float(rng.uniform(min(low, high), high))


def _centre(
    size: tuple[int, int], faces: int, place: int, face_px: float, rng: np.random.Generator
) -> tuple[float, float]:
    """Where a face stands: its share of the width, and high enough to show some shoulder."""
    slot = size[0] / faces
    spare = max(0.0, slot / 2 - 0.75 * face_px)
    x = slot * (place + 0.5) + rng.uniform(-spare, spare) * 0.6
    top, bottom = 1.1 * face_px, size[1] - 0.85 * face_px
    y = top + (max(bottom, top) - top) * rng.uniform(0, 0.8)
    return float(x), float(y)


def _blinks(
    num_frames: int, fps: int, episodes: tuple[Episode, ...], rng: np.random.Generator
) -> tuple[int, ...]:
    """One blink every two to four seconds, but none at an apex: that frame shows what the label says."""
    apexes = [episode.apex for episode in episodes]
    starts: list[int] = []
    at = round(rng.uniform(0.2, 2.0) * fps)
    while at < num_frames:
        if not any(at - 1 <= apex <= at + len(_BLINK) for apex in apexes):
            starts.append(at)
        at += round(rng.uniform(2.0, 4.0) * fps)
    return tuple(starts)


def _blink(since: int) -> float:
    return _BLINK[since] if 0 <= since < len(_BLINK) else 0.0


def _smoothstep(share: float) -> float:
    share = min(1.0, max(0.0, share))
    return share * share * (3 - 2 * share)
