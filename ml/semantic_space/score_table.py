"""Mean scores made fit for a factor analysis.

Belongs here: naming, dropping of unusable columns, eq. 29 of [1]_, and a correlation matrix that has an inverse.
Stays out: what is made of it (``ml.semantic_space.space``) and how the scores came about (``ml.surveys.ratings``).

References
----------
.. [1] Li, Zhou, Liu, Sun, Chen, Xue 2021, doi 10.18280/ts.380213, section 3.2.
"""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.covariance import ledoit_wolf_shrinkage

from apexline.ml.semantic_space.adequacy import is_singular

# A column that fewer than half of the stimuli have an answer in says more about the filling than about the
# pair.
_MIN_ANSWERED = 0.5
# Ledoit-Wolf's intensity falls to 0 with many stimuli, and a repeated pair stays singular then.
_MIN_SHRINKAGE = 1e-3

Floats = NDArray[np.float64]


class DroppedPairsWarning(UserWarning):
    """Columns were left out because they do not vary or are mostly empty."""


class SingularCorrelationWarning(UserWarning):
    """The correlation matrix had no inverse and was shrunk."""


def normalise(scores: Floats) -> Floats:
    """Centre each column and divide it by its L2 norm, eq. 29.

    Parameters
    ----------
    scores : ndarray, shape (N, L)
        Mean evaluations without gaps; every column varies.

    Returns
    -------
    ndarray, shape (N, L)
        X with ``X.T @ X`` equal to the Pearson correlation matrix.
    """
    centred = scores - scores.mean(axis=0)
    return centred / np.linalg.norm(centred, axis=0)


def as_score_table(scores: pd.DataFrame | ArrayLike) -> pd.DataFrame:
    """Return scores as a table with names for its columns; refuse repeated names."""
    if isinstance(scores, pd.DataFrame):
        table = scores.set_axis([str(name) for name in scores.columns], axis=1)
    else:
        values = np.asarray(scores, np.float64)
        if values.ndim != 2:
            msg = f"saw scores of shape {values.shape}, expected (stimuli, pairs)"
            raise ValueError(msg)
        table = pd.DataFrame(values, columns=[f"pair_{i}" for i in range(1, values.shape[1] + 1)])
    if not table.columns.is_unique or not table.index.is_unique:
        msg = "saw repeated segments or pairs in the scores, expected each once; average them first"
        raise ValueError(msg)
    return table


def drop_unusable(table: pd.DataFrame, n_factors: int) -> pd.DataFrame:
    """Drop empty rows and unusable columns; refuse what is left if it is too little."""
    table = table.dropna(how="all")
    needed = 3 * n_factors + 1
    if len(table) < needed:
        msg = f"saw {len(table)} rated stimuli, expected at least {needed} for {n_factors} factors; rate more"
        raise ValueError(msg)
    answered = table.notna().mean() >= _MIN_ANSWERED
    varies = table.std(ddof=0) > 1e-12
    keep = answered & varies
    if not keep.all():
        lost = [str(name) for name in table.columns[~keep]]
        warnings.warn(
            f"pairs {lost} do not vary or are mostly empty: dropped", DroppedPairsWarning, stacklevel=3
        )
    table = table.loc[:, keep]
    # Correlations minus free parameters of the factor model; below 0 anything fits.
    spare = ((table.shape[1] - n_factors) ** 2 - (table.shape[1] + n_factors)) / 2
    if table.shape[1] <= n_factors or spare < 0:
        msg = f"saw {table.shape[1]} usable pairs, which are too few for {n_factors} factors; rate more pairs"
        raise ValueError(msg)
    return table


def regularised_correlation(normalised: Floats) -> tuple[Floats, float]:
    """Correlation matrix of eq. 29's X, shrunk where it is singular, and the shrinkage."""
    correlation = normalised.T @ normalised
    if not is_singular(correlation):
        return correlation, 0.0
    num_stimuli, num_pairs = normalised.shape
    shrinkage = max(float(ledoit_wolf_shrinkage(normalised * np.sqrt(num_stimuli))), _MIN_SHRINKAGE)
    warnings.warn(
        f"the correlations of {num_pairs} pairs over {num_stimuli} stimuli are singular: shrunk by "
        f"{shrinkage:.3g}; KMO and Bartlett's test do not exist",
        SingularCorrelationWarning,
        stacklevel=3,
    )
    return (1 - shrinkage) * correlation + shrinkage * np.eye(num_pairs), shrinkage
