"""FER2013 faces with FER+ votes as labelled examples of the four classes.

Belongs here: which images belong to which fold, soft labels from votes, dropped duplicates. Stays out: how faces are
aligned, which the line's own aligner does before they get here, and the mapping of votes to PAD
(``ml.datasets.image_pad``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from apexline.ml.datasets.examples import ExpressionDataset, strings
from apexline.ml.datasets.splits import Split, split_from_folds
from apexline.ml.emotions import EMOTIONS, PAD_AXES

# Columns of votes, in the file's order: where votes tie, the first counts.
WORDS = (
    "neutral",
    "happiness",
    "surprise",
    "sadness",
    "anger",
    "disgust",
    "fear",
    "contempt",
    "unknown",
    "NF",
)
_WORD_OF = {"happy": "happiness", "angry": "anger", "calm": "neutral", "scared": "fear"}
_ORIGINAL_OF = {"happy": "happy", "angry": "angry", "calm": "neutral", "scared": "fear"}
_NUM_WORDS = WORDS.index("unknown")  # words for an expression come first
RATERS_WORDS = WORDS[:_NUM_WORDS]
# FER2013's own labels.
ORIGINAL_WORDS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
# Two vocabularies side by side, as `FerPlus.words` has them: the raters' and FER2013's.
VOCABULARY_SIZES = (_NUM_WORDS, len(ORIGINAL_WORDS))
_FOUR = [WORDS.index(_WORD_OF[emotion]) for emotion in EMOTIONS]
# Columns of the four classes in each of them.
READINGS = {
    "FER+": _FOUR,
    "FER2013": [_NUM_WORDS + ORIGINAL_WORDS.index(_ORIGINAL_OF[emotion]) for emotion in EMOTIONS],
}
_LEAST_VOTES = 3
_BLOCK = 2048  # faces compared at once
_NO_FACE = WORDS.index("NF")


@dataclass(frozen=True, eq=False)
class FerPlus:
    """Labels of FER+ in the order of its images.

    Parameters
    ----------
    ids : ndarray, shape (N,), str
    folds : ndarray, shape (N,), str
        train, valid or test; "" for an image of train that has a twin in another fold, or of valid with one in test
        (`drop_near_copies` adds those that are almost one).
    votes : ndarray, shape (N, 10), float64
        Number of raters per word of `WORDS`.
    majority : ndarray, shape (N,), int
        Index into `EMOTIONS` of the most frequent word, -1 where that is none of the four.
    original : ndarray, shape (N,), int
        Likewise for FER2013's own label.
    named : ndarray, shape (N,), int
        Index into `ORIGINAL_WORDS` of that label, -1 where it has none.
    groups : ndarray, shape (N,), str
        Same for exact copies of one image.
    """

    ids: NDArray[np.str_]
    folds: NDArray[np.str_]
    votes: NDArray[np.float64]
    majority: NDArray[np.intp]
    original: NDArray[np.intp]
    named: NDArray[np.intp]
    groups: NDArray[np.str_]

    def shares(self) -> NDArray[np.float64]:
        """Share of the votes that each of the four classes got, shape (N, 4), rows sum to 1 at most."""
        return self.votes[:, _FOUR] / np.maximum(self.votes.sum(axis=1, keepdims=True), 1)

    def words(self) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """Images that show a face which raters and FER2013 named, and what they named it.

        Returns
        -------
        rows : ndarray, shape (K,)
            Images of a fold without a vote for "no face" and with three for a word at least.
        labels : ndarray, shape (K, 15)
            Shares of the raters' words, then FER2013's label as 0 and 1; each vocabulary sums to 1.
        """
        counts = self.votes[:, :_NUM_WORDS]
        usable = (self.votes[:, _NO_FACE] == 0) & (counts.sum(axis=1) >= _LEAST_VOTES) & (self.named >= 0)
        rows = np.flatnonzero(usable & (self.folds != ""))
        shares = counts[rows] / counts[rows].sum(axis=1, keepdims=True)
        return rows, np.hstack([shares, np.eye(len(ORIGINAL_WORDS))[self.named[rows]]]).astype(np.float32)


def read_ferplus(path: Path | str) -> FerPlus:
    """Read ``labels.csv``.

    Parameters
    ----------
    path : path
        Columns image, split, fer2013_label, duplicate_group and a number of votes for each of `WORDS`.

    Returns
    -------
    ferplus : FerPlus

    Raises
    ------
    ValueError
        If a column is missing.
    """
    import pandas as pd  # half a second to import, which who asks for the words can do without

    table = pd.read_csv(path, dtype={"duplicate_group": "str"})
    missing = {"image", "split", "fer2013_label", "duplicate_group", *WORDS} - set(table.columns)
    if missing:
        msg = f"{path} has the columns {list(table.columns)}, expected {sorted(missing)} too; is it FER+'s table?"
        raise ValueError(msg)
    votes = table[list(WORDS)].to_numpy(np.float64)
    top = votes.argmax(axis=1)
    groups = strings(table["duplicate_group"].fillna(table["image"]))
    folds = strings(table["split"]).astype("<U5")
    labels = strings(table["fer2013_label"])
    in_test, in_valid = (np.isin(groups, groups[folds == name]) for name in ("test", "valid"))
    folds[((folds == "train") & (in_test | in_valid)) | ((folds == "valid") & in_test)] = ""
    return FerPlus(
        ids=strings(table["image"]),
        folds=folds,
        votes=votes,
        majority=_index_of(top, _FOUR),
        original=_index_of(labels, [_ORIGINAL_OF[e] for e in EMOTIONS]),
        named=_index_of(labels, list(ORIGINAL_WORDS)),
        groups=groups,
    )


def drop_near_copies(ferplus: FerPlus, faces: NDArray[np.uint8], *, least: float = 0.95) -> FerPlus:
    """Take out of train what looks like a face of valid or test, and out of valid what looks like one of test.

    The same photograph comes back cut, scaled or compressed a little differently, which no comparison of bytes finds.

    Parameters
    ----------
    ferplus : FerPlus
    faces : ndarray, shape (N, 48, 48), uint8
        All of its images, aligned.
    least : float
        Correlation of pixels from which on two faces count as one, -1..1.

    Returns
    -------
    ferplus : FerPlus
        With "" as the fold of what was taken out.

    Raises
    ------
    ValueError
        If there is not a face for each label.
    """
    _check_faces(ferplus, faces)
    folds = ferplus.folds.copy()
    for fold, judged in (("train", ("valid", "test")), ("valid", ("test",))):
        rows, others = np.flatnonzero(ferplus.folds == fold), np.isin(ferplus.folds, judged)
        folds[rows[largest_correlation(faces[rows], faces[others]) >= least]] = ""
    return replace(ferplus, folds=folds)


def largest_correlation(faces: NDArray[np.uint8], others: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Correlation of each face's pixels with those of the other that is most like it.

    Parameters
    ----------
    faces : ndarray, shape (N, M, M), uint8
    others : ndarray, shape (K, M, M), uint8

    Returns
    -------
    ndarray, shape (N,)
        -1..1; 0 for a face of one grey, which is like nothing.
    """
    largest = np.full(len(faces), -1.0, np.float32)
    parts = [_standardised(others[start : start + _BLOCK]) for start in range(0, len(others), _BLOCK)]
    for start in range(0, len(faces), _BLOCK):
        block, found = _standardised(faces[start : start + _BLOCK]), largest[start : start + _BLOCK]
        for part in parts:
            np.maximum(found, (block @ part.T).max(axis=1), out=found)
    return largest


