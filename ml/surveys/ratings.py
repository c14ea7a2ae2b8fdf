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

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pandera.pandas as pa
from numpy.typing import ArrayLike, NDArray

from apexline.ml.norms import pair_ids
from apexline.ml.surveys.tables import plain, read_table, shorten

ANSWER_COLUMNS: tuple[str, ...] = ("rater", "segment", "pair", "level")
RATING_COLUMNS: tuple[str, ...] = (*ANSWER_COLUMNS, "synthetic", "source")
REJECTED_COLUMNS: tuple[str, ...] = ("row", *ANSWER_COLUMNS, "reason")

# What makes two rows one answer; the form of a survey is a part of its pairs' names.
_IDENTITY = ("rater", "segment", "pair")
# Blank, or what R, pandas, a spreadsheet or a database writes for it; compared in lower case.
MISSING = ("", "na", "n/a", "#n/a", "nan", "null", "none")
REPEATED = "this answer stands above"

NUM_LEVELS = 5
_LEVEL_ERROR = f"is not one of 1..{NUM_LEVELS}: correct it, or leave it blank where there is no answer"
_WHOLE = re.compile(r"\+?0*([0-9])(?:\.0*)?")
# Stored levels have six digits, and the finest sliders steps of .0004.
_PRECISION = 5e-5
_MAX_NAME = 200  # identifiers of segments have about 30 characters


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
        CSV with a header that names at least `ANSWER_COLUMNS`, see ``ml.surveys.tables``; other columns are
        ignored.
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
        Accepted answers, labelled by their lines; ``synthetic`` is false.
    rejected : DataFrame, columns `REJECTED_COLUMNS`
        Every refused row as it was read, ``row`` its line in the file (the header is line 1), and all reasons
        against it, joined by "; "; that of an answer which stands above with the same level is `REPEATED`.

    Raises
    ------
    ValueError
        If the file is too large or no text, or the header lacks a column.
    """
    table = read_table(path, ANSWER_COLUMNS)
    places = [table.place(name) for name in ANSWER_COLUMNS]
    answers = pd.DataFrame.from_dict(
        {number: [fields[i] for i in places] for number, fields in table.rows},
        orient="index",
        columns=list(ANSWER_COLUMNS),
        dtype=object,
    )
    answers["level"] = [table.number(level) for level in answers["level"]]
    ratings, rejected = check_ratings(
        answers, pairs=pairs, sliders=sliders, segments=segments, source=source or table.name
    )
    torn = [
        {"row": number, **_known_fields(fields, places), "reason": reason}
        for number, fields, reason in table.torn
    ]
    rejected = pd.DataFrame([*torn, *rejected.to_dict("records")], columns=list(REJECTED_COLUMNS))
    return ratings, rejected.sort_values("row", ignore_index=True)


def _known_fields(fields: Sequence[str], places: Sequence[int]) -> dict[str, str]:
    return {
        name: fields[i] if i < len(fields) else "" for name, i in zip(ANSWER_COLUMNS, places, strict=True)
    }


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
        One row an answer, text or numbers. Rows with a level of `MISSING` are missing answers and are skipped.
    pairs, sliders, segments : collection of str
        As in `read_ratings`.
    source : str
        Where the ratings come from.

    Returns
    -------
    ratings : DataFrame, columns `RATING_COLUMNS`
        Accepted answers, ``level`` float32, ``synthetic`` false, labelled as in `answers`.
    rejected : DataFrame, columns `REJECTED_COLUMNS`
        Refused rows; ``row`` is the label of the row in `answers`. Of several answers by one rater to one
        pair of one segment the first that is otherwise good counts; the reason of another is `REPEATED` where
        it says the same, else it names the level that is kept.

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
    text = text.loc[~text["level"].str.casefold().isin(MISSING)]
    text = text.assign(level=text["level"].map(_whole).astype(object))
    reasons = _reasons(text, pairs=pair_ids() if pairs is None else pairs, sliders=sliders, segments=segments)
    good = text.drop(index=list(reasons)).astype({"level": np.float32})
    repeated = good.duplicated(subset=list(_IDENTITY))
    first = good.groupby(list(_IDENTITY))["level"].transform("first")
    again = zip(good.index, repeated, same_levels(good["level"], first), first, strict=True)
    reasons |= {row: [REPEATED if same else _kept(level)] for row, twice, same, level in again if twice}
    ratings = good.loc[~repeated].assign(synthetic=False, source=source)
    refused = [
        {
            "row": labels[row],
            **{name: shorten(value) for name, value in text.loc[row].items()},
            "reason": "; ".join(reasons[row]),
        }
        for row in text.index
        if row in reasons
    ]
    ratings = ratings.reindex(columns=list(RATING_COLUMNS)).set_axis(labels[ratings.index])
    return ratings, pd.DataFrame(refused, columns=list(REJECTED_COLUMNS))


def _as_text(values: Iterable[object]) -> list[str]:
    # A level column with gaps arrives as floats: 3.0 is level 3, 3.5 is not a level.
    def text(value: object) -> str:
        if value is None or (isinstance(value, float) and np.isnan(value)):
            return ""
        if isinstance(value, float) and value.is_integer():
            return str(int(value))
        return plain(str(value))

    return [text(value) for value in values]


def _whole(level: str) -> str:
    """Return a level that a spreadsheet wrote as 3.0 as the rater gave it."""
    found = _WHOLE.fullmatch(level)
    return found[1] if found else level


def same_levels(one: ArrayLike, other: ArrayLike) -> NDArray[np.bool_]:
    """Where two columns of levels hold one answer, read from files that keep six digits; NaN is like nothing."""
    return np.abs(np.asarray(one, np.float64) - np.asarray(other, np.float64)) < _PRECISION


def _kept(level: float) -> str:
    return f"this rater has already rated this pair of this segment, level {level:g}, which is kept; remove one of both"


def answers_once(ratings: pd.DataFrame) -> pd.DataFrame:
    """Return ratings with each answer once: of one rater to one pair of one segment, the first.

    Names count as the same however their accents are coded. Ratings without repetition come back as they are.
    """
    keys = pd.DataFrame({name: ratings[name].str.normalize("NFC") for name in _IDENTITY})
    return cast("pd.DataFrame", ratings[~keys.duplicated()])


def compare_answers(ratings: pd.DataFrame, standing: pd.DataFrame) -> tuple[pd.DataFrame, int, pd.DataFrame]:
    """Tell new answers from those that stand already.

    Parameters
    ----------
    ratings, standing : DataFrame, columns `RATING_COLUMNS`
        Accepted answers of a file, and those of all files before it.

    Returns
    -------
    new : DataFrame, columns `RATING_COLUMNS`
        Answers of `ratings` that `standing` has not.
    known : int
        How many it has, with the same level.
    conflicts : DataFrame, columns `REJECTED_COLUMNS`
        Answers to which it has another level: that one is kept. ``row`` is the label in `ratings`.
    """
    known = standing.drop_duplicates(subset=list(_IDENTITY))[[*_IDENTITY, "level", "source"]]
    joined = ratings.merge(known, how="left", on=list(_IDENTITY), suffixes=("", "_kept")).assign(
        row=ratings.index
    )
    is_new = joined["level_kept"].isna().to_numpy()
    is_same = same_levels(joined["level"], joined["level_kept"])
    conflicts = joined.loc[~is_new & ~is_same]
    kept = zip(conflicts["level_kept"], conflicts["source_kept"], strict=True)
    conflicts = conflicts.assign(reason=[f"{_kept(level)} ({source})" for level, source in kept])
    return ratings.loc[is_new], int(is_same.sum()), conflicts.reindex(columns=list(REJECTED_COLUMNS))


def _reasons(
    text: pd.DataFrame,
    *,
    pairs: Collection[str],
    sliders: Collection[str],
    segments: Collection[str] | None,
) -> dict[Any, list[str]]:
    filled = [
        pa.Check.str_length(min_value=1, error="is empty: give it a name"),
        pa.Check.str_length(max_value=_MAX_NAME, error=f"is longer than {_MAX_NAME} characters: shorten it"),
        pa.Check(_has_no_control, error="holds a line end or another control character: remove it"),
    ]
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
            "segment": pa.Column(object, filled if segments is None else [*filled, stimulus]),
            "pair": pa.Column(object, pair),
            "level": pa.Column(object, pa.Check(legal, error=_LEVEL_ERROR)),
        }
    )
    try:
        schema.validate(text, lazy=True)
    except pa.errors.SchemaErrors as errors:
        reasons: dict[Any, list[str]] = {}
        for case in errors.failure_cases.to_dict("records"):
            reasons.setdefault(case["index"], []).append(
                f"{case['column']} {shorten(case['failure_case'])!r} {case['check']}"
            )
        return reasons
    return {}


def _has_no_control(names: pd.Series) -> pd.Series:
    return ~names.map(lambda name: any(unicodedata.category(letter) == "Cc" for letter in name)).astype(bool)


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
