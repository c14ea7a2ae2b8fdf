"""Where words lie in pleasure-arousal-dominance space: the adjective pairs, their norms and the map g.

Belongs here: loading ``data/adjective_pairs.csv``, the PAD target of the factor rotation, the norm PAD of the
four emotion words and of the adjectives, and the nearest emotion or adjectives of a PAD point (eq. 27 of
[1]_). Stays out: ratings (``ml.surveys.ratings``) and the factor analysis (``ml.semantic_space.space``).

The norms
---------
All numbers come from one source and are never mixed with another: mean evaluation, potency and activity of
[2]_, about 40 to 115 raters a word, in the public-domain (CC0) collection [3]_. They run from -4.3 to 4.3 and
are divided by 4.3 here. Evaluation is read as pleasure, activity as arousal, potency as dominance [4]_.

The first 20 pairs are Table 1 of [1]_ word for word; 14 were chosen to tell dominance from pleasure, 8 for
pleasure and 8 for arousal. With Table 1's words alone the pleasure and dominance targets are nearly the same
direction (Tucker congruence .94, variance inflation of dominance 20); with all pairs it is .73 and 4.

The columns ``first_term`` and ``second_term`` say which word's norm a pole carries. Where the source lacks a
word a synonym stands in: easygoing (laid-back), satisfied (gratified), moved (touched), tense (stressed),
passionate (impassioned), contemptuous (disdainful), reverent (worshipful), optimistic (positive), captivated
(attracted), agitated (fevered), empty (vacuous), panicked (panic), at ease (leisured). No acceptable term was
found for *unsurprised*, *hysteric* and *decadent*: their pairs (surprised-unsurprised, stressed-hysteric,
decadent-positive) have no target. They are rated and factored as the others, but do not steer the rotation.

References
----------
.. [1] Li, Zhou, Liu, Sun, Chen, Xue 2021, doi 10.18280/ts.380213.
.. [2] Smith-Lovin, Robinson, Cannon, Clark, Freeland, Morgan, Rogers 2016, "Mean Affective Ratings of 929
   Identities, 814 Behaviors, and 660 Modifiers by University of Georgia and Duke University Undergraduates
   and by Community Members in Durham, NC, in 2012-2014", University of Georgia.
.. [3] Combs, A., actdata: standardized affect control theory dictionary and equation data sets,
   doi 10.5281/zenodo.14652399 (dictionary usfullsurveyor2015).
.. [4] Osgood's evaluation, potency and activity and Mehrabian's pleasure, dominance and arousal name the same
   three axes up to rotation; algorithms of this project treat them as equal.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import numpy as np
from numpy.typing import ArrayLike, NDArray

from apexline.ml.config import PROJECT_FORM
from apexline.ml.emotions import EMOTIONS, PAD_AXES

if TYPE_CHECKING:
    import pandas as pd

PAIRS_FILE = Path(__file__).parent / "data" / f"{PROJECT_FORM}.csv"

# The source's scale runs from -4.3 (infinitely bad, powerless, quiet) to 4.3.
NORM_LIMIT = 4.3

# PAD axis -> the source's name of it, in the order of PAD_AXES.
_NORM_OF_AXIS = {"pleasure": "evaluation", "arousal": "activity", "dominance": "potency"}


@dataclass(frozen=True)
class Pole:
    """One adjective of a pair.

    Parameters
    ----------
    adjective : str
        The word that raters see.
    term : str
        The word whose norm it carries; empty where the source has none.
    pad : tuple of three floats, or None
        Pleasure, arousal and dominance of the term, -1..1; None where there is no norm.
    """

    adjective: str
    term: str
    pad: tuple[float, float, float] | None


@dataclass(frozen=True)
class AdjectivePair:
    """A bipolar scale: five levels from the first adjective to the second.

    Parameters
    ----------
    pair : str
        Identifier, as in the lake table ``ratings``.
    first, second : Pole
        The adjective at level 1 and the one at level 5.
    chosen_for : str
        ``table 1``, or the axis that the pair was added for.
    """

    pair: str
    first: Pole
    second: Pole
    chosen_for: str


@cache
def load_pairs() -> tuple[AdjectivePair, ...]:
    """Load the 50 adjective pairs in the order of the data file.

    Returns
    -------
    tuple of AdjectivePair
        Table 1's 20 pairs first.
    """
    with PAIRS_FILE.open(encoding="utf-8", newline="") as file:
        return read_pairs(file)


def read_pairs(file: TextIO) -> tuple[AdjectivePair, ...]:
    """Read pairs from a CSV of the layout of the data file.

    Parameters
    ----------
    file : file object
        As written by `pairs_csv`.

    Returns
    -------
    tuple of AdjectivePair
        In the order of the file.
    """
    return tuple(
        AdjectivePair(row["pair"], _pole(row, "first"), _pole(row, "second"), row["chosen_for"])
        for row in csv.DictReader(file)
    )


def _pole(row: dict[str, str], which: str) -> Pole:
    term = row[f"{which}_term"]
    if not term:
        return Pole(row[which], "", None)
    pleasure, arousal, dominance = (
        float(row[f"{which}_{_NORM_OF_AXIS[axis]}"]) / NORM_LIMIT for axis in PAD_AXES
    )
    return Pole(row[which], term, (pleasure, arousal, dominance))


def pairs_csv(pairs: Iterable[AdjectivePair]) -> str:
    """Return pairs as the CSV that `read_pairs` reads."""
    rows = [
        {"pair": each.pair, "first": each.first.adjective, "second": each.second.adjective}
        | {"chosen_for": each.chosen_for}
        | _columns(each.first, "first")
        | _columns(each.second, "second")
        for each in pairs
    ]
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _columns(pole: Pole, which: str) -> dict[str, str | float]:
    norms = [""] * len(PAD_AXES) if pole.pad is None else [NORM_LIMIT * value for value in pole.pad]
    return {f"{which}_term": pole.term} | {
        f"{which}_{_NORM_OF_AXIS[axis]}": value for axis, value in zip(PAD_AXES, norms, strict=True)
    }


def pair_ids() -> tuple[str, ...]:
    """Return the identifiers of all pairs, in the order of the data file."""
    return tuple(each.pair for each in load_pairs())


def select_pairs(pairs: Iterable[str]) -> list[AdjectivePair]:
    """Return the pairs of the data file with these identifiers, in this order.

    Raises
    ------
    KeyError
        If a pair is not in the data file.
    """
    by_id = {each.pair: each for each in load_pairs()}
    wanted = tuple(pairs)
    unknown = [pair for pair in wanted if pair not in by_id]
    if unknown:
        msg = f"no such adjective pairs: {unknown}; expected identifiers of {PAIRS_FILE.name}, see pair_ids()"
        raise KeyError(msg)
    return [by_id[pair] for pair in wanted]


def target_of(pairs: Iterable[AdjectivePair]) -> pd.DataFrame:
    """PAD direction of each pair: half the way from its second pole to its first.

    Returns
    -------
    DataFrame, one row a pair, columns `PAD_AXES`
        ``(PAD(first) - PAD(second)) / 2``, -1..1; a row of NaN where a pole has no norm.
    """
    return _pole_arithmetic(pairs, -1.0)


def midpoint_of(pairs: Iterable[AdjectivePair]) -> pd.DataFrame:
    """PAD point halfway between the poles of each pair: where the scale's neutral level lies.

    Returns
    -------
    DataFrame, one row a pair, columns `PAD_AXES`
        ``(PAD(first) + PAD(second)) / 2``, -1..1; a row of NaN where a pole has no norm.
    """
    return _pole_arithmetic(pairs, 1.0)


def _pole_arithmetic(pairs: Iterable[AdjectivePair], sign: float) -> pd.DataFrame:
    import pandas as pd  # half a second to import, which answering can do without

    rows = {each.pair: (_pad_or_nan(each.first) + sign * _pad_or_nan(each.second)) / 2 for each in pairs}
    values = np.array(list(rows.values())).reshape(-1, len(PAD_AXES))
    return pd.DataFrame(values, index=pd.Index(list(rows), name="pair"), columns=list(PAD_AXES))


def _pad_or_nan(pole: Pole) -> NDArray[np.float64]:
    return np.full(len(PAD_AXES), np.nan) if pole.pad is None else np.array(pole.pad)


def adjective_pad() -> pd.DataFrame:
    """PAD of every adjective that has a norm.

    Returns
    -------
    DataFrame, one row an adjective in the order of the pairs, columns `PAD_AXES`
        Norms in -1..1, without the adjectives that have none.
    """
    import pandas as pd  # half a second to import, which answering can do without

    known = dict(adjective_norms())
    return pd.DataFrame.from_dict(known, orient="index", columns=list(PAD_AXES)).rename_axis("adjective")


@cache
def adjective_norms() -> Mapping[str, tuple[float, float, float]]:
    """PAD of every adjective that has a norm, -1..1, in the order of the pairs."""
    poles = [pole for each in load_pairs() for pole in (each.first, each.second)]
    return {pole.adjective: pole.pad for pole in poles if pole.pad is not None}


def emotion_pad() -> pd.DataFrame:
    """PAD of the four emotion words.

    Returns
    -------
    DataFrame, shape (4, 3), rows `EMOTIONS`, columns `PAD_AXES`
        Norms in -1..1: the anchors of g and of the semantic network.
    """
    return adjective_pad().loc[list(EMOTIONS)].rename_axis("emotion")


def nearest_emotion(pad: ArrayLike, emotions: Sequence[str] = EMOTIONS) -> str:
    """The map g of eq. 27: the emotion whose norm lies nearest to a PAD point.

    Parameters
    ----------
    pad : array_like, shape (3,)
        Pleasure, arousal and dominance, -1..1.
    emotions : sequence of str
        Emotions to choose from, members of `EMOTIONS`.

    Returns
    -------
    str
        The nearest emotion by Euclidean distance; the first named one on a tie.

    Raises
    ------
    ValueError
        If `pad` is not three finite numbers.

    Examples
    --------
    >>> from apexline.ml import nearest_emotion
    >>> nearest_emotion([0.8, 0.5, 0.4]), nearest_emotion([-0.5, 0.4, -0.4])
    ('happy', 'scared')
    """
    return _nearest(pad, {each: adjective_norms()[each] for each in emotions}, 1)[0]


def nearest_adjectives(pad: ArrayLike, n: int = 3) -> tuple[str, ...]:
    """The adjectives whose norms lie nearest to a PAD point.

    Parameters
    ----------
    pad : array_like, shape (3,)
        Pleasure, arousal and dominance, -1..1.
    n : int
        How many adjectives.

    Returns
    -------
    tuple of str
        Nearest first.

    Raises
    ------
    ValueError
        If `pad` is not three finite numbers.

    Examples
    --------
    >>> from apexline.ml import nearest_adjectives
    >>> nearest_adjectives([0.8, 0.5, 0.4])
    ('cheerful', 'excited', 'lively')
    """
    return _nearest(pad, adjective_norms(), n)


def _nearest(pad: ArrayLike, anchors: Mapping[str, tuple[float, float, float]], n: int) -> tuple[str, ...]:
    point = np.asarray(pad, np.float64)
    if point.shape != (len(PAD_AXES),) or not np.isfinite(point).all():
        msg = f"saw PAD {point.tolist()}, expected three finite numbers {PAD_AXES}"
        raise ValueError(msg)
    distances = np.linalg.norm(np.array(list(anchors.values())) - point, axis=1)
    words = list(anchors)
    return tuple(words[i] for i in np.argsort(distances, kind="stable")[:n])
