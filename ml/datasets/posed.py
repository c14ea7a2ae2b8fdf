"""Posed stills and annotated expression clips of performers as labelled faces.

Belongs here: tables of the four classes, what observers said, folds of performers. Stays out: pixels and features,
which the line's own tracker, aligner and streams make before they get here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from apexline.ml.datasets.image_pad import intensities_to_pad
from apexline.ml.emotions import EMOTIONS
from apexline.ml.spotting_metrics import MICRO_S

# What observers of the stills could choose among our classes: calm was no answer.
OBSERVED = ("happy", "angry", "scared")
_WORDS = ("happy", "sad", "angry", "disgusted", "scared", "surprised")
_INTENSITIES = [f"intensity_{word}" for word in _WORDS]


def read_stills(folder: Path | str) -> pd.DataFrame:
    """Posed stills of the four classes.

    Parameters
    ----------
    folder : path
        Holds ``ratings.csv`` with a row for each image ``PERFORMER_EMOTION_TAKE.jpg``.

    Returns
    -------
    table : DataFrame
        image, performer, emotion (the posed one), observed (of `OBSERVED`, the one that most observers chose), and
        the mean intensities that they saw, 0..9, as in the file.
    """
    ratings = pd.read_csv(Path(folder) / "ratings.csv")
    parts = ratings["image"].str.split("_")
    shares = ratings[[f"proportion_{emotion}" for emotion in OBSERVED]].to_numpy()
    table = ratings[["image", *_INTENSITIES]].assign(
        performer=parts.str[0], emotion=parts.str[1], observed=np.asarray(OBSERVED)[shares.argmax(axis=1)]
    )
    return table.loc[table["emotion"].isin(EMOTIONS)].reset_index(drop=True)


def stills_pad(stills: pd.DataFrame, *, anchors: pd.DataFrame | None = None) -> NDArray[np.float64]:
    """PAD of each still from the intensities that its observers saw.

    Parameters
    ----------
    stills : DataFrame
        As `read_stills` gives it, N rows.
    anchors : DataFrame, optional
        As in `ml.datasets.image_pad.votes_to_pad`.

    Returns
    -------
    ndarray, shape (N, 3)
        -1..1.
    """
    return intensities_to_pad(stills[_INTENSITIES], _WORDS, anchors=anchors)


def read_segments(folder: Path | str) -> pd.DataFrame:
    """Annotated segments of the expression clips.

    Parameters
    ----------
    folder : path
        Holds ``segments.csv`` and ``clips.csv``, which has the frame rates.

    Returns
    -------
    table : DataFrame
        clip, performer, emotion, onset, apex, apex_end, offset (frames), intensity, `shown`, the frame in the middle of
        the apex, and kind: micro up to `ml.spotting_metrics.MICRO_S` from onset to offset, else macro. The file's own
        kind says what was meant when a clip was made, which a third of its micro ones outlast.

    Raises
    ------
    ValueError
        If a segment has an emotion that is not one of `EMOTIONS`.
    """
    table = pd.read_csv(Path(folder) / "segments.csv")
    unknown = sorted(set(table["emotion"]) - set(EMOTIONS))
    if unknown:
        msg = f"{folder} holds segments of {unknown}, expected members of {EMOTIONS}; map or drop them first"
        raise ValueError(msg)
    clips = pd.read_csv(Path(folder) / "clips.csv", index_col="clip")
    fps = clips["fps"].loc[table["clip"]].to_numpy()
    seconds = (table["offset"] - table["onset"]).to_numpy() / fps
    kind = np.where(seconds <= MICRO_S, "micro", "macro")
    return table.assign(kind=kind, shown=(table["apex"] + table["apex_end"]) // 2)


def performer_folds(performers: Sequence[str], *, num_folds: int, seed: int) -> list[NDArray[np.str_]]:
    """Deal performers into folds at random, each performer once.

    Parameters
    ----------
    performers : sequence of str
        May repeat.
    num_folds : int
        2 .. number of performers.
    seed : int

    Returns
    -------
    folds : list of ndarray of str
        Sizes differ by one at most.

    Raises
    ------
    ValueError
        If there are fewer performers than folds.
    """
    unique = np.unique(np.asarray(performers, dtype=str))
    if not 2 <= num_folds <= len(unique):
        msg = f"num_folds is {num_folds} for {len(unique)} performers, expected 2..{len(unique)}"
        raise ValueError(msg)
    shuffled = np.random.default_rng(seed).permutation(unique)
    return [np.sort(each) for each in np.array_split(shuffled, num_folds)]
