"""How far congruence would move with other raters and other stimuli.

Belongs here: the bootstrap over both at once. Stays out: congruence itself (``ml.semantic_space.rotation``).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import threadpool_limits

from apexline.ml.semantic_space.principal_axis import principal_axes
from apexline.ml.semantic_space.rotation import rotate_to_target

Floats = NDArray[np.float64]


# Threads cost several times what they save on matrices of this size.
@threadpool_limits.wrap(limits=1, user_api="blas")
def congruence_interval(
    scores: ArrayLike,
    target: ArrayLike,
    *,
    num_resamples: int = 300,
    confidence: float = 0.95,
    seed: int = 0,
) -> tuple[Floats, Floats]:
    """Percentile interval of the congruence of each axis; raters and stimuli are both drawn again.

    Parameters
    ----------
    scores : array_like, shape (T, R, L)
        Score of each stimulus by each rater on each pair; NaN where missing.
    target : array_like, shape (L, k)
        Target of the pairs; rows with NaN do not steer.
    num_resamples : int
        Resamples.
    confidence : float
        Coverage of the interval, 0..1.
    seed : int
        Seed of the resampling.

    Returns
    -------
    low, high : ndarray, shape (k,)
        The interval. Doubled stimuli and raters add noise that the survey itself has not, so it lies somewhat low
        and is wide rather than narrow.
    """
    cube, wanted = np.asarray(scores, np.float64), np.asarray(target, np.float64)
    filled = (~np.isnan(cube)).astype(np.float64)
    values = np.where(filled > 0, cube, 0.0)
    rng = np.random.default_rng(seed)
    num_stimuli, num_raters, _ = cube.shape
    drawn: list[Floats] = []
    for _ in range(num_resamples):
        weights = rng.multinomial(num_raters, np.full(num_raters, 1 / num_raters)).astype(np.float64)
        means = _means(values, filled, weights)[rng.integers(num_stimuli, size=num_stimuli)]
        loadings = principal_axes(np.asarray(np.corrcoef(means, rowvar=False)), n_factors=wanted.shape[1])
        drawn.append(rotate_to_target(loadings, wanted)[1])
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    return low, high


def _means(values: Floats, filled: Floats, weights: Floats) -> Floats:
    """Mean score of each stimulus, (T, L), with each rater counted so often; gaps take the column's mean."""
    sums, counts = np.matmul(weights, values), np.matmul(weights, filled)
    means = np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)
    return np.where(np.isnan(means), np.nanmean(means, axis=0), means)
