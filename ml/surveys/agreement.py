"""Whether raters agree.

Belongs here: intraclass correlation, of one pair and of all. Stays out: whether scores suit a factor analysis
(``ml.semantic_space.adequacy``).

References
----------
.. [1] Shrout, Fleiss 1979, "Intraclass correlations: uses in assessing rater reliability", Psychological
   Bulletin 86.
.. [2] Henderson 1953, "Estimation of variance and covariance components", Biometrics 9 (method 1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from apexline.ml.bootstrap import percentile_interval, subject_weights
from apexline.ml.surveys.ratings import level_scores
from apexline.ml.surveys.variance_components import solve_components


@dataclass(frozen=True)
class IntraclassCorrelation:
    """Two-way random effects, absolute agreement: ICC(2,1) and ICC(2,k) of [1]_.

    Parameters
    ----------
    single, single_low, single_high : float
        Reliability of one rater, and its bootstrap interval over targets.
    average, average_low, average_high : float
        Reliability of the mean over `mean_raters` raters, and its interval.
    num_targets, num_raters : int
        Rated targets, and raters with at least one answer.
    mean_raters : float
        Harmonic mean over targets of the number of raters: the k of ICC(2,k).
    missing : float
        Share of the target x rater cells without an answer, 0..1.
    """

    single: float
    single_low: float
    single_high: float
    average: float
    average_low: float
    average_high: float
    num_targets: int
    num_raters: int
    mean_raters: float
    missing: float


def intraclass_correlation(
    scores: ArrayLike,
    *,
    num_resamples: int = 500,
    confidence: float = 0.95,
    seed: int = 0,
) -> IntraclassCorrelation:
    """Estimate ICC(2,1) and ICC(2,k), with answers missing or not.

    Parameters
    ----------
    scores : array_like, shape (T, R)
        Score of each target by each rater; NaN where missing. Empty rows and columns do not count.
    num_resamples : int
        Bootstrap resamples; targets are drawn, raters are kept.
    confidence : float
        Coverage of the percentile interval, 0..1.
    seed : int
        Seed of the resampling.

    Returns
    -------
    IntraclassCorrelation
        Estimates. They may be negative where raters agree less than chance would have it, and are NaN where
        the scores do not vary.

    Raises
    ------
    ValueError
        If there are fewer than two targets or two raters, or no target has two answers.

    Notes
    -----
    The components of target, rater and residual variance are estimated by Henderson's method 1 [2]_: the
    uncorrected sums of squares of targets, raters, total and mean are set equal to their expectations given
    which cells are filled. That uses every answer, is unbiased when answers are missing at random, and is
    exactly the mean-squares formula of [1]_ when none is missing.
    """
    table = np.asarray(scores, np.float64)
    if table.ndim != 2:
        msg = f"saw scores of shape {table.shape}, expected (targets, raters)"
        raise ValueError(msg)
    filled = ~np.isnan(table)
    table = table[filled.any(axis=1)][:, filled.any(axis=0)]
    filled = ~np.isnan(table)
    counts = filled.sum(axis=1)
    if min(table.shape) < 2 or counts.max() < 2:
        msg = (
            f"saw {table.shape[0]} targets and {table.shape[1]} raters with answers, expected at least two "
            "of each and two answers to some target; collect more ratings"
        )
        raise ValueError(msg)
    num_targets, num_raters = table.shape
    drawn = subject_weights(num_targets, num_resamples, seed=seed)
    estimates = _icc(table, filled, np.vstack([np.ones(num_targets, drawn.dtype), drawn]))
    tails = (1 - confidence) / 2, (1 + confidence) / 2
    usable = estimates[1:][np.isfinite(estimates[1:]).all(axis=1)]
    single_low, single_high = percentile_interval(usable[:, 0], tails=tails)
    average_low, average_high = percentile_interval(usable[:, 1], tails=tails)
    return IntraclassCorrelation(
        single=float(estimates[0, 0]),
        single_low=single_low,
        single_high=single_high,
        average=float(estimates[0, 1]),
        average_low=average_low,
        average_high=average_high,
        num_targets=num_targets,
        num_raters=num_raters,
        mean_raters=float(num_targets / (1 / counts).sum()),
        missing=float(1 - filled.mean()),
    )


def _icc(
    table: NDArray[np.float64], filled: NDArray[np.bool_], resamples: NDArray[np.int64]
) -> NDArray[np.float64]:
    """ICC(2,1) and ICC(2,k) for each row of resamples (B, T), how often a target counts; shape (B, 2)."""
    # The ICC does not change with the origin; centring keeps the uncorrected sums of squares small.
    values = np.where(filled, table - table[filled].mean(), 0.0)
    cells = filled.astype(np.float64)
    per_target = cells.sum(axis=1)
    weights = resamples.astype(np.float64)
    num = weights @ per_target
    targets = weights.sum(axis=1)
    per_rater = weights @ cells  # (B, R)
    present = per_rater > 0
    raters = present.sum(axis=1)
    total = weights @ (values**2).sum(axis=1)
    by_target = weights @ (values.sum(axis=1) ** 2 / per_target)
    by_rater = ((weights @ values) ** 2 / np.where(present, per_rater, 1.0)).sum(axis=1)
    by_mean = (weights @ values.sum(axis=1)) ** 2 / num
    k1 = weights @ per_target**2 / num
    k2 = (per_rater**2).sum(axis=1) / num
    sums = np.stack([by_target - by_mean, by_rater - by_mean, total - by_target - by_rater + by_mean], axis=1)
    components = solve_components(num=num, targets=targets, raters=raters, k1=k1, k2=k2, sums=sums)
    target, rater, residual = components.T
    k = targets / (weights @ (1 / per_target))
    with np.errstate(invalid="ignore", divide="ignore"):
        single = target / (target + rater + residual)
        average = target / (target + (rater + residual) / k)
    return np.stack([single, average], axis=1)


def agreement_by_pair(ratings: pd.DataFrame, *, num_resamples: int = 200, seed: int = 0) -> pd.DataFrame:
    """Agreement on every adjective pair.

    Parameters
    ----------
    ratings : DataFrame, columns rater, segment, pair, level
        Accepted answers.
    num_resamples : int
        Bootstrap resamples a pair.
    seed : int
        Seed of the resampling.

    Returns
    -------
    DataFrame, one row a pair, columns the fields of `IntraclassCorrelation`
        Pairs in sorted order; pairs that too few raters or segments cover are left out.
    """
    scored = ratings.assign(score=level_scores(ratings["level"]))
    rows: dict[str, dict[str, float]] = {}
    for pair, answers in scored.groupby("pair", sort=True):
        table = answers.pivot_table(index="segment", columns="rater", values="score", aggfunc="mean")
        if min(table.shape) >= 2 and table.notna().sum(axis=1).max() >= 2:
            result = intraclass_correlation(table.to_numpy(), num_resamples=num_resamples, seed=seed)
            rows[str(pair)] = vars(result)
    columns = list(IntraclassCorrelation.__dataclass_fields__)
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("pair")
