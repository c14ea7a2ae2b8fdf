"""Answers for classes that are as frequent where a model is used as they are not where it was trained.

Belongs here: how strongly logits are moved against the training set's class shares, and the choice of that strength.
Stays out: calibration, which keeps the most probable class (``ml.calibration``).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

_STRENGTHS = np.linspace(0.0, 1.5, 31)


def class_shares(labels: ArrayLike, weights: ArrayLike) -> NDArray[np.float64]:
    """Share of each class among weighted examples.

    Parameters
    ----------
    labels : array_like, shape (N, C)
        Soft labels, rows sum to 1.
    weights : array_like, shape (N,)

    Returns
    -------
    shares : ndarray, shape (C,)
        Sums to 1.
    """
    total = np.asarray(weights, np.float64) @ np.asarray(labels, np.float64)
    return total / total.sum()


def fit_prior_shift(
    logits: ArrayLike, target: ArrayLike, shares: ArrayLike, *, balanced_weight: float = 0.5
) -> NDArray[np.float64]:
    """Shift ``-tau log(share_c)`` of the logits of each class [1]_ with the best strength tau.

    Parameters
    ----------
    logits : array_like, shape (N, C)
        Of validation examples.
    target : array_like, shape (N,), int
    shares : array_like, shape (C,)
        Shares of the classes in training, all above 0.
    balanced_weight : float
        Weight b of balanced accuracy in what is maximised, ``b * balanced + (1 - b) * accuracy``.

    Returns
    -------
    shift : ndarray, shape (C,)
        To be added to logits; its mean is 0. The smallest tau of those that score equally, 0..1.5.

    References
    ----------
    .. [1] Menon et al. (2021). Long-tail learning via logit adjustment. ICLR.
    """
    scores, truth = np.asarray(logits, np.float64), np.asarray(target)
    direction = -np.log(np.asarray(shares, np.float64))
    direction = direction - direction.mean()
    quality = [
        _quality((scores + tau * direction).argmax(axis=1), truth, balanced_weight) for tau in _STRENGTHS
    ]
    return _STRENGTHS[int(np.argmax(quality))] * direction


def balanced_accuracy(predicted: ArrayLike, target: ArrayLike) -> float:
    """Mean over the classes in `target` of the share that is recognised, 0..1."""
    answers, truth = np.asarray(predicted), np.asarray(target)
    return float(np.mean([(answers[truth == each] == each).mean() for each in np.unique(truth)]))


def _quality(predicted: NDArray[np.intp], truth: NDArray[np.generic], balanced_weight: float) -> float:
    accuracy = float((predicted == truth).mean())
    return balanced_weight * balanced_accuracy(predicted, truth) + (1 - balanced_weight) * accuracy
