"""Ratings of adjective pairs: checking them, turning levels into scores, averaging, and a simulated panel.

Belongs here: tidy ratings (one row an answer) in and out, eq. 28 of [1]_, simulated raters. Stays out: norms
of the adjectives (``ml.norms``), agreement between raters (``ml.agreement``), factors
(``ml.semantic_space``).

A missing answer is a row that does not exist: a blank level is skipped, it is neither a rating nor an error.

References
----------
.. [1] Li, Zhou, Liu, Sun, Chen, Xue 2021, doi 10.18280/ts.380213, section 3.2.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pandera.pandas as pa
from numpy.typing import ArrayLike, NDArray

from ml.datasets import EMOTIONS, PAD_AXES
from ml.norms import emotion_pad, pad_midpoint, pad_target, pair_ids

ANSWER_COLUMNS: tuple[str, ...] = ("rater", "segment", "pair", "level")
RATING_COLUMNS: tuple[str, ...] = (*ANSWER_COLUMNS, "synthetic", "source")
REJECTED_COLUMNS: tuple[str, ...] = ("row", *ANSWER_COLUMNS, "reason")

NUM_LEVELS = 5


def level_scores(levels: ArrayLike) -> NDArray[np.float64]:
    """Turn levels into scores by way of the paper's weights.

    Parameters
    ----------
    levels : array_like of float
        1 (strongly the first adjective) .. 5 (strongly the second), between them on a slider; NaN stays NaN.

    Returns
    -------
    ndarray, the shape of `levels`
        ``s = 1 - 2 w`` with the weight w = 0, .25, .5, .75, 1: from 1 (first) to -1 (second).

    Raises
    ------
    ValueError
        If a level lies outside 1..5.
    """
    values = np.asarray(levels, np.float64)
    legal = ((values >= 1) & (values <= NUM_LEVELS)) | np.isnan(values)
    if not legal.all():
        msg = f"saw levels {np.unique(values[~legal]).tolist()}, expected 1..{NUM_LEVELS}"
        raise ValueError(msg)
    weights = (values - 1) / (NUM_LEVELS - 1)
    return 1 - 2 * weights


def read_ratings(
    path: str | Path,
    *,
    pairs: Collection[str] | None = None,
    sliders: Collection[str] = (),
    segments: Collection[str] | None = None,
    source: str | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read a CSV of ratings; good rows go on, bad rows come back with their reasons.

    Parameters
    ----------
    path : str or Path
        UTF-8 CSV with a header that names at least `ANSWER_COLUMNS`; other columns are ignored.
    pairs : collection of str, optional
        Pairs that may be rated; those of the project by default.
    sliders : collection of str
        Further pairs, rated anywhere within 1..5; see ``ml.survey_form``.
    segments : collection of str, optional
        Segments that may be rated; any non-empty name by default.
    source : str, optional
        Where the ratings come from; the file's name by default.

    Returns
    -------
    ratings : DataFrame, columns `RATING_COLUMNS`
        Accepted answers; ``synthetic`` is false.
    rejected : DataFrame, columns `REJECTED_COLUMNS`
        Every refused row as it was read, ``row`` its line in the file (the header is line 1), and all reasons
        against it, joined by "; ".

    Raises
    ------
    ValueError
        If the header lacks a column.
    UnicodeDecodeError
        If the file is not UTF-8.
    """
    path = Path(path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        header = [name.strip() for name in next(reader, [])]
        missing = [name for name in ANSWER_COLUMNS if name not in header]
        if missing:
            msg = f"{path.name}: the header {header} lacks {missing}; expected a CSV of {ANSWER_COLUMNS}"
            raise ValueError(msg)
        places = [header.index(name) for name in ANSWER_COLUMNS]
        lines = [(reader.line_num, fields) for fields in reader if fields]
    torn = [
        _torn(number, fields, places, len(header)) for number, fields in lines if len(fields) != len(header)
    ]
    whole = {number: [fields[i] for i in places] for number, fields in lines if len(fields) == len(header)}
    answers = pd.DataFrame.from_dict(whole, orient="index", columns=list(ANSWER_COLUMNS), dtype=object)
    ratings, rejected = check_ratings(
        answers, pairs=pairs, sliders=sliders, segments=segments, source=source or path.name
    )
    rejected = pd.DataFrame([*torn, *rejected.to_dict("records")], columns=list(REJECTED_COLUMNS))
    return ratings, rejected.sort_values("row", ignore_index=True)


def _torn(number: int, fields: Sequence[str], places: Sequence[int], expected: int) -> dict[str, Any]:
    known = {
        name: fields[i] if i < len(fields) else "" for name, i in zip(ANSWER_COLUMNS, places, strict=True)
    }
    return {"row": number, **known, "reason": f"saw {len(fields)} fields, expected {expected}"}


def check_ratings(
    answers: pd.DataFrame,
    *,
    pairs: Collection[str] | None = None,
    sliders: Collection[str] = (),
    segments: Collection[str] | None = None,
    source: str,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Check answers of any origin; good rows go on, bad rows come back with their reasons.

    Parameters
    ----------
    answers : DataFrame, at least the columns `ANSWER_COLUMNS`
        One row an answer, text or numbers. Rows with a blank level are missing answers and are skipped.
    pairs, sliders, segments : collection of str
        As in `read_ratings`.
    source : str
        Where the ratings come from.

    Returns
    -------
    ratings : DataFrame, columns `RATING_COLUMNS`
        Accepted answers, ``level`` float32, ``synthetic`` false.
    rejected : DataFrame, columns `REJECTED_COLUMNS`
        Refused rows; ``row`` is the label of the row in `answers`. Of several answers by one rater to one
        pair of one segment the first that is otherwise good counts.

    Raises
    ------
    ValueError
        If a column is missing.
    """
    missing = [name for name in ANSWER_COLUMNS if name not in answers.columns]
    if missing:
        msg = f"saw columns {list(answers.columns)}, expected {ANSWER_COLUMNS}; {missing} are missing"
        raise ValueError(msg)
    text = pd.DataFrame({name: _as_text(answers[name].tolist()) for name in ANSWER_COLUMNS}, dtype=object)
    labels = answers.index
    text = text.loc[text["level"] != ""]
    reasons = _reasons(text, pairs=pair_ids() if pairs is None else pairs, sliders=sliders, segments=segments)
    good = text.drop(index=list(reasons))
    repeated = good.duplicated(subset=["rater", "segment", "pair"])
    for row in good.index[repeated]:
        reasons[row] = ["this rater has already rated this pair of this segment"]
    ratings = good.loc[~repeated].astype({"level": np.float32}).assign(synthetic=False, source=source)
    refused = [
        {"row": labels[row], **text.loc[row].to_dict(), "reason": "; ".join(reasons[row])}
        for row in text.index
        if row in reasons
    ]
    return (
        ratings.reindex(columns=list(RATING_COLUMNS)).reset_index(drop=True),
        pd.DataFrame(refused, columns=list(REJECTED_COLUMNS)),
    )


def _as_text(values: Iterable[object]) -> list[str]:
    # A level column with gaps arrives as floats: 3.0 is level 3, 3.5 is not a level.
    def text(value: object) -> str:
        if value is None or (isinstance(value, float) and np.isnan(value)):
            return ""
        if isinstance(value, float) and value.is_integer():
            return str(int(value))
        return str(value).strip()

    return [text(value) for value in values]


def _reasons(
    text: pd.DataFrame,
    *,
    pairs: Collection[str],
    sliders: Collection[str],
    segments: Collection[str] | None,
) -> dict[Any, list[str]]:
    filled = pa.Check.str_length(min_value=1, error="is empty")
    stimulus = pa.Check.isin(list(segments or ()), error="is not a stimulus of this survey")
    pair = pa.Check.isin([*pairs, *sliders], error="is not an adjective pair of this survey")
    levels = [str(level) for level in range(1, NUM_LEVELS + 1)]
    on_slider = text["pair"].isin(list(sliders))

    def legal(level: pd.Series) -> pd.Series:
        between = cast("pd.Series", pd.to_numeric(level, errors="coerce")).between(1, NUM_LEVELS)
        return level.isin(levels) | (on_slider & between)

    schema = pa.DataFrameSchema(
        {
            "rater": pa.Column(object, filled),
            "segment": pa.Column(object, filled if segments is None else [filled, stimulus]),
            "pair": pa.Column(object, pair),
            "level": pa.Column(object, pa.Check(legal, error=f"is not one of 1..{NUM_LEVELS}")),
        }
    )
    try:
        schema.validate(text, lazy=True)
    except pa.errors.SchemaErrors as errors:
        reasons: dict[Any, list[str]] = {}
        for case in errors.failure_cases.to_dict("records"):
            reasons.setdefault(case["index"], []).append(
                f"{case['column']} {case['failure_case']!r} {case['check']}"
            )
        return reasons
    return {}


def mean_scores(ratings: pd.DataFrame, *, pairs: Iterable[str] | None = None) -> pd.DataFrame:
    """Mean evaluation of each segment on each pair, eq. 28.

    Parameters
    ----------
    ratings : DataFrame, at least the columns `ANSWER_COLUMNS`
        Accepted answers.
    pairs : iterable of str, optional
        Columns wanted; by default the rated pairs, the project's first and in its order.

    Returns
    -------
    DataFrame, segments (sorted) x pairs
        Mean score over the raters who answered, -1..1; NaN where nobody did.
    """
    # ES = 1/Phi * sum over raters of EV, eq. (28); Phi counts the raters who answered.
    means = (
        ratings.assign(score=level_scores(ratings["level"]))
        .pivot_table(index="segment", columns="pair", values="score", aggfunc="mean", sort=True)
        .rename_axis(columns="pair")
    )
    if pairs is None:
        own = [pair for pair in pair_ids() if pair in means.columns]
        pairs = [*own, *(pair for pair in means.columns if pair not in own)]
    return means.reindex(columns=pd.Index(list(pairs), name="pair"))


@dataclass(frozen=True)
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

    pad_spread: float = 0.3
    scale_use: float = 1.0
    scale_use_spread: float = 0.2
    bias_spread: float = 0.15
    pair_spread: float = 0.15
    noise: float = 0.6
    missing: float = 0.05


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
    DataFrame, columns `RATING_COLUMNS`
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
    target = pad_target().dropna()
    middle = pad_midpoint(target.index)
    panel = _Panel.draw(raters, seed, config)
    frames = [
        panel.answers(
            str(row["segment"]), _place_on_pairs([row[axis] for axis in PAD_AXES], target, middle), seed
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


def _place_on_pairs(pad: Sequence[float], target: pd.DataFrame, middle: pd.DataFrame) -> NDArray[np.float64]:
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
