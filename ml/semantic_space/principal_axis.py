"""Principal axis factoring of many correlation matrices at once.

Belongs here: the iteration to the fixed point, which is the minimum-residual solution that
``ml.semantic_space.factoring`` finds by another way; simulation and bootstrap need it for hundreds of matrices.
Stays out: rotation (``ml.semantic_space.rotation``).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# A communality of 1 leaves no room for noise (a Heywood case).
_MAX_COMMUNALITY = 0.995


def principal_axes(
    correlations: Floats,
    *,
    n_factors: int = 3,
    start: Floats | float = 0.5,
    tolerance: float = 1e-3,
    max_iterations: int = 200,
) -> Floats:
    """Extract loadings whose products reproduce the off-diagonal correlations best.

    Parameters
    ----------
    correlations : ndarray, shape (..., L, L)
        Correlation matrices; they may be singular.
    n_factors : int
        Factors to extract.
    start : float or ndarray, shape (L,)
        First guess of the communalities.
    tolerance : float
        Largest change of a communality at which to stop.
    max_iterations : int
        Iterations after which the result stands as it is.

    Returns
    -------
    ndarray, shape (..., L, n_factors)
        Unrotated loadings, the signs of whose columns are free.
    """
    reduced = np.array(correlations, np.float64)
    diagonal = np.arange(reduced.shape[-1])
    communalities = np.broadcast_to(np.asarray(start, np.float64), reduced.shape[:-1])
    loadings = np.empty(0)
    for _ in range(max_iterations):
        reduced[..., diagonal, diagonal] = communalities
        values, vectors = np.linalg.eigh(reduced)
        leading = np.maximum(values[..., None, -n_factors:], 0)
        loadings = vectors[..., -n_factors:] * np.sqrt(leading)
        before, communalities = communalities, np.minimum((loadings**2).sum(axis=-1), _MAX_COMMUNALITY)
        if np.abs(communalities - before).max() < tolerance:
            break
    return loadings[..., ::-1]