def _standardised(faces: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Pixels as rows of mean 0 and length 1, whose products are correlations; zeros for a face of one grey."""
    rows = faces.reshape(len(faces), -1).astype(np.float32)  # (N, M, M) -> (N, M*M)
    rows -= rows.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths > 0, lengths, 1)


def ferplus_examples(
    ferplus: FerPlus, faces: NDArray[np.uint8], *, min_share: float = 0.3
) -> tuple[ExpressionDataset, Split, NDArray[np.float64]]:
    """Examples to train on and to be tested by.

    Trained on are images of which at least `min_share` of the votes went to the four classes, with soft labels and
    that share as weight: a face that most call surprised still tells fear from calm. Validated and tested on are
    images whose most frequent word is one of the four, with that as the label.

    Parameters
    ----------
    ferplus : FerPlus
    faces : ndarray, shape (N, 48, 48), uint8
        All of its images, aligned, as `ml.datasets.examples.face_image` makes them.
    min_share : float
        0..1.

    Returns
    -------
    data : ExpressionDataset
        Without features; subjects are groups of copies, as nobody knows who is in the images.
    split : Split
    weights : ndarray, shape (len(data),)

    Raises
    ------
    ValueError
        If there is not a face for each label.
    """
    _check_faces(ferplus, faces)
    shares = ferplus.shares()
    total = shares.sum(axis=1)
    learned = (ferplus.folds == "train") & (total >= min_share) & (ferplus.votes[:, _NO_FACE] == 0)
    judged = np.isin(ferplus.folds, ("valid", "test")) & (ferplus.majority >= 0)
    rows = np.flatnonzero(learned | judged)
    soft = shares / np.where(total > 0, total, 1.0)[:, None]
    labels = np.where(learned[:, None], soft, np.eye(len(EMOTIONS))[ferplus.majority])
    data = ExpressionDataset(
        images=faces[rows],
        labels=labels[rows].astype(np.float32),
        pad=np.full((len(rows), len(PAD_AXES)), np.nan, np.float32),
        texture=np.zeros((len(rows), 0), np.float32),
        flow=np.zeros((len(rows), 0), np.float32),
        flow_mask=np.zeros(len(rows), np.float32),
        onsets=np.zeros((len(rows), *faces.shape[1:]), np.uint8),
        subjects=ferplus.groups[rows],
        ids=ferplus.ids[rows],
        synthetic=False,
    )
    weights = np.where(learned, total, 1.0)[rows]
    return data, split_from_folds(ferplus.folds[rows], ids=data.ids), weights


def _check_faces(ferplus: FerPlus, faces: NDArray[np.uint8]) -> None:
    if len(faces) != len(ferplus.ids):
        msg = f"{len(faces)} faces for {len(ferplus.ids)} labels; expected one each, in the same order"
        raise ValueError(msg)


def _index_of(values: NDArray[np.generic], wanted: list[int] | list[str]) -> NDArray[np.intp]:
    """Position of each value in `wanted`, -1 where it is not there."""
    matches = values[:, None] == np.asarray(wanted)[None]
    return np.where(matches.any(axis=1), matches.argmax(axis=1), -1)
