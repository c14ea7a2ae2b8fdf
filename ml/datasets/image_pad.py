"""PAD targets of single images: what many observers said of a face, read through the norms of the words.

Belongs here: targets for training from votes (FER+) or rated intensities (posed stills), and their controls:
one point a class, and random points in place of the norms. Stays out: PAD from adjective pairs
(``ml.semantic_space.space``) and the norms themselves (``ml.norms``).

All targets are weighted means of anchors, one anchor a word, so they lie in the anchors' convex hull:

========================== ======================================== =======================
target                     weights of an image                      anchors
========================== ======================================== =======================
`votes_to_pad`             shares of its votes                      norms of the words
`intensities_to_pad`       mean intensity / end of scale; the rest  norms of the words
                           up to 1 counts as calm
`class_pad`                1 for its likeliest class                norms of the words
any of them                the same                                 `random_anchors(seed)`
========================== ======================================== =======================

PAD runs -1..1, see ``ml.norms``. A *neutral* vote counts as calm, so that the four classes have the same
anchors in every target; the norm of *calm* is pleasant (.67), which a face without expression need not be.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from apexline.ml.emotions import EMOTIONS, PAD_AXES
from apexline.ml.norms import adjective_pad

Floats = NDArray[np.float64]

# What the data sets call an emotion -> the adjective of ml.norms whose norm stands for it. The norm of
# "disdainful" is that of "contemptuous".
ADJECTIVES = {
    "happy": "happy",
    "happiness": "happy",
    "angry": "angry",
    "anger": "angry",
    "calm": "calm",
    "neutral": "calm",
    "scared": "scared",
    "fear": "scared",
    "sad": "sad",
    "sadness": "sad",
    "disgusted": "disgusted",
    "disgust": "disgusted",
    "surprised": "surprised",
    "surprise": "surprised",
    "contempt": "disdainful",
}
REST = "calm"


def emotion_anchors() -> pd.DataFrame:
    """PAD norm of every adjective in use.

    Returns
    -------
    DataFrame, shape (8, 3), index adjective, columns `PAD_AXES`
        Norms, -1..1; `EMOTIONS` come first.
    """
    return adjective_pad().loc[list(dict.fromkeys([*EMOTIONS, *ADJECTIVES.values()]))]


def random_anchors(seed: int) -> pd.DataFrame:
    """Random points in place of the norms: a control that has their place and spread and not their meaning.

    Parameters
    ----------
    seed : int
        Seed.

    Returns
    -------
    DataFrame, index and columns as `emotion_anchors`
        Normal draws with the norms' mean and root mean squared distance from it, all axes together; drawn again
        until all lie within -1..1.
    """
    norms = emotion_anchors()
    generator = np.random.default_rng(seed)
    mean = norms.to_numpy().mean(axis=0)
    size = np.linalg.norm(norms.to_numpy() - mean)
    points = np.full(norms.shape, np.inf)
    while np.abs(points).max() > 1:
        drawn = generator.normal(size=norms.shape)
        drawn -= drawn.mean(axis=0)
        points = mean + drawn * (size / np.linalg.norm(drawn))
    return pd.DataFrame(points, norms.index, norms.columns)


def votes_to_pad(votes: ArrayLike, words: Sequence[str], *, anchors: pd.DataFrame | None = None) -> Floats:
    """PAD of each image from the votes of its observers.

    Parameters
    ----------
    votes : array_like, shape (N, W)
        Number or share of observers who chose each word; other answers (unknown, no face) are left out.
    words : sequence of str
        Names of the columns, keys of `ADJECTIVES`.
    anchors : DataFrame, optional
        As `emotion_anchors`, the default, or `random_anchors`.

    Returns
    -------
    ndarray, shape (N, 3)
        Mean anchor over the votes; NaN for an image without votes.

    Raises
    ------
    ValueError
        If a word is unknown, the shape does not fit, or a vote is negative or not finite.
    """
    counts, points = _checked(votes, words, anchors)
    return _shares(counts) @ points


def vote_variance(votes: ArrayLike, words: Sequence[str], *, anchors: pd.DataFrame | None = None) -> Floats:
    """Sampling variance of `votes_to_pad`: how far another panel of the same size would move it.

    Parameters
    ----------
    votes, words, anchors
        As in `votes_to_pad`; votes are counts of n observers.

    Returns
    -------
    ndarray, shape (N, 3)
        Unbiased variance of the mean of n votes, one row an image; NaN where n < 2.
    """
    counts, points = _checked(votes, words, anchors)
    shares = _shares(counts)
    spread = shares @ points**2 - (shares @ points) ** 2
    number = counts.sum(axis=1, keepdims=True)
    return np.divide(spread, number - 1, out=np.full_like(spread, np.nan), where=number > 1)


def intensities_to_pad(
    intensities: ArrayLike, words: Sequence[str], *, full: float = 9.0, anchors: pd.DataFrame | None = None
) -> Floats:
    """PAD of each image from the mean intensity that its observers saw of each emotion.

    Parameters
    ----------
    intensities : array_like, shape (N, W)
        Mean rated intensity, 0 .. `full`.
    words : sequence of str
        Names of the columns, keys of `ADJECTIVES` other than those of calm.
    full : float
        End of the intensity scale.
    anchors : DataFrame, optional
        As in `votes_to_pad`.

    Returns
    -------
    ndarray, shape (N, 3)
        A face in which nothing was seen is calm; one with full intensity of a word lies at its anchor. Where
        the intensities sum to more than `full` they are scaled to sum to it.

    Raises
    ------
    ValueError
        As `votes_to_pad`, or if calm is among the words: it is what the intensities leave over.
    """
    if any(ADJECTIVES.get(word) == REST for word in words):
        msg = f"saw {REST!r} among {list(words)}; leave it out, it is what the intensities leave over"
        raise ValueError(msg)
    values = np.asarray(intensities, np.float64) / full
    rest = np.clip(1 - values.sum(axis=-1, keepdims=True), 0, 1)
    return votes_to_pad(np.concatenate([values, rest], axis=-1), [*words, REST], anchors=anchors)


def class_pad(labels: ArrayLike, *, anchors: pd.DataFrame | None = None) -> Floats:
    """One PAD point a class: the control that carries no more than the label.

    Parameters
    ----------
    labels : array_like, shape (N, 4)
        Probability of each of `EMOTIONS`; one-hot or soft. The largest counts, the first on a tie.
    anchors : DataFrame, optional
        As in `votes_to_pad`.

    Returns
    -------
    ndarray, shape (N, 3)
        The anchor of the likeliest class.

    Raises
    ------
    ValueError
        If the shape does not fit, or a label is negative or not finite.
    """
    values, points = _checked(labels, EMOTIONS, anchors)
    return points[values.argmax(axis=1)]


def _checked(weights: ArrayLike, words: Sequence[str], anchors: pd.DataFrame | None) -> tuple[Floats, Floats]:
    """Weights (N, W) and the anchor of each word (W, 3)."""
    unknown = [word for word in words if word not in ADJECTIVES]
    if unknown:
        msg = f"saw the emotion words {unknown}, expected some of {sorted(ADJECTIVES)}"
        raise ValueError(msg)
    values = np.asarray(weights, np.float64)
    if values.ndim != 2 or values.shape[1] != len(words):
        msg = f"saw an array of shape {values.shape}, expected (images, {len(words)}): a column for each word"
        raise ValueError(msg)
    if not (np.isfinite(values).all() and (values >= 0).all()):
        msg = (
            "saw negative or missing entries, expected finite numbers >= 0; write 0 where nobody chose a word"
        )
        raise ValueError(msg)
    table = emotion_anchors() if anchors is None else anchors
    points = table.loc[[ADJECTIVES[word] for word in words], list(PAD_AXES)].to_numpy(np.float64)
    return values, points


def _shares(counts: Floats) -> Floats:
    total = counts.sum(axis=1, keepdims=True)
    return np.divide(counts, total, out=np.full_like(counts, np.nan), where=total > 0)
