"""Where the variance of ratings comes from: stimuli, raters and the rest, for scales together.

Belongs here: Henderson's method 1 for crossed factors with cells missing [1]_, of one scale and of all pairs of
scales. Stays out: what is made of the components (``ml.surveys.agreement``, ``ml.surveys.power``).

References
----------
.. [1] Henderson 1953, "Estimation of variance and covariance components", Biometrics 9.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from apexline.ml.surveys.ratings import level_scores

Floats = NDArray[np.float64]


def solve_components(
    *, num: Floats, targets: Floats, raters: Floats, k1: Floats, k2: Floats, sums: Floats
) -> Floats:
    """Set differences of uncorrected sums of squares equal to their expectations, and solve for the components.

    Parameters
    ----------
    num, targets, raters : ndarray, any one shape
        Filled cells, targets and raters with any.
    k1, k2 : ndarray, the same shape
        Sum over targets (k1) and raters (k2) of their squared number of cells, over `num`.
    sums : ndarray, that shape and a last axis of 3
        By target less mean, by rater less mean, and total less both plus mean.

    Returns
    -------
    ndarray, the shape of `sums`
        Components of target, rater and residual; NaN where the filled cells can't tell them apart.
    """
    # E of the three differences as linear functions of the components; each cell holds at most one answer, which
    # simplifies sum n_ij**2 / n_i to the number of targets.
    system = np.stack(
        [
            np.stack([num - k1, targets - k2, targets - 1], axis=-1),
            np.stack([raters - k1, num - k2, raters - 1.0], axis=-1),
            np.stack([k1 - raters, k2 - targets, num - targets - raters + 1], axis=-1),
        ],
        axis=-2,
    )
    solvable = np.abs(np.linalg.det(system)) > 1e-9
    components = np.full_like(sums, np.nan)
    components[solvable] = np.linalg.solve(system[solvable], sums[solvable][..., None])[..., 0]
    return components


@dataclass(frozen=True, eq=False)
class RatingComponents:
    """Covariance between scales of each source of variance.

    Parameters
    ----------
    pairs : tuple of str
        Scales, L of them.
    stimulus : ndarray, shape (L, L)
        Of what the stimuli are: what a survey wants to learn.
    rater : ndarray, shape (L, L)
        Of a rater's constant shift.
    residual : ndarray, shape (L, L)
        Of a single answer about both: a rater's own view of a stimulus, and noise. Not diagonal where a rater who
        finds a stimulus likeable also finds it beautiful.
    num_stimuli, num_raters : int
        How many they were estimated from.
    """

    pairs: tuple[str, ...]
    stimulus: Floats
    rater: Floats
    residual: Floats
    num_stimuli: int
    num_raters: int


def score_cube(ratings: pd.DataFrame) -> tuple[tuple[str, ...], Floats]:
    """Turn tidy ratings into an array.

    Parameters
    ----------
    ratings : DataFrame, columns rater, segment, pair, level
        Accepted answers.

    Returns
    -------
    pairs : tuple of str
        Names along the last axis, sorted.
    scores : ndarray, shape (T, R, L)
        Score of each stimulus by each rater on each pair, -1..1; NaN where missing. Stimuli and raters sorted.
    """
    codes, sizes, names = [], [], []
    for column in ("segment", "rater", "pair"):
        values, found = pd.factorize(ratings[column], sort=True)
        codes.append(values)
        sizes.append(len(found))
        names.append(found)
    scores = np.full(sizes, np.nan)
    scores[tuple(codes)] = level_scores(ratings["level"])
    return tuple(str(name) for name in names[2]), scores


def rating_components(pairs: tuple[str, ...], scores: ArrayLike) -> RatingComponents:
    """Estimate the components of every pair of scales from the cells in which both were answered.

    Parameters
    ----------
    pairs : tuple of str
        Scales.
    scores : array_like, shape (T, R, L)
        As from `score_cube`.

    Returns
    -------
    RatingComponents
        Unbiased where answers are missing at random; `stimulus` may have small negative eigenvalues.

    Raises
    ------
    ValueError
        If too few raters rated the same stimuli to tell the components apart.
    """
    cube = np.asarray(scores, np.float64)
    filled = (~np.isnan(cube)).astype(np.float64)
    values = np.where(filled > 0, cube - np.nanmean(cube, axis=(0, 1)), 0.0)
    total = np.tensordot(values, values, axes=([0, 1], [0, 1]))  # (L, L)
    by_target, per_target = _sums(values, filled)
    by_rater, per_rater = _sums(values.swapaxes(0, 1), filled.swapaxes(0, 1))
    num = per_target.sum(axis=0)
    whole = by_target.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = whole * whole.T / num
        targets = _square_sum(by_target, per_target)
        raters = _square_sum(by_rater, per_rater)
        components = solve_components(
            num=num,
            targets=(per_target > 0).sum(axis=0).astype(np.float64),
            raters=(per_rater > 0).sum(axis=0).astype(np.float64),
            k1=(per_target**2).sum(axis=0) / num,
            k2=(per_rater**2).sum(axis=0) / num,
            sums=np.stack([targets - mean, raters - mean, total - targets - raters + mean], axis=-1),
        )
    if not np.isfinite(components).all():
        msg = (
            f"{cube.shape[1]} raters of {cube.shape[0]} stimuli share too few answers to tell stimuli from "
            "raters; let several raters rate the same stimuli on all pairs"
        )
        raise ValueError(msg)
    stimulus, rater, residual = np.moveaxis(components, -1, 0)
    return RatingComponents(pairs, stimulus, rater, residual, cube.shape[0], cube.shape[1])


def _sums(values: Floats, filled: Floats) -> tuple[Floats, Floats]:
    """Sums of scale i, and counts, over the cells of each row in which scale j was answered too; (T, L, L)."""
    turned = values.swapaxes(1, 2), filled.swapaxes(1, 2)
    return turned[0] @ filled, turned[1] @ filled


def _square_sum(sums: Floats, counts: Floats) -> Floats:
    products = sums * sums.swapaxes(1, 2)
    return np.divide(products, counts, out=np.zeros_like(products), where=counts > 0).sum(axis=0)
