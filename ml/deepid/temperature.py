"""Temperature scaling: one number that makes confidences match how often a model is right.

Belongs here: fitting it. Stays out: measuring calibration (``ml.evaluation``).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import log_softmax

# A validation fold of two subjects may be classified without an error; the optimum is then T -> 0,
# which would call every future face certain. T never sharpens by more than a factor of two.
_TEMPERATURE_BOUNDS = (0.5, 16.0)


def fit_temperature(logits: ArrayLike, labels: ArrayLike) -> float:
    """Temperature T that minimises the cross-entropy of ``softmax(logits / T)`` [1]_.

    Parameters
    ----------
    logits : array_like, shape (N, C)
    labels : array_like, shape (N, C)
        Soft labels, rows sum to 1. Their most likely class counts: that is what a confidence speaks of. Softmax
        fitted to the raters' votes themselves would be as unsure as the raters disagree, which is another question.

    Returns
    -------
    temperature : float
        In [0.5, 16]; above 1 the network was too confident.

    References
    ----------
    .. [1] Guo, Pleiss, Sun, Weinberger (2017). On calibration of modern neural networks. ICML.
    """
    from scipy.optimize import minimize_scalar  # half a second to import, which answering can do without

    scores = np.asarray(logits, np.float64)
    target = np.asarray(labels).argmax(axis=1)

    def loss(log_temperature: float) -> float:
        log_probabilities = log_softmax(scores / np.exp(log_temperature), axis=1)
        return float(-log_probabilities[np.arange(len(target)), target].mean())

    found = minimize_scalar(loss, bounds=tuple(np.log(_TEMPERATURE_BOUNDS)), method="bounded")
    return float(np.exp(found.x))
