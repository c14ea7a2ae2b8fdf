"""How far probabilities can be trusted.

Belongs here: calibration error, reliability tables, coverage against risk. Stays out: temperature scaling
(``ml.deepid.temperature``), plots (assets draw them), the network, when to abstain (``ml.deepid.abstention``).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

# Bins of equal width, the common choice; an ECE without its bins says little.
NUM_BINS = 10
# Where the error is reported beside that of all faces: a fifth of them is not answered.
COVERAGE = 0.8


def reliability_table(confidence: ArrayLike, correct: ArrayLike, *, num_bins: int = NUM_BINS) -> pd.DataFrame:
    """Accuracy against confidence in bins of equal width.

    Parameters
    ----------
    confidence : array_like, shape (N,)
        Probability of the chosen class, 0..1.
    correct : array_like, shape (N,), bool
    num_bins : int

    Returns
    -------
    table : DataFrame
        One row per bin that holds examples: low, high, count, confidence (mean), accuracy.
    """
    conf, hit = np.asarray(confidence, np.float64), np.asarray(correct, np.float64)
    edges = np.linspace(0.0, 1.0, num_bins + 1)
    # Bins are (low, high]; a confidence of exactly 0 joins the first.
    bins = np.clip(np.searchsorted(edges, conf, side="left") - 1, 0, num_bins - 1)
    rows = [
        {
            "low": edges[b],
            "high": edges[b + 1],
            "count": int((bins == b).sum()),
            "confidence": float(conf[bins == b].mean()),
            "accuracy": float(hit[bins == b].mean()),
        }
        for b in np.unique(bins)
    ]
    return pd.DataFrame(rows, columns=["low", "high", "count", "confidence", "accuracy"])


def expected_calibration_error(
    confidence: ArrayLike, correct: ArrayLike, *, num_bins: int = NUM_BINS
) -> float:
    """Mean absolute gap between confidence and accuracy over bins, weighted by their counts (ECE).

    Parameters are those of `reliability_table`; the result is in 0..1, 0 is perfect.

    Raises
    ------
    ValueError
        If there is no example.
    """
    table = reliability_table(confidence, correct, num_bins=num_bins)
    if table.empty:
        msg = "no examples, expected at least one to measure calibration on"
        raise ValueError(msg)
    values = table[["confidence", "accuracy"]].to_numpy()
    return float(np.average(np.abs(values[:, 0] - values[:, 1]), weights=table["count"].to_numpy()))


def risk_coverage_curve(
    confidence: ArrayLike, correct: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Error rate among the most confident examples, for every share of examples answered.

    Parameters
    ----------
    confidence : array_like, shape (N,)
    correct : array_like, shape (N,), bool

    Returns
    -------
    coverage : ndarray, shape (K,)
        Share of examples answered, rising to 1; K distinct confidences (ties are answered together).
    risk : ndarray, shape (K,)
        Error rate among them.
    """
    conf, hit = np.asarray(confidence, np.float64), np.asarray(correct, np.float64)
    order = np.argsort(-conf, kind="stable")
    errors = np.cumsum(1.0 - hit[order])
    answered = np.arange(1, len(conf) + 1)
    last_of_tie = np.append(np.diff(conf[order]) != 0, True)[: len(conf)]
    return answered[last_of_tie] / max(len(conf), 1), (errors / answered)[last_of_tie]


def risk_at_coverage(confidence: ArrayLike, correct: ArrayLike, *, coverage: float) -> float:
    """Error rate among the most confident examples, where at least this share is answered.

    Parameters
    ----------
    confidence : array_like, shape (N,)
    correct : array_like, shape (N,), bool
    coverage : float
        Share of the examples, 0..1.

    Returns
    -------
    float
        0..1.

    Raises
    ------
    ValueError
        If there is no example.
    """
    covered, risk = risk_coverage_curve(confidence, correct)
    if len(covered) == 0:
        msg = "no examples, expected at least one to measure the risk on"
        raise ValueError(msg)
    return float(risk[np.searchsorted(covered, coverage - 1e-9)])
