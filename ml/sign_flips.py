"""Whether one model beats another, exactly, and how often one may look for it.

Belongs here: the sign-flip test over subjects, the level of each of many looks. Stays out: the size of the difference
and its interval (``ml.bootstrap``).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from apexline.ml.paired import require_same_examples


def sign_flip_p(correct_a: ArrayLike, correct_b: ArrayLike, subjects: ArrayLike) -> float:
    """Return how often chance alone gives A as large a lead over B, were both as good.

    If they are, each subject's difference is as likely to have the other sign. The distribution of their sum over all
    signs is computed, not drawn, so that p may be as small as ``2**-S`` for S subjects, and is never smaller.

    Parameters
    ----------
    correct_a, correct_b : array_like, shape (N,), bool
        Whether each model is right, the same example in the same row.
    subjects : array_like, shape (N,), str

    Returns
    -------
    float
        One-sided p, 0..1.

    Raises
    ------
    ValueError
        If the lengths differ or there is no example.

    Examples
    --------
    >>> from apexline.ml import sign_flip_p
    >>> sign_flip_p([1, 1, 1], [0, 0, 0], ["ann", "ben", "eve"])
    0.125
    """
    require_same_examples(correct_a=correct_a, correct_b=correct_b, subjects=subjects)
    a, b = np.asarray(correct_a, np.int64), np.asarray(correct_b, np.int64)
    _, rows = np.unique(np.asarray(subjects).astype(str), return_inverse=True)
    leads = np.bincount(rows, weights=a - b).astype(np.int64)
    return float(_at_least(np.abs(leads), int(leads.sum())))


def level_of_look(number: int, *, total: float) -> float:
    """Return the level of the n-th look at one set of test subjects, such that all together err no more than `total`.

    ``total / (n (n + 1))`` adds up to `total` however many looks there are, whatever they have in common (Bonferroni).

    Parameters
    ----------
    number : int
        1 for the first.
    total : float
        Probability that any of them takes luck for a win.
    """
    return total / (number * (number + 1))


def _at_least(sizes: NDArray[np.int64], observed: int) -> float:
    """Probability that the sum of `sizes` with random signs reaches `observed`."""
    reach = int(sizes.sum())
    chances = np.zeros(2 * reach + 1)  # of the sums -reach..reach
    chances[reach] = 1.0
    for size in sizes[sizes > 0]:
        shifted = np.zeros_like(chances)
        shifted[size:] += chances[:-size] / 2
        shifted[:-size] += chances[size:] / 2
        chances = shifted
    return chances[reach + observed :].sum()
