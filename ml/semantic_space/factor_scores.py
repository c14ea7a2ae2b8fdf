"""From mean scores to factor scores, and from these to the unit of the norms.

Belongs here: steps 4 and 5 of the way from scores to PAD that ``ml.semantic_space.space`` describes. Stays out: the
loadings.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def standardise(values: Floats, center: Floats, scale: Floats) -> Floats:
    """Return scores in standard deviations of the fit."""
    return (values - center) / scale


def regression_scores(table: Floats, correlation: Floats, loadings: Floats) -> Floats:
    """Regression scores, shape (n, k), of standardised rows with gaps: each row by the pairs it has."""
    scores = np.zeros((len(table), loadings.shape[1]))
    patterns, members = np.unique(~np.isnan(table), axis=0, return_inverse=True)
    for number, known in enumerate(patterns):
        if known.any():
            rows = members.ravel() == number
            weights = np.linalg.solve(correlation[np.ix_(known, known)], loadings[known])
            scores[rows] = table[np.ix_(rows, known)] @ weights
    return scores


def calibrate(filled: Floats, factor_scores: Floats, target: Floats, middle: Floats) -> tuple[Floats, Floats]:
    """Offset and gain from factor scores to norm units; step 5 of ``ml.semantic_space.space``."""
    known = ~np.isnan(target).any(axis=1)
    if not target.size or np.linalg.matrix_rank(target[known]) < target.shape[1]:
        return np.empty(0), np.empty((factor_scores.shape[1], 0))
    half, mid = target[known], middle[known]
    # t . PAD = |t|**2 s + t . m, a row for each pair and a column for each stimulus
    along = (half**2).sum(axis=1)[:, None] * filled[:, known].T + (half * mid).sum(axis=1)[:, None]
    points = np.linalg.lstsq(half, along)[0].T
    design = np.column_stack([np.ones(len(factor_scores)), factor_scores])
    solution = np.linalg.lstsq(design, points)[0]
    return solution[0], solution[1:]
