"""Whether numbers or words come as they came before: population stability and two-sample tests.

Belongs here: comparing one sample with a reference. Stays out: what is compared, and when it is worth a warning
(``assets.publishing.drift``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

_BINS = 10


@dataclass(frozen=True)
class Shift:
    """How far a sample lies from its reference.

    Attributes
    ----------
    psi : float
        Population stability index, sum over bins of ``(q - p) ln(q / p)``; 0: alike. Of few values it is large by luck.
    distance : float
        Largest difference of the two cumulative distributions (Kolmogorov and Smirnov's D), 0..1; of words, half the
        sum of the differences of their shares.
    p_value : float
        How often luck gives as large a distance, were both drawn from one distribution: the two-sample
        Kolmogorov-Smirnov test, of words the chi-square test. Values must not depend on each other.
    """

    psi: float
    distance: float
    p_value: float


def shift_of_values(reference: ArrayLike, values: ArrayLike) -> Shift:
    """Compare numbers, in bins that each hold a tenth of the reference.

    Parameters
    ----------
    reference, values : array_like, shapes (N,) and (M,)
        Finite.

    Raises
    ------
    ValueError
        If either is empty.

    Examples
    --------
    >>> from apexline.ml import shift_of_values
    >>> found = shift_of_values(range(100), range(50, 150))
    >>> round(found.distance, 2), found.p_value < 1e-9
    (0.5, True)
    """
    before, after = np.asarray(reference, np.float64), np.asarray(values, np.float64)
    _require_both(before.size, after.size)
    inner = np.unique(np.quantile(before, np.linspace(0, 1, _BINS + 1)[1:-1]))
    psi = _stability(_histogram(before, inner), _histogram(after, inner))
    distance, p_value = cast("tuple[float, float]", stats.ks_2samp(before, after, method="asymp"))
    return Shift(psi, float(distance), float(p_value))


def shift_of_words(reference: Iterable[str], values: Iterable[str]) -> Shift:
    """Compare shares of words; raises ``ValueError`` if either has none.

    Examples
    --------
    >>> from apexline.ml import shift_of_words
    >>> round(shift_of_words(["happy"] * 50 + ["calm"] * 50, ["calm"] * 100).distance, 2)
    0.5
    """
    before, after = Counter(reference), Counter(values)
    _require_both(before.total(), after.total())
    words = sorted({*before, *after})
    counts = np.array([[before[word] for word in words], [after[word] for word in words]], np.float64)
    shares = counts / counts.sum(axis=1, keepdims=True)
    distance = float(np.abs(shares[0] - shares[1]).sum() / 2)
    p_value = cast("float", stats.chi2_contingency(counts)[1]) if len(words) > 1 else 1.0
    return Shift(_stability(counts[0], counts[1]), distance, float(p_value))


def _histogram(values: NDArray[np.float64], inner: NDArray[np.float64]) -> NDArray[np.float64]:
    """Count values between the inner edges, those beyond them included."""
    return np.bincount(np.searchsorted(inner, values, side="right"), minlength=inner.size + 1).astype(
        np.float64
    )


def _stability(before: NDArray[np.float64], after: NDArray[np.float64]) -> float:
    # Half a count more in each bin: an empty one would make it infinite.
    p, q = ((counts + 0.5) / (counts + 0.5).sum() for counts in (before, after))
    return float(np.sum((q - p) * np.log(q / p)))


def _require_both(num_before: int, num_after: int) -> None:
    if not (num_before and num_after):
        msg = f"saw {num_before} values of the reference and {num_after} others; expected one or more of both"
        raise ValueError(msg)
