"""Extraction, KMO and Bartlett's test by code of the project's own, where factor_analyzer (GPL-2.0) is not installed.

Belongs here: the same functions as in ``factoring``, with equal results. Stays out: choosing (``factoring``).

Maximum likelihood is not among them: it takes an optimiser of its own, and nothing in the line asks for it.

References
----------
.. [1] Kaiser 1974, "An index of factorial simplicity", Psychometrika 39.
.. [2] Bartlett 1951, "The effect of standardization on a chi-square approximation in factor analysis", Biometrika 38.
.. [3] Kaiser 1958, "The varimax criterion for analytic rotation in factor analysis", Psychometrika 23.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from apexline.ml.semantic_space.principal_axis import principal_axes

Floats = NDArray[np.float64]

# To the fixed point, which is the minimum of the residuals: an optimiser stops no nearer to it.
_TOLERANCE, _MAX_ITERATIONS = 1e-7, 20_000
_VARIMAX_STEPS, _VARIMAX_TOLERANCE = 1000, 1e-9


def extract_minres(correlation: Floats, *, n_factors: int) -> Floats:
    """Return minimum-residual loadings, shape (L, n_factors), of a correlation matrix, shape (L, L)."""
    return principal_axes(
        correlation, n_factors=n_factors, tolerance=_TOLERANCE, max_iterations=_MAX_ITERATIONS
    )


def extract_principal(scores: Floats, *, n_factors: int) -> Floats:
    """Return loadings of principal components, shape (L, n_factors), of scores, shape (N, L)."""
    values, vectors = np.linalg.eigh(np.corrcoef(scores, rowvar=False))
    leading = vectors[:, -n_factors:] * np.sqrt(np.maximum(values[-n_factors:], 0))
    return leading[:, ::-1]


def rotate_varimax(loadings: Floats) -> Floats:
    """Rotate loadings, shape (L, F), to the varimax criterion [3]_, each pair's row scaled to length one meanwhile."""
    lengths = np.sqrt((loadings**2).sum(axis=1, keepdims=True))
    scaled = loadings / lengths
    rotation = np.eye(loadings.shape[1])
    before = 0.0
    for _ in range(_VARIMAX_STEPS):
        turned = scaled @ rotation
        gradient = scaled.T @ (turned**3 - turned * (turned**2).mean(axis=0))
        left, values, right = np.linalg.svd(gradient)
        rotation = left @ right
        if values.sum() < before * (1 + _VARIMAX_TOLERANCE):
            break
        before = float(values.sum())
    return scaled @ rotation * lengths


def kmo(scores: Floats) -> tuple[float, Floats]:
    """Return the Kaiser-Meyer-Olkin measure [1]_ of scores, shape (N, L): overall, and by column, shape (L,)."""
    correlation = np.asarray(np.corrcoef(scores, rowvar=False))
    inverse = np.linalg.pinv(correlation)
    spread = np.sqrt(np.diag(inverse))
    partial = inverse / np.outer(spread, spread)
    np.fill_diagonal(correlation, 0)
    np.fill_diagonal(partial, 0)
    together, apart = correlation**2, partial**2
    per_pair = together.sum(axis=0) / (together.sum(axis=0) + apart.sum(axis=0))
    return float(together.sum() / (together.sum() + apart.sum())), per_pair


def bartlett_p(scores: Floats) -> float:
    """Return the p value of Bartlett's test [2]_ that the columns of scores, shape (N, L), are uncorrelated."""
    number, length = scores.shape
    _, log_determinant = np.linalg.slogdet(np.corrcoef(scores, rowvar=False))
    statistic = -log_determinant * (number - 1 - (2 * length + 5) / 6)
    return float(chi2.sf(statistic, length * (length - 1) / 2))
