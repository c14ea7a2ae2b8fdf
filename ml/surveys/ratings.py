"""Ratings of adjective pairs: checking them, turning levels into scores, and averaging.

Belongs here: tidy ratings (one row an answer) in and out, eq. 28 of [1]_. Stays out: norms of the adjectives
(``ml.norms``), surveys with scales of their own (``ml.surveys.forms``), simulated raters (``ml.surveys.panel``),
agreement between raters (``ml.surveys.agreement``), factors (``ml.semantic_space.space``).

A missing answer is a row that does not exist: a blank level is skipped, it is neither a rating nor an error.

References
----------
.. [1] Li, Zhou, Liu, Sun, Chen, Xue 2021, doi 10.18280/ts.380213, section 3.2.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pandera.pandas as pa
from numpy.typing import ArrayLike, NDArray

from apexline.ml.norms import pair_ids

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
        Further pairs, rated anywhere within 1..5; see ``ml.surveys.forms``.
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

    Examples
    --------
    >>> import pandas as pd
    >>> from apexline.ml.surveys import mean_scores
    >>> ratings = pd.DataFrame(
    ...     {"rater": ["r1", "r2"], "segment": "clip-7", "pair": "happy_sad", "level": [1, 2]}
    ... )
    >>> float(mean_scores(ratings).loc["clip-7", "happy_sad"])
    0.75
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
