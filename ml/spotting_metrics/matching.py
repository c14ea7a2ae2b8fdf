"""How well segments were found, one by one.

Belongs here: overlap, one-to-one matching, F1 over a whole set, boundary errors. Stays out: judging frame by frame
(``frames``), finding segments (``features.spotting.segments``), classifying them (``ml.evaluation.recognition``),
drawing subjects (``ml.bootstrap``).

A segment is anything with integer ``onset`` and ``offset`` attributes (and ``apex`` where it is asked for),
or an (onset, offset) pair: first and last frame, both inside.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment

Segments = Sequence[Any]

# Longest micro-expression, s from its first frame to its last. features.spotting has it as `SegmentConfig.micro_s`:
# features and ml do not know each other, so a test of the warehouse, which knows both, holds the two together.
MICRO_S = 0.5


@dataclass(frozen=True)
class SpottingCounts:
    """Matches summed over clips; ``a + b`` sums further.

    Parameters
    ----------
    tp, fp, fn : int
        Found segments, false alarms, missed segments.
    """

    tp: int = 0
    fp: int = 0
    fn: int = 0

    def __add__(self, other: SpottingCounts) -> SpottingCounts:
        return SpottingCounts(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn)

    @property
    def precision(self) -> float:
        """Share of found segments that are true; NaN when nothing was found."""
        return _ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float:
        """Share of true segments that were found; NaN when there are none."""
        return _ratio(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float:
        """``2 tp / (2 tp + fp + fn)``; NaN when there was nothing to find and nothing found."""
        return _ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)


def segment_iou(predicted: Segments, truth: Segments) -> NDArray[np.float64]:
    """Overlap of every predicted with every true segment.

    Parameters
    ----------
    predicted, truth : sequences of segments, lengths P and T

    Returns
    -------
    iou : ndarray, shape (P, T)
        Shared frames over all frames of both, 0..1.

    Raises
    ------
    ValueError
        If a segment ends before it starts.
    """
    a, b = frame_bounds(predicted)[:, None, :], frame_bounds(truth)[None, :, :]
    shared = np.minimum(a[..., 1], b[..., 1]) - np.maximum(a[..., 0], b[..., 0]) + 1
    shared = np.maximum(shared, 0)
    return shared / (_length(a) + _length(b) - shared)


def match_pairs(predicted: Segments, truth: Segments, iou: float = 0.5) -> list[tuple[int, int]]:
    """Best one-to-one matching: as many pairs as possible, among those the largest total overlap.

    Parameters
    ----------
    predicted, truth : sequences of segments
    iou : float
        Least overlap of a pair, in (0, 1].

    Returns
    -------
    pairs : list of (int, int)
        Indices into `predicted` and `truth`, in order of `predicted`.

    Raises
    ------
    ValueError
        If `iou` is outside (0, 1] or a segment ends before it starts.
    """
    if not 0.0 < iou <= 1.0:
        msg = f"iou is {iou}, expected more than 0 and at most 1"
        raise ValueError(msg)
    overlap = segment_iou(predicted, truth)
    allowed = overlap >= iou
    # One pair more outweighs any total overlap, which is at most min(P, T).
    gain = np.where(allowed, 1.0 + min(overlap.shape) + overlap, 0.0)
    rows, columns = linear_sum_assignment(gain, maximize=True)
    return [(int(p), int(t)) for p, t in zip(rows, columns, strict=True) if allowed[p, t]]


def match_segments(predicted: Segments, truth: Segments, iou: float = 0.5) -> tuple[int, int, int]:
    """Count found, false and missed segments of one track or clip.

    Parameters
    ----------
    predicted, truth : sequences of segments
        Either may be empty: then all of the other are false alarms or missed.
    iou : float
        Least overlap of a match, in (0, 1].

    Returns
    -------
    tp, fp, fn : int

    Raises
    ------
    ValueError
        As `match_pairs`.

    Examples
    --------
    >>> from apexline.ml.spotting_metrics import match_segments
    >>> match_segments([(10, 30), (50, 60)], [(12, 31)])  # one is found, one is a false alarm
    (1, 1, 0)
    """
    tp = len(match_pairs(predicted, truth, iou))
    return tp, len(predicted) - tp, len(truth) - tp


def spotting_counts_by_length(
    clips: Iterable[tuple[Segments, Segments, float]], *, iou: float = 0.5, micro_s: float = MICRO_S
) -> dict[str, SpottingCounts]:
    """Micro, macro and overall counts from one matching, summed over clips; F1 is taken of the sums.

    A match or a miss counts for the true segment's length, a false alarm for the predicted one's.

    Parameters
    ----------
    clips : iterable of (predicted, truth, fps)
        Frame rate in 1/s. Clips without any expression belong in it: their false alarms count.
    iou : float
    micro_s : float
        Longest micro-expression, from onset to offset, s.

    Returns
    -------
    counts : dict
        Keys ``micro``, ``macro`` and ``overall``.
    """
    totals = dict.fromkeys(("micro", "macro"), SpottingCounts())
    for predicted, truth, fps in clips:
        pairs = match_pairs(predicted, truth, iou)
        matched = {p for p, _ in pairs}
        found = {t for _, t in pairs}
        for t, (onset, offset) in enumerate(frame_bounds(truth).tolist()):
            kind = "micro" if (offset - onset) / fps <= micro_s else "macro"
            totals[kind] += SpottingCounts(tp=int(t in found), fn=int(t not in found))
        for p, (onset, offset) in enumerate(frame_bounds(predicted).tolist()):
            kind = "micro" if (offset - onset) / fps <= micro_s else "macro"
            totals[kind] += SpottingCounts(fp=int(p not in matched))
    return totals | {"overall": totals["micro"] + totals["macro"]}


def boundary_errors(
    predicted: Segments, truth: Segments, times_s: ArrayLike, *, iou: float = 0.5
) -> dict[str, NDArray[np.float64]]:
    """Signed timing errors of matched segments, predicted minus true.

    Parameters
    ----------
    predicted, truth : sequences of segments
    times_s : array_like, shape (num_frames,)
        Real timestamp of each frame, s.
    iou : float

    Returns
    -------
    errors : dict of ndarray, shape (matches,)
        Keys ``onset_ms``, ``apex_ms`` and ``offset_ms``; positive is late. The apex is NaN where a
        segment is a pair and has none.
    """
    times = np.asarray(times_s, np.float64)
    pairs = match_pairs(predicted, truth, iou)

    def errors(moment: str) -> NDArray[np.float64]:
        return np.array(
            [1000.0 * (_time(predicted[p], moment, times) - _time(truth[t], moment, times)) for p, t in pairs]
        )

    return {f"{moment}_ms": errors(moment) for moment in ("onset", "apex", "offset")}


def _time(segment: Any, moment: str, times: NDArray[np.float64]) -> float:
    if hasattr(segment, moment):
        return float(times[getattr(segment, moment)])
    return float("nan") if moment == "apex" else float(times[segment[("onset", "offset").index(moment)]])


def frame_bounds(segments: Segments) -> NDArray[np.int64]:
    """Onset and offset of each segment, shape (K, 2)."""
    pairs = [(s.onset, s.offset) if hasattr(s, "onset") else (s[0], s[1]) for s in segments]
    bounds = np.array(pairs, np.int64).reshape(-1, 2)
    backwards = bounds[:, 1] < bounds[:, 0]
    if bool(backwards.any()):
        msg = f"segment {bounds[backwards][0].tolist()} ends before it starts, expected onset <= offset"
        raise ValueError(msg)
    return bounds


def _length(bounds: NDArray[np.int64]) -> NDArray[np.int64]:
    """Frames of each segment, both ends included."""
    return bounds[..., 1] - bounds[..., 0] + 1


def _ratio(numerator: int, denominator: int) -> float:
    return numerator / denominator if denominator else float("nan")
