"""Answers where classes are not as frequent as they were in training, or are called by other people's measure.

Belongs here: a shift of each class's logit and its choice on validation examples. Stays out: calibration, which keeps
the most probable class (``ml.evaluation.calibration``).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Nearest to none first: of shifts that score equally the least is taken.
_SHIFTS = np.array(sorted(np.round(np.arange(-3.0, 3.05, 0.1), 1), key=abs))
_SWEEPS = 4


def fit_logit_shift(
    logits: ArrayLike, target: ArrayLike, *, balanced_weight: float = 1.0
) -> NDArray[np.float64]:
    """Shift of each class's logit with the best score on validation examples, class by class in turns.

    A change of the classes' frequencies alone calls for ``log(new_c / old_c)`` [1]_. Here the shift is free, as
    the labels of the examples need not be those of the training either.

    Parameters
    ----------
    logits : array_like, shape (N, C)
    target : array_like, shape (N,), int
    balanced_weight : float
        Weight b of balanced accuracy in what is maximised, ``b * balanced + (1 - b) * accuracy``.

    Returns
    -------
    shift : ndarray, shape (C,)
        To be added to logits; each in -3..3.

    References
    ----------
    .. [1] Saerens, Latinne, Decaestecker (2002). Adjusting the outputs of a classifier to new a priori
       probabilities. Neural Computation 14.
    """
    scores, truth = np.asarray(logits, np.float64), np.asarray(target)
    shift = np.zeros(scores.shape[1])
    for _ in range(_SWEEPS):
        before = shift.copy()
        for each in range(len(shift)):
            tried = np.repeat(shift[None], len(_SHIFTS) + 1, axis=0)
            tried[1:, each] = _SHIFTS  # the present value first: only a better one replaces it
            quality = [_objective((scores + s).argmax(axis=1), truth, balanced_weight) for s in tried]
            shift = tried[int(np.argmax(quality))]
        if np.array_equal(shift, before):
            break
    return shift


def balanced_accuracy(predicted: ArrayLike, target: ArrayLike) -> float:
    """Mean over the classes in `target` of the share that is recognised, 0..1."""
    answers, truth = np.asarray(predicted), np.asarray(target)
    return float(np.mean([(answers[truth == each] == each).mean() for each in np.unique(truth)]))


def _objective(predicted: NDArray[np.intp], truth: NDArray[np.generic], balanced_weight: float) -> float:
    accuracy = float((predicted == truth).mean())
    return balanced_weight * balanced_accuracy(predicted, truth) + (1 - balanced_weight) * accuracy
