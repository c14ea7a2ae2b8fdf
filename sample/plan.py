"""Who shows which expression when, where and in what light: the sample's clips before a pixel is drawn.

Belongs here: actors, clip plans and the choices made from the seed. Stays out: the course of an expression
(``schedule``), drawing and writing (``clips``) and the face itself (``face``).
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

from apexline.features import require
from apexline.sample.face import Pose
from apexline.sample.marks import EXPRESSIONS, FACE_BOX
from apexline.sample.schedule import Episode, choose_blinks, lid_closing, stretch_calm, write_script
from apexline.sample.shapes import FaceShape
from apexline.sample.warp import CANVAS_SCALE

SEED = 20260302
_FACE_PX = math.sqrt((FACE_BOX[2] - FACE_BOX[0]) * (FACE_BOX[3] - FACE_BOX[1]))  # in the portrait
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
        Expressions and calm episodees, in order.
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
        pose = Pose(blink=max((lid_closing(frame - start) for start in self.blinks), default=0.0))
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
    scripts = [write_script(emotions, lead, config.fps, micro, rng) for _, emotions in cast]
    num_frames = max(script[-1].end for script in scripts) + lead
    size = config.size if len(cast) == 1 else config.group_size
    actors: list[Actor] = []
    for place, ((variant, _), script) in enumerate(zip(cast, scripts, strict=True)):
        face_px = _face_size(size, len(cast), config, rng)
        episodes = stretch_calm(script, num_frames)
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
                blinks=choose_blinks(num_frames, config.fps, episodes, rng),
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
