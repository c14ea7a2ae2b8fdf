"""Learned scores of frames: the probability that a frame lies inside an expression.

Belongs here: fitting and applying. Stays out: what is known of a frame (``bench.spotting.temporal``) and segments.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

Floats = NDArray[np.float64]


# Probability of expression, shape (T,), from features of each frame, shape (T, F).
FrameScorer = Callable[[Floats], Floats]


def fit_logistic(features: Floats, positive: NDArray[np.bool_], *, strength: float = 0.1) -> FrameScorer:
    """Logistic regression of standardised features.

    Parameters
    ----------
    features : ndarray, shape (N, F)
        Frames of all training faces, one after another.
    positive : ndarray, shape (N,), bool
    strength : float
        Inverse of the ridge penalty.

    Raises
    ------
    ValueError
        If one kind of frame is missing.
    """
    _require_both(positive)
    centre, scale = features.mean(axis=0), features.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    # its stubs take fitted attributes for what they are before the fit
    model: Any = LogisticRegression(C=strength, max_iter=1000)
    model.fit((features - centre) / scale, positive)
    weights = np.asarray(model.coef_[0], np.float64) / scale
    bias = float(model.intercept_[0]) - float(centre @ weights)
    return lambda each: np.asarray(expit(each @ weights + bias), np.float64)


def fit_trees(features: Floats, positive: NDArray[np.bool_], *, seed: int = 0) -> FrameScorer:
    """Boosted trees, small and many; arguments and errors as `fit_logistic`."""
    _require_both(positive)
    model = HistGradientBoostingClassifier(
        max_iter=150,
        learning_rate=0.06,
        max_leaf_nodes=8,
        min_samples_leaf=min(200, max(1, positive.size // 20)),
        l2_regularization=5.0,
        random_state=seed,
    )
    model.fit(features, positive)
    return lambda each: np.asarray(model.predict_proba(each)[:, 1], np.float64)


def _require_both(positive: NDArray[np.bool_]) -> None:
    if positive.all() or not positive.any():
        msg = (
            f"{int(positive.sum())} of {positive.size} training frames are positive; learning needs both kinds: "
            "add clips"
        )
        raise ValueError(msg)
