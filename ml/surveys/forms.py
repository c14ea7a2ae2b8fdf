"""Rating surveys with scales of their own: which scales, their norms, and answers on sliders.

Belongs here: the poles of a survey, the norms of its words, and tables with a row for each rater and stimulus and
a column for each scale. Stays out: tidy ratings, to which such a table is turned (``ml.surveys.ratings``), and the
project's own pairs (``ml.norms``).

A slider from 0 to 100 becomes a level from 1 to 5, not rounded, so that everything that works on the project's five
levels works on it.

The norm of a pole is that of the word itself where the norms have it as a modifier, else that of the term that
``data/pole_terms.csv`` names for it. A term there may be empty: the word is in the norms with another sense
(*affected*, which raters of voices took for *pretentious*). A scale with a pole without norm is rated and
factored, but does not steer the rotation.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

from apexline.ml.emotions import PAD_AXES
from apexline.ml.norms import NORM_LIMIT, AdjectivePair, Pole
from apexline.ml.surveys.ratings import (
    MISSING,
    NUM_LEVELS,
    RATING_COLUMNS,
    REJECTED_COLUMNS,
    REPEATED,
    same_levels,
)
from apexline.ml.surveys.tables import plain, read_table, read_text, shorten

TERMS_FILE = Path(__file__).parents[1] / "data" / "pole_terms.csv"
SLIDER_END = 100.0

# PAD axis -> column of the file of norms: evaluation, activity, potency. Its P is potency, not pleasure.
_NORM_COLUMNS = {"pleasure": "E_mean", "arousal": "A_mean", "dominance": "P_mean"}

_TWICE = "this rater has already rated this pair of this segment"

SurveyForm = Mapping[str, AdjectivePair]


def read_form(poles: str | Path, norms: str | Path) -> dict[str, AdjectivePair]:
    """Read the scales of a survey and look up their norms.

    Parameters
    ----------
    poles : str or Path
        CSV with a row for each scale and columns ``left_<language>`` and ``right_<language>`` in one language or
        more. The first language is that of the ratings, whose columns are named by the right pole; the last one
        is that of the norms.
    norms : str or Path
        CSV with the columns term, component, E_mean, P_mean and A_mean on -4.3..4.3; modifiers are used.

    Returns
    -------
    dict
        Column of the ratings -> its pair, identified as ``left_right``. Level 1 is the left pole.

    Raises
    ------
    ValueError
        If a file lacks columns or names a scale twice.
    """
    words = _table(poles, dtype=str)
    left = [name for name in words.columns if name.startswith("left_")]
    right = [name for name in words.columns if name.startswith("right_")]
    if not left or len(left) != len(right):
        msg = f"{Path(poles).name}: saw the columns {list(words.columns)}, expected left_<language>, right_<language>"
        raise ValueError(msg)
    known = _modifiers(norms)
    form = {
        str(row[right[0]]): AdjectivePair(
            f"{_plain(row[left[-1]])}_{_plain(row[right[-1]])}",
            _pole(row[left[-1]], known),
            _pole(row[right[-1]], known),
            "survey",
        )
        for row in words.to_dict("records")
    }
    if len({pair.pair for pair in form.values()}) < len(words):
        msg = f"{Path(poles).name} names a scale twice; name each once"
        raise ValueError(msg)
    return form


def _table(path: str | Path, **options: Any) -> pd.DataFrame:
    """Return a small table whose columns are not known beforehand; raises ValueError that names the file."""
    path = Path(path)
    try:
        return pd.read_csv(io.StringIO(read_text(path)), keep_default_na=False, **options)
    except pd.errors.ParserError as error:
        msg = f"{path.name} is no table with commas between its columns ({error}); save it as CSV"
        raise ValueError(msg) from error


def _plain(word: str) -> str:
    return re.sub(r"[\s_]+", "-", word.strip())


def _modifiers(norms: str | Path) -> dict[str, tuple[float, float, float]]:
    table = _table(norms)
    needed = ["term", "component", *_NORM_COLUMNS.values()]
    missing = [name for name in needed if name not in table.columns]
    if missing:
        msg = f"{Path(norms).name}: saw the columns {list(table.columns)}, which lack {missing}"
        raise ValueError(msg)
    table = table.loc[table["component"] == "modifier"]
    columns = list(_NORM_COLUMNS.values())
    numbers = table[columns].apply(pd.to_numeric, errors="coerce")
    lacking = table.loc[numbers.isna().any(axis=1), "term"].tolist()
    if lacking:
        msg = f"{Path(norms).name}: the terms {lacking[:20]} lack a number in {columns}; complete or remove them"
        raise ValueError(msg)
    points = numbers.to_numpy(np.float64) / NORM_LIMIT
    return {str(term): (p, a, d) for term, (p, a, d) in zip(table["term"], points.tolist(), strict=True)}


@cache
def _terms() -> dict[str, str]:
    table = pd.read_csv(TERMS_FILE, dtype=str, keep_default_na=False)
    return dict(zip(table["word"], table["term"], strict=True))


def _pole(word: str, known: Mapping[str, tuple[float, float, float]]) -> Pole:
    term = _terms().get(word, word)
    adjective = _plain(word)
    return Pole(adjective, term, known[term]) if term in known else Pole(adjective, "", None)


def read_scale_table(
    path: str | Path, form: SurveyForm, *, rater: str, stimulus: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read a table of slider answers; good answers go on, bad ones come back with their reasons.

    Parameters
    ----------
    path : str or Path
        CSV with a row for each rater and stimulus, and at least the columns of `form`, `rater` and `stimulus`.
    form : mapping of str to AdjectivePair
        Column -> pair, see `read_form`.
    rater, stimulus : str
        Columns that name the rater and the stimulus.

    Returns
    -------
    ratings : DataFrame, columns `ml.surveys.ratings.RATING_COLUMNS`
        ``level`` is ``1 + 4 value / 100``; ``segment`` is the stimulus. A blank or ``NA`` is a missing answer.
    rejected : DataFrame, columns `ml.surveys.ratings.REJECTED_COLUMNS`
        Refused answers as they were read; ``row`` is the line in the file, the header being line 1.

    Raises
    ------
    ValueError
        If a column is missing.
    """
    path = Path(path)
    table = read_table(path, [rater, stimulus, *form])
    names = [table.place(rater), table.place(stimulus)]
    scales = {pair.pair: table.place(column) for column, pair in form.items()}
    tidy = pd.DataFrame(
        [
            (row, *(plain(fields[place]) for place in names), pair, plain(fields[at]))
            for pair, at in scales.items()
            for row, fields in table.rows
        ],
        columns=["row", "rater", "segment", "pair", "level"],
    )
    tidy = tidy.loc[~tidy["level"].str.casefold().isin(MISSING)].reset_index(drop=True)
    tidy["level"] = [table.number(level) for level in tidy["level"]]
    tidy["reason"] = _reasons(tidy)
    good = tidy.loc[tidy["reason"] == ""]
    values = good["level"].astype(np.float64)
    ratings = good.assign(
        level=(1 + (NUM_LEVELS - 1) * values / SLIDER_END).astype(np.float32),
        synthetic=False,
        source=path.name,
    )
    refused = tidy.loc[tidy["reason"] != ""]
    refused = refused.assign(**{name: refused[name].map(shorten) for name in ("rater", "segment", "level")})
    torn = pd.DataFrame(
        [{"row": row, "pair": "", "level": "", "reason": reason} for row, _, reason in table.torn]
    )
    rejected = pd.concat([torn, refused]).sort_values("row", kind="stable")
    return (
        ratings.set_index("row").reindex(columns=list(RATING_COLUMNS)),
        rejected.reindex(columns=list(REJECTED_COLUMNS)).reset_index(drop=True),
    )


