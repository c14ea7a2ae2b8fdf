"""Who rates what: incomplete blocks, so that a survey takes each rater minutes instead of hours.

Belongs here: dealing segments to raters, and how good a deal is. Stays out: how many raters a wanted precision needs
(``power``), what the page does with it (``survey.answers``).

With b raters of k segments each, v segments are rated r = bk / v times. A balanced plan shows any two segments to the
same rater equally often [1]_; for most sizes there is none, and a deal whose counts differ by little is nearly as good.
Its efficiency says how near: the precision of a difference between two segments, against that of raters who each
rate all of them, at the same number of ratings.

References
----------
.. [1] Cochran, Cox 1957, Experimental Designs, chapter 11; John, Williams 1995, Cyclic and Computer Generated Designs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from apexline.ml.surveys.sufficiency import MIN_RATERS, MIN_STIMULI

SECONDS_PER_ANSWER = 3.0  # a rater of the paper's kind of scale; the page counts how long yours take
_TRIES = 20


@dataclass(frozen=True)
class SurveyPlan:
    """Which segments each rater is shown.

    Parameters
    ----------
    blocks : tuple of tuple of str
        Segments of each rater, in no order.
    """

    blocks: tuple[tuple[str, ...], ...]

    @property
    def segments(self) -> tuple[str, ...]:
        """Return all segments of the plan, sorted."""
        return tuple(sorted({each for block in self.blocks for each in block}))

    def ratings(self) -> tuple[int, int]:
        """Return how often the segment that is rated least, and most, is rated."""
        counts = self._incidence().sum(axis=0)
        return int(counts.min()), int(counts.max())

    def together(self) -> tuple[int, int]:
        """Return how many raters the two segments share that share fewest, and most."""
        shown = self._incidence()
        shared = (shown.T @ shown)[np.triu_indices(shown.shape[1], k=1)]
        return int(shared.min()), int(shared.max())

    def is_connected(self) -> bool:
        """Tell whether any two segments can be compared, if only by way of others."""
        shown = self._incidence()
        raters, segments = np.nonzero(shown)
        size = sum(shown.shape)
        edges = coo_array((np.ones(len(raters)), (raters, segments + shown.shape[0])), shape=(size, size))
        return int(connected_components(edges, directed=False)[0]) == 1

    def efficiency(self) -> float:
        """Return the precision of differences against that of complete blocks with as many ratings, 0..1."""
        shown = self._incidence().astype(np.float64)
        counts, sizes = shown.sum(axis=0), shown.sum(axis=1)
        information = np.diag(counts) - shown.T @ (shown / sizes[:, None])
        own = np.linalg.eigvalsh(information)[1:] / counts.mean()
        return float(len(own) / np.sum(1 / own)) if own.min() > 1e-9 else 0.0

    def _incidence(self) -> NDArray[np.int64]:
        """Return who is shown what, shape (raters, segments), 0 or 1."""
        place = {name: k for k, name in enumerate(self.segments)}
        shown = np.zeros((len(self.blocks), len(place)), np.int64)
        for row, block in enumerate(self.blocks):
            shown[row, [place[name] for name in block]] = 1
        return shown


def plan_survey_blocks(
    segments: Sequence[str], *, raters: int, per_rater: int, per_segment: int, seed: int = 0
) -> SurveyPlan:
    """Deal segments to raters: each as often as any other, any two as often together as any other two.

    Parameters
    ----------
    segments : sequence of str
        What can be rated; where that is more than the raters can, some are drawn.
    raters, per_rater : int
        How many people, and how many segments each of them rates.
    per_segment : int
        Ratings that each segment is to have at least.
    seed : int

    Raises
    ------
    ValueError
        Where so many raters can't rate ten segments so often.
    """
    if per_segment < MIN_RATERS or per_rater < 2:
        msg = (
            f"saw {per_segment} ratings of a segment and {per_rater} segments a rater, expected at least "
            f"{MIN_RATERS} and 2; give raters more minutes"
        )
        raise ValueError(msg)
    size = min(len(segments), raters * per_rater // per_segment)
    if size < MIN_STIMULI:
        msg = (
            f"saw {len(segments)} segments, {raters} raters of {per_rater} each and {per_segment} ratings of a segment:"
            f" that is {size} segments, expected at least {MIN_STIMULI}; ask more raters or give them more minutes"
        )
        raise ValueError(msg)
    rng = np.random.default_rng(seed)
    chosen = sorted(rng.choice(np.array(sorted(segments)), size, replace=False).tolist())
    plans = [SurveyPlan(_deal(chosen, raters, min(per_rater, size), rng)) for _ in range(_TRIES)]
    return max(plans, key=lambda plan: (plan.is_connected(), plan.efficiency()))


def _deal(
    segments: Sequence[str], raters: int, per_rater: int, rng: np.random.Generator
) -> tuple[tuple[str, ...], ...]:
    """Give each rater, one after the other, what was rated least and least together with what the rater has."""
    counts = np.zeros(len(segments), np.int64)
    shared = np.zeros((len(segments), len(segments)), np.int64)
    blocks: list[tuple[str, ...]] = []
    for _ in range(raters):
        own: list[int] = []
        for _ in range(per_rater):
            met = shared[own].sum(axis=0)
            order = np.lexsort((rng.random(len(segments)), met, counts))
            own.append(int(next(each for each in order if each not in own)))
        counts[own] += 1
        shared[np.ix_(own, own)] += 1
        blocks.append(tuple(segments[each] for each in own))
    return tuple(blocks)
