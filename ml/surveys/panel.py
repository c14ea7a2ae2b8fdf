"""A simulated panel of raters; what it says is synthetic.

Belongs here: PAD points drawn for stimuli, and raters who answer by the word norms with scale use, bias and noise
of their own. Stays out: what is done with ratings (``ml.surveys.ratings`` and on). Congruence of its ratings with
the same norms is no evidence for a space.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, NonNegativeFloat
from pydantic.dataclasses import dataclass as pydantic_dataclass

from apexline.ml.emotions import EMOTIONS, PAD_AXES
from apexline.ml.norms import emotion_pad, load_pairs, midpoint_of, select_pairs, target_of
from apexline.ml.surveys.ratings import ANSWER_COLUMNS, NUM_LEVELS


@pydantic_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class PanelConfig:
    """How the simulated panel differs from perfect instruments. All spreads are standard deviations.

    Parameters
    ----------
    pad_spread : float
        Spread of a stimulus about its emotion's norm on each PAD axis (norms run -1..1). Large enough that
        the three axes vary apart from each other, which the four emotions alone do not.
    scale_use, scale_use_spread : float
        Mean and log-spread over raters of how far out they answer (1: a stimulus at a pole's norm gets level
        1 or 5).
    bias_spread : float
        Spread over raters of a constant shift of their scores, -1..1.
    pair_spread : float
        Spread over stimuli of what only one pair measures, shared by all raters.
    noise : float
        Spread of a single answer.
    missing : float
        Probability that an answer is skipped, 0..1.
    """

    pad_spread: NonNegativeFloat = 0.3
    scale_use: NonNegativeFloat = 1.0
    scale_use_spread: NonNegativeFloat = 0.2
    bias_spread: NonNegativeFloat = 0.15
    pair_spread: NonNegativeFloat = 0.15
    noise: NonNegativeFloat = 0.6
    missing: Annotated[float, Field(ge=0, le=1)] = 0.05


def simulate_panel(
    stimuli: pd.DataFrame,
    *,
    raters: int,
    seed: int = 0,
    config: PanelConfig | None = None,
) -> pd.DataFrame:
    """Ratings as a panel of simulated raters would give them; synthetic, for demonstrations and tests.

    Parameters
    ----------
    stimuli : DataFrame, columns segment and emotion, optionally `PAD_AXES`
        What is rated. Without PAD each stimulus is drawn about its emotion's norm, see `draw_pad`.
    raters : int
        Size of the panel.
    seed : int
        The same seed gives the same answers. The draws of a stimulus depend on its name and not on the other
        stimuli, so that a further clip leaves earlier ratings as they are.
    config : PanelConfig, optional
        Model of the raters.

    Returns
    -------
    DataFrame, columns `ml.surveys.ratings.RATING_COLUMNS`
        ``synthetic`` is true and ``source`` says "simulated panel". Pairs without a norm are not rated:
        nothing is known of how they relate to PAD.

    Raises
    ------
    ValueError
        If there are no raters, a segment is named twice or an emotion is unknown.

    Notes
    -----
    A rater's score of a pair is the place of the stimulus on the line between the poles' norms (1 at the
    first, -1 at the second), times the rater's scale use, plus the pair's own share, bias and noise; it is
    then clipped and rounded to the nearest of five levels.
    """
    config = config or PanelConfig()
    if raters < 1:
        msg = f"saw {raters} raters, expected at least 1"
        raise ValueError(msg)
    if not set(PAD_AXES) <= set(stimuli.columns):
        stimuli = draw_pad(stimuli, seed=seed, spread=config.pad_spread)
    if stimuli["segment"].duplicated().any():
        twice = sorted(stimuli.loc[stimuli["segment"].duplicated(), "segment"])
        msg = f"segments {twice} occur twice among the stimuli; name each stimulus once"
        raise ValueError(msg)
    target = target_of(load_pairs()).dropna()
    middle = midpoint_of(select_pairs(target.index))
    panel = _Panel.draw(raters, seed, config)
    frames = [
        panel.answers(
            str(row["segment"]), _project_on_pairs([row[axis] for axis in PAD_AXES], target, middle), seed
        )
        for row in stimuli.to_dict("records")
    ]
    answers = [answer for frame in frames for answer in frame]
    ratings = pd.DataFrame(
        [(rater, segment, str(target.index[pair]), level) for rater, segment, pair, level in answers],
        columns=list(ANSWER_COLUMNS),
    )
    return ratings.astype({"level": np.float32}).assign(synthetic=True, source="simulated panel")


def draw_pad(stimuli: pd.DataFrame, *, seed: int = 0, spread: float = PanelConfig.pad_spread) -> pd.DataFrame:
    """Draw a PAD point for each stimulus about the norm of its emotion.

    Parameters
    ----------
    stimuli : DataFrame, columns segment and emotion
        Stimuli; the draw of each depends on its name and `seed` only.
    seed : int
        Seed.
    spread : float
        Standard deviation on each axis; norms run -1..1.

    Returns
    -------
    DataFrame
        `stimuli` with the columns `PAD_AXES`, clipped to -1..1.

    Raises
    ------
    ValueError
        If an emotion is unknown.
    """
    unknown = sorted(set(stimuli["emotion"]) - set(EMOTIONS))
    if unknown:
        msg = (
            f"saw emotions {unknown}, expected members of {EMOTIONS}; give these stimuli PAD columns instead"
        )
        raise ValueError(msg)
    norms = emotion_pad()
    points = [
        norms.loc[emotion].to_numpy() + spread * _rng(seed, "pad", str(segment)).normal(size=len(PAD_AXES))
        for segment, emotion in zip(stimuli["segment"], stimuli["emotion"], strict=True)
    ]
    values = np.clip(np.array(points).reshape(-1, len(PAD_AXES)), -1, 1)
    return stimuli.assign(**{axis: values[:, i] for i, axis in enumerate(PAD_AXES)})


def _project_on_pairs(
    pad: Sequence[float], target: pd.DataFrame, middle: pd.DataFrame
) -> NDArray[np.float64]:
    # Projection on the line second -> first pole, in half-lengths: 1 at the first pole, -1 at the second.
    along = ((np.asarray(pad) - middle.to_numpy()) * target.to_numpy()).sum(axis=1)
    return along / (target.to_numpy() ** 2).sum(axis=1)


@dataclass(frozen=True, eq=False)
class _Panel:
    codes: tuple[str, ...]
    scale_use: NDArray[np.float64]
    bias: NDArray[np.float64]
    config: PanelConfig

    @classmethod
    def draw(cls, raters: int, seed: int, config: PanelConfig) -> _Panel:
        codes = tuple(f"sim-{number:03d}" for number in range(1, raters + 1))
        traits = np.array([_rng(seed, "rater", code).normal(size=2) for code in codes])
        scale_use = config.scale_use * np.exp(config.scale_use_spread * traits[:, 0])
        return cls(codes, scale_use, config.bias_spread * traits[:, 1], config)

    def answers(
        self, segment: str, places: NDArray[np.float64], seed: int
    ) -> Iterator[tuple[str, str, int, int]]:
        rng = _rng(seed, "answers", segment)
        own = self.config.pair_spread * rng.normal(size=places.size)
        for code, scale_use, bias in zip(self.codes, self.scale_use, self.bias, strict=True):
            noise = self.config.noise * rng.normal(size=places.size)
            skipped = rng.random(places.size) < self.config.missing
            scores = np.clip(scale_use * places + own + bias + noise, -1, 1)
            levels = np.rint((1 - scores) / 2 * (NUM_LEVELS - 1) + 1).astype(int)
            for pair in np.flatnonzero(~skipped):
                yield code, segment, int(pair), int(levels[pair])


def _rng(seed: int, *names: str) -> np.random.Generator:
    # str hashes differ between processes; SHA-256 does not.
    digest = hashlib.sha256("\0".join((str(seed), *names)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))
