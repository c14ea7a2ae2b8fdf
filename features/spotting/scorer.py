"""Which possible changes are expressions: a forest of small trees, learned from clips of other people.

Belongs here: the forest as arrays, its scores, and the choice among candidates that overlap. Stays out: what it looks
at (``candidates``) and learning it (``bench.line.learn``).

The trees are learned with scikit-learn and kept as arrays: no pickle, and nothing to import where clips are spotted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from apexline.features.spotting.candidates import Candidate

Floats = NDArray[np.float64]

# Candidates that are scored together, 24 kB of nodes each.
_SCORED_AT_ONCE = 256

SHIPPED_FOREST = Path(__file__).with_name("forest.npz")


@dataclass(frozen=True, eq=False)
class Forest:
    """Regression trees whose sum is the log odds of an expression.

    Attributes
    ----------
    roots : ndarray, shape (K,), int
        First node of each tree.
    feature : ndarray, shape (N,), int
        Column that a node looks at; -1 for a leaf.
    threshold : ndarray, shape (N,)
        A value up to it goes left.
    left, right : ndarray, shape (N,), int
        Nodes that follow; a leaf's own number.
    value : ndarray, shape (N,)
        What a leaf adds.
    base : ndarray, shape ()
        Log odds before any tree.
    """

    roots: NDArray[np.int32]
    feature: NDArray[np.int32]
    threshold: Floats
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    value: Floats
    base: Floats

    def __call__(self, described: Floats) -> Floats:
        """Return the probability that each described candidate, shape (N, F), is an expression, shape (N,)."""
        # Hours of a face have tens of thousands of candidates: so many at once that memory stays.
        starts = range(0, len(described), _SCORED_AT_ONCE)
        odds = [self._log_odds(described[start : start + _SCORED_AT_ONCE]) for start in starts]
        return expit(np.concatenate(odds)) if odds else np.empty(0)

    def _log_odds(self, described: Floats) -> Floats:
        rows = np.arange(len(described))[:, None]
        node = np.repeat(self.roots[None], len(described), axis=0)  # (N, K)
        while (self.feature[node] >= 0).any():
            feature = np.maximum(self.feature[node], 0)
            goes_left = described[rows, feature] <= self.threshold[node]
            node = np.where(goes_left, self.left[node], self.right[node])
        return self.base + self.value[node].sum(axis=1)

    def save(self, path: Path) -> None:
        """Write the arrays as one ``.npz`` file."""
        np.savez_compressed(path, allow_pickle=False, **vars(self))

    @classmethod
    def load(cls, path: Path) -> Forest:
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as stored:
            return cls(**{each.name: stored[each.name] for each in fields(cls)})


@lru_cache(maxsize=1)
def shipped_forest() -> Forest:
    """Return the forest that ships with the package.

    Raises
    ------
    FileNotFoundError
        If it is not there.
    """
    if not SHIPPED_FOREST.exists():
        message = (
            f"{SHIPPED_FOREST} is missing; reinstall, or make it by `python -m apexline.bench.line.learn`"
        )
        raise FileNotFoundError(message)
    return Forest.load(SHIPPED_FOREST)


def choose(candidates: Sequence[Candidate], scores: Floats, *, least: float) -> list[int]:
    """Choose candidates that share no frame, the best first.

    Parameters
    ----------
    candidates : sequence of Candidate
    scores : ndarray, shape (N,)
    least : float
        Least score of a chosen one.

    Returns
    -------
    list of int
        Indices of the chosen ones, in order of time.
    """
    chosen: list[int] = []
    taken = np.zeros(max((each.offset for each in candidates), default=0) + 1, np.bool_)
    for each in np.argsort(-scores, kind="stable").tolist():
        if scores[each] < least:
            break
        frames = slice(candidates[each].onset, candidates[each].offset + 1)
        if not taken[frames].any():
            taken[frames] = True
            chosen.append(each)
    return sorted(chosen, key=lambda each: candidates[each])