def _reasons(tidy: pd.DataFrame) -> pd.Series:
    """Why each answer is refused; empty where it is good."""
    nameless = (tidy["rater"].str.strip() == "") | (tidy["segment"].str.strip() == "")
    values = cast("pd.Series", pd.to_numeric(tidy["level"], errors="coerce"))
    off_scale = ~values.between(0, SLIDER_END)
    keys = ["rater", "segment", "pair"]
    first = cast("pd.Series", tidy.groupby(keys)["level"].transform("first"))
    same = same_levels(values, cast("pd.Series", pd.to_numeric(first, errors="coerce")))
    reasons = _TWICE + first.map(
        lambda answer: f"; the answer {shorten(answer)!r} is kept, remove one of both"
    )
    reasons[same] = REPEATED
    reasons[~tidy.duplicated(subset=keys)] = ""
    reasons[off_scale] = f"is not a number 0..{SLIDER_END:g}"
    reasons[nameless] = "the rater or the stimulus has no name"
    return reasons


def pad_norms(form: SurveyForm) -> pd.DataFrame:
    """List the poles' terms and norms: what a reader needs to judge the target.

    Parameters
    ----------
    form : mapping of str to AdjectivePair
        See `read_form`.

    Returns
    -------
    DataFrame, one row a scale, index pair, columns first_term, second_term and `PAD_AXES`
        The target direction ``(PAD(first) - PAD(second)) / 2``; NaN without norms.
    """
    rows = {
        pair.pair: {"first_term": pair.first.term, "second_term": pair.second.term, **_direction(pair)}
        for pair in form.values()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("pair")


def _direction(pair: AdjectivePair) -> dict[str, float]:
    if pair.first.pad is None or pair.second.pad is None:
        return dict.fromkeys(PAD_AXES, np.nan)
    return {axis: (a - b) / 2 for axis, a, b in zip(PAD_AXES, pair.first.pad, pair.second.pad, strict=True)}
