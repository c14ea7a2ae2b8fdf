"""Whether scores suit a factor analysis: Kaiser-Meyer-Olkin and Bartlett diagnostics, Horn's parallel analysis.

Belongs here: checks before factors are extracted. Stays out: extraction (``factoring``) and agreement of raters
(``ml.surveys``).

References
----------
.. [1] Horn 1965, "A rationale and test for the number of factors in factor analysis", Psychometrika 30.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from apexline.ml.semantic_space import factoring as factor_compat


@dataclass(frozen=True)
class SamplingAdequacy:
    """How well scores suit a factor analysis.

    Parameters
    ----------
    kmo : float
        Kaiser-Meyer-Olkin measure, 0..1; NaN where the correlation matrix is singular.
    kmo_per_pair : ndarray, shape (L,)
        The measure of each column.
    bartlett_p : float
        P value of Bartlett's test of sphericity; NaN where the correlation matrix is singular.
    """

    kmo: float
    kmo_per_pair: NDArray[np.float64]
    bartlett_p: float


def sampling_adequacy(scores: ArrayLike) -> SamplingAdequacy:
    """Kaiser-Meyer-Olkin measure and Bartlett's test.

    Parameters
    ----------
    scores : array_like, shape (N, L)
        Scores without gaps; every column varies.

    Returns
    -------
    SamplingAdequacy
        All NaN where the correlation matrix is singular, as with fewer stimuli than pairs: both measures need
        its inverse or its determinant.
    """
    table = np.asarray(scores, np.float64)
    if is_singular(np.asarray(np.corrcoef(table, rowvar=False))):
        return SamplingAdequacy(np.nan, np.full(table.shape[1], np.nan), np.nan)
    overall, per_pair = factor_compat.kmo(table)
    return SamplingAdequacy(overall, per_pair, factor_compat.bartlett_p(table))


def is_singular(correlation: NDArray[np.float64]) -> bool:
    """Whether a correlation matrix, shape (L, L), has no inverse worth the name."""
    return bool(np.linalg.eigvalsh(correlation)[0] < 1e-8)


@dataclass(frozen=True)
class ParallelAnalysis:
    """Horn's parallel analysis.

    Parameters
    ----------
    eigenvalues : ndarray, shape (L,)
        Eigenvalues of the scores' correlation matrix, largest first.
    thresholds : ndarray, shape (L,)
        The given quantile of the eigenvalues of uncorrelated normal scores of the same size.
    num_factors : int
        Leading eigenvalues above their thresholds.
    """

    eigenvalues: NDArray[np.float64]
    thresholds: NDArray[np.float64]
    num_factors: int


def parallel_analysis(
    scores: ArrayLike, *, num_repeats: int = 100, quantile: float = 0.95, seed: int = 0
) -> ParallelAnalysis:
    """How many factors stand out from chance [1]_.

    Parameters
    ----------
    scores : array_like, shape (N, L)
        Scores without gaps; every column varies.
    num_repeats : int
        Random tables drawn.
    quantile : float
        Quantile of the random eigenvalues that a real one must exceed, 0..1.
    seed : int
        Seed of the random tables.

    Returns
    -------
    ParallelAnalysis
        Eigenvalues, thresholds and the number of factors.
    """
    table = np.asarray(scores, np.float64)
    rng = np.random.default_rng(seed)
    random = np.array([_eigenvalues(rng.normal(size=table.shape)) for _ in range(num_repeats)])
    thresholds = np.quantile(random, quantile, axis=0)
    eigenvalues = _eigenvalues(table)
    below = eigenvalues <= thresholds
    return ParallelAnalysis(
        eigenvalues, thresholds, int(np.argmax(below)) if below.any() else eigenvalues.size
    )


def _eigenvalues(table: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.linalg.eigvalsh(np.corrcoef(table, rowvar=False))[::-1].astype(np.float64)
