"""How far a score would move with other subjects: bootstrap over whole subjects.

Belongs here: drawing subjects, intervals of what the draws give, an accuracy's interval, the paired comparison of
two models. Stays out: the scores themselves (``ml.evaluation.recognition``, ``ml.spotting_metrics.summary``,
``ml.surveys.agreement``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from apexline.ml.paired import require_same_examples

Sampler = Literal["multinomial", "integers"]

# not .025, whose last bits differ from these
_TAILS = ((1 - 0.95) / 2, (1 + 0.95) / 2)


@dataclass(frozen=True)
class PairedDifference:
    """How much better A is than B on the same examples.

    Parameters
    ----------
    difference : float
        Accuracy of A minus accuracy of B, -1..1.
    low, high : float
        95 % bootstrap interval by subject.
    p_value : float
        Two-sided bootstrap p of no difference.
    """

    difference: float
    low: float
    high: float
    p_value: float

    @property
    def wins(self) -> bool:
        """A is better beyond doubt: the whole interval lies above zero."""
        return self.low > 0.0


def subject_weights(
    num_subjects: int, num_resamples: int, *, seed: int = 0, sampler: Sampler = "multinomial"
) -> NDArray[np.int64]:
    """How often each subject is drawn in each resample, with replacement.

    A subject drawn twice counts twice: weights instead of copied examples.

    Parameters
    ----------
    num_subjects, num_resamples : int
    seed : int
        The same seed draws the same subjects.
    sampler : {"multinomial", "integers"}
        How the counts are drawn: at once, or subject by subject. The distribution is the same, the random numbers
        are not: scores that were published keep the sampler that they were published with.

    Returns
    -------
    weights : ndarray, shape (num_resamples, num_subjects), int
        Rows sum to `num_subjects`.
    """
    rng = np.random.default_rng(seed)
    if sampler == "multinomial":
        return rng.multinomial(num_subjects, np.full(num_subjects, 1 / num_subjects), size=num_resamples)
    drawn = rng.integers(num_subjects, size=(num_resamples, num_subjects))
    return np.stack([np.bincount(row, minlength=num_subjects) for row in drawn])


def percentile_interval(
    samples: NDArray[np.float64], *, tails: tuple[float, float] = _TAILS
) -> tuple[float, float]:
    """Percentile interval of bootstrap samples.

    Parameters
    ----------
    samples : ndarray, shape (num_resamples,)
        NaN where there was nothing to measure: left out.
    tails : tuple of float
        Quantiles of the two ends, 0..1; those of 95 % by default.

    Returns
    -------
    low, high : float
        NaN when all samples are.
    """
    known = samples[~np.isnan(samples)]
    if known.size == 0:
        return float("nan"), float("nan")
    low, high = np.quantile(known, tails)
    return float(low), float(high)


def bootstrap_interval(
    correct: ArrayLike, subjects: ArrayLike, *, seed: int = 0, num_resamples: int = 2000
) -> tuple[float, float]:
    """95 % interval of an accuracy, resampling whole subjects.

    Parameters
    ----------
    correct : array_like, shape (N,), bool
    subjects : array_like, shape (N,), str
    seed, num_resamples : int

    Returns
    -------
    low, high : float
        (0, 1) when there is only one subject: one says nothing about others.

    Raises
    ------
    ValueError
        If there is no example or the lengths differ.
    """
    require_same_examples(correct=correct, subjects=subjects)
    values = _resampled_means(np.asarray(correct, np.float64), subjects, seed, num_resamples)
    return (0.0, 1.0) if values is None else percentile_interval(values)


def paired_bootstrap(
    correct_a: ArrayLike,
    correct_b: ArrayLike,
    subjects: ArrayLike,
    *,
    seed: int = 0,
    num_resamples: int = 2000,
) -> PairedDifference:
    """Compare two models on the same examples, resampling whole subjects.

    Parameters
    ----------
    correct_a, correct_b : array_like, shape (N,), bool
        Whether each model is right, the same example in the same row. Challenger first, incumbent second.
    subjects : array_like, shape (N,), str
    seed, num_resamples : int

    Returns
    -------
    difference : PairedDifference
        With a single subject the interval is (-1, 1) and p is 1.

    Raises
    ------
    ValueError
        If there is no example or the lengths differ.

    Examples
    --------
    >>> from apexline.ml import paired_bootstrap
    >>> subjects = ["ann", "ann", "ben", "ben", "eve", "eve"]
    >>> challenger, champion = [1, 1, 1, 1, 1, 0], [1, 0, 0, 1, 0, 0]
    >>> found = paired_bootstrap(challenger, champion, subjects)
    >>> found.difference, found.wins
    (0.5, True)
    """
    require_same_examples(correct_a=correct_a, correct_b=correct_b, subjects=subjects)
    a, b = np.asarray(correct_a, np.float64), np.asarray(correct_b, np.float64)
    values = _resampled_means(a - b, subjects, seed, num_resamples)
    difference = float(np.mean(a - b))
    if values is None:
        return PairedDifference(difference, -1.0, 1.0, 1.0)
    # One is added to both counts, so that p is never 0 with finitely many resamples.
    tail = 1 + min(int((values <= 0).sum()), int((values >= 0).sum()))
    p_value = min(1.0, 2.0 * tail / (num_resamples + 1))
    return PairedDifference(difference, *percentile_interval(values), p_value)


def _resampled_means(
    values: NDArray[np.float64], subjects: ArrayLike, seed: int, num_resamples: int
) -> NDArray[np.float64] | None:
    """Mean of `values` in each resample of subjects, shape (num_resamples,); None for a single subject."""
    names, rows = np.unique(np.asarray(subjects).astype(str), return_inverse=True)
    if len(names) == 1:
        return None
    sums = np.bincount(rows, weights=values)
    sizes = np.bincount(rows)
    weights = subject_weights(len(names), num_resamples, seed=seed)
    return (weights @ sums) / (weights @ sizes)
