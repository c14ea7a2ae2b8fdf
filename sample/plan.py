"""Who shows which expression when, where and in what light: the sample's clips before a pixel is drawn.

Belongs here: the choices made from the seed. Stays out: what a plan consists of (``stage``), the course of an
expression (``schedule``), what else a face does (``life``), drawing and writing (``clips``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Self

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
from apexline.sample.life import draw_emotions, draw_events, draw_lights, write_life
from apexline.sample.marks import EXPRESSIONS
from apexline.sample.schedule import Episode, choose_blinks, stretch_calm, write_script
from apexline.sample.shapes import FaceShape
from apexline.sample.stage import Actor, ClipPlan, Look, Sway

SEED = 20260302
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
    lifelike : bool
        Clips like those that people record: one of each variant, with three to eight expressions in a row, short
        gaps, long holds, and what is no expression: speech, gaze, turns and nods of the head, moving light.
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
    lifelike: bool = False

    @model_validator(mode="after")
    def _check_groups(self) -> Self:
        require(
            self.group_clips == 0 or self.variants >= 3,
            f"saw {self.variants} variants and {self.group_clips} group clips; expected at least 3 variants for groups",
        )
        return self


@dataclass(frozen=True)
class Role:
    """A face before it has a place: who, whose face, and what it shows."""

    subject: str
    look: Look
    script: tuple[Episode, ...]


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
    casts = _lifelike_casts(seed, config) if config.lifelike else _plain_casts(config)
    return [plan_clip(cast, index=index, seed=seed, config=config) for index, cast in enumerate(casts)]


def _lifelike_casts(seed: int, config: SampleConfig) -> list[list[Part]]:
    rng = np.random.default_rng([seed, 3])
    casts = [[variant] for variant in range(config.variants)] + _groups(config)
    return [[(variant, draw_emotions(EXPRESSIONS, rng)) for variant in cast] for cast in casts]


def _plain_casts(config: SampleConfig) -> list[list[Part]]:
    casts: list[list[Part]] = []
    for variant in range(config.variants):
        casts += [[(variant, emotions)] for emotions in _PROGRAMMES[variant % len(_PROGRAMMES)]]
    emotions = ("happy", "scared", "calm", "angry")
    member = 0
    for group in _groups(config):
        casts.append([(variant, (emotions[(member + k) % 4],)) for k, variant in enumerate(group)])
        member += len(group)
    return casts


def _groups(config: SampleConfig) -> list[list[int]]:
    """Variants of each clip with several faces."""
    sizes = [2 + group % 2 for group in range(config.group_clips)]
    return [[(sum(sizes[:k]) + i) % config.variants for i in range(size)] for k, size in enumerate(sizes)]


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
    roles: list[Role] = []
    for variant, emotions in cast:
        if config.lifelike:
            script = write_life(emotions, config.fps, rng)
        else:
            script = write_script(emotions, lead, config.fps, micro, rng)
        roles.append(Role(f"v{variant:02d}", variant_shape(variant, seed=seed), script))
    shown = ["life"] if config.lifelike else [episode.emotion for episode in roles[0].script]
    words = [roles[0].subject, *shown] if len(roles) == 1 else ["group", *(r.subject for r in roles)]
    return film("-".join([f"{index:02d}", *words]), roles, index=index, config=config, rng=rng)


def film(
    name: str, roles: Sequence[Role], *, index: int, config: SampleConfig, rng: np.random.Generator
) -> ClipPlan:
    """Give faces their places in a clip, and the clip its light, noise and compression.

    Parameters
    ----------
    name : str
        Of the file, without suffix.
    roles : sequence of Role
        From left to right.
    index : int
        Number of the clip: camera and day follow from it.
    config : SampleConfig
    rng : Generator
    """
    num_frames = max(role.script[-1].end for role in roles) + round(config.lead_s * config.fps)
    size = config.size if len(roles) == 1 else config.group_size
    actors: list[Actor] = []
    for place, role in enumerate(roles):
        face_px = _face_size(size, len(roles), config, rng)
        episodes = stretch_calm(role.script, num_frames)
        actors.append(
            Actor(
                subject=role.subject,
                look=role.look,
                centre=_centre(size, len(roles), place, face_px, rng),
                face_px=face_px,
                sway=Sway(
                    _four(rng.uniform((0.5, 0.3, 0.2, 0.0), (2.5, 1.2, 1.5, 0.008))),
                    _four(rng.uniform(0, 2 * np.pi, 4)),
                    float(rng.uniform(2.5, 5.0)),
                ),
                episodes=episodes,
                blinks=choose_blinks(num_frames, config.fps, episodes, rng),
                events=draw_events(num_frames, config.fps, rng) if config.lifelike else (),
            )
        )
    return ClipPlan(
        name=name,
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
        lights=draw_lights(num_frames, config.fps, rng) if config.lifelike else (),
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
