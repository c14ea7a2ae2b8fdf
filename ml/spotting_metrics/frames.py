"""Spotting judged frame by frame: masks, ROC curves and their area.

Belongs here: scores of frames. Stays out: matching whole segments (``matching``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from apexline.ml.bootstrap import percentile_interval, subject_weights
from apexline.ml.spotting_metrics.matching import Segments, frame_bounds


def frame_mask(segments: Segments, num_frames: int) -> NDArray[np.bool_]:
    """Frames that lie in a segment.

    Parameters
    ----------
    segments : sequence of segments
    num_frames : int

    Returns
    -------
    mask : ndarray, shape (num_frames,), bool

    Raises
    ------
    ValueError
        If a segment reaches outside the clip.
    """
    bounds = frame_bounds(segments)
    if bounds.size and (bounds.min() < 0 or bounds.max() >= num_frames):
        msg = f"segments span frames {bounds.min()}..{bounds.max()}, expected 0..{num_frames - 1}"
        raise ValueError(msg)
    mask = np.zeros(num_frames, bool)
    for onset, offset in bounds.tolist():
        mask[onset : offset + 1] = True
    return mask


@dataclass(frozen=True, eq=False)
class FrameRoc:
    """Frame-level ROC curve: false and true positive rates, shape (K,), rising, and the area under it."""

    false_positive_rate: NDArray[np.float64]
    true_positive_rate: NDArray[np.float64]
    auc: float


def frame_roc(scores: ArrayLike, positive: ArrayLike) -> FrameRoc:
    """ROC of a frame score; a frame is positive inside [onset, offset] of a true segment.

    Parameters
    ----------
    scores : array_like, shape (N,)
        Larger is more expressive; frames of all clips one after another.
    positive : array_like, shape (N,), bool
        As `frame_mask` gives it.

    Returns
    -------
    roc : FrameRoc

    Raises
    ------
    ValueError
        If all frames are positive or none is.

    Examples
    --------
    >>> from apexline.ml.spotting_metrics import frame_mask, frame_roc
    >>> inside = frame_mask([(2, 3)], 4)
    >>> frame_roc([0.1, 0.4, 0.35, 0.8], inside).auc
    0.75
    """
    truth = np.asarray(positive, bool)
    if truth.all() or not truth.any():
        msg = (
            f"{int(truth.sum())} of {truth.size} frames are positive; a ROC needs both kinds: pool more clips"
        )
        raise ValueError(msg)
    # Half a second to import, which scoring a clip can do without.
    from sklearn.metrics import auc, roc_curve

    false_rate, true_rate, _ = roc_curve(truth, np.asarray(scores, np.float64))
    return FrameRoc(false_rate, true_rate, float(auc(false_rate, true_rate)))


def roc_area(scores: NDArray[np.float64], positive: NDArray[np.bool_], weights: NDArray[np.int64]) -> float:
    """Area under the ROC curve of weighted frames in order of falling score; ties count half.

    Sorting once and weighting anew is what makes a bootstrap of many frames quick.

    Parameters
    ----------
    scores : ndarray, shape (N,)
        Falling.
    positive : ndarray, shape (N,), bool
    weights : ndarray, shape (N,), int
        How often each frame counts.

    Returns
    -------
    area : float
        NaN where one kind of frame is missing.
    """
    last_of_tie = np.append(scores[1:] != scores[:-1], True)
    true = np.concatenate([[0], np.cumsum(weights * positive)[last_of_tie]])
    false = np.concatenate([[0], np.cumsum(weights * ~positive)[last_of_tie]])
    if true[-1] == 0 or false[-1] == 0:
        return float("nan")
    return float(np.trapezoid(true / true[-1], false / false[-1]))


def auc_interval(
    scores: ArrayLike, positive: ArrayLike, subjects: ArrayLike, *, seed: int = 0, num_resamples: int = 300
) -> tuple[float, float]:
    """95 % bootstrap interval of the frame-level AUC, resampling whole subjects.

    Parameters
    ----------
    scores, positive : array_like, shape (N,)
        As for `frame_roc`.
    subjects : array_like, shape (N,), str
        Subject of each frame.
    seed : int
    num_resamples : int
        Resamples in which one kind of frame is missing are left out.

    Returns
    -------
    low, high : float
        (0, 1) for a single subject: nothing is known of others.
    """
    values, truth = np.asarray(scores, np.float64), np.asarray(positive, bool)
    names, owner = np.unique(np.asarray(subjects).astype(str), return_inverse=True)
    if len(names) == 1:
        return 0.0, 1.0
    order = np.argsort(-values, kind="stable")
    values, truth, owner = values[order], truth[order], owner[order]
    draws = subject_weights(len(names), num_resamples, seed=seed, sampler="integers")
    areas = np.array([roc_area(values, truth, draw[owner]) for draw in draws])
    return percentile_interval(areas, tails=(0.025, 0.975))
