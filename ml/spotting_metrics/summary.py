"""All measures of one spotter over a set of annotated faces, and of resamples of its subjects.

Belongs here: summing over faces, average precision. Stays out: matching and ROC (``ml.spotting_metrics.matching``,
``ml.spotting_metrics.frames``), drawing subjects and intervals (``ml.bootstrap``), and choosing thresholds
(``ml.spotting_metrics.nested``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apexline.ml.bootstrap import subject_weights
from apexline.ml.spotting_metrics.frames import frame_mask, roc_area
from apexline.ml.spotting_metrics.matching import (
    Segments,
    SpottingCounts,
    boundary_errors,
    match_pairs,
    segment_iou,
    spotting_counts_by_length,
)

Floats = NDArray[np.float64]

AP_OVERLAPS = tuple(float(iou) for iou in np.linspace(0.5, 0.95, 10).round(2))
LENGTHS = ("overall", "micro", "macro")
APEX_TOLERANCE_S = 0.1
# frames nearer to an end of their clip are left out of the inner area
MARGIN_S = 1.0


@dataclass(frozen=True)
class TrueSegment:
    """An annotated expression: 0-based frames, both ends inside; strongest from `apex` to `apex_end`."""

    onset: int
    apex: int
    apex_end: int
    offset: int


@dataclass(frozen=True, eq=False)
class SpotterResult:
    """What a spotter made of one face.

    Parameters
    ----------
    subject : str
        Whose face it is; subjects are what the bootstrap draws.
    times_s : ndarray, shape (T,)
        Time of each frame, s; at least two.
    truth : sequence of TrueSegment
        Empty for a face without an expression.
    found : sequence of segments
        With ``onset``, ``apex``, ``offset`` and ``score``.
    scores : ndarray, shape (T,)
        Absolute frame score, larger is more expressive; frames without a tracked face have the lowest.
    """

    subject: str
    times_s: Floats
    truth: Sequence[TrueSegment]
    found: Sequence[Any]
    scores: Floats


@dataclass(frozen=True, eq=False)
class _SubjectMeasures:
    """Everything that is summed, of one subject."""

    counts: NDArray[np.int64]  # (lengths, tp fp fn)
    alarms: int  # on faces without an expression
    quiet_s: float
    errors: Mapping[str, Floats]  # absolute, ms
    inside: Floats
    areas: Floats  # of each face that has both kinds of frames
    scores: Floats
    positive: NDArray[np.bool_]
    inner: NDArray[np.bool_]  # at least MARGIN_S from both ends
    ranked: Floats  # (found, 1 + overlaps): score, then whether it is true at each overlap


class SpottingSummary:
    """Measures of a set of results.

    Parameters
    ----------
    results : sequence of SpotterResult
        Faces without an expression belong in it.

    Raises
    ------
    ValueError
        If there is no face, or a face has a single frame.
    """

    def __init__(self, results: Sequence[SpotterResult]) -> None:
        if not results:
            msg = "there are no faces; expected at least one annotated face that was searched"
            raise ValueError(msg)
        self.subjects = sorted({result.subject for result in results})
        self._measured = [
            _measure_subject([each for each in results if each.subject == subject])
            for subject in self.subjects
        ]
        scores = np.concatenate([each.scores for each in self._measured])
        self._order = np.argsort(-scores, kind="stable")
        self._owner = np.repeat(np.arange(len(self._measured)), [each.scores.size for each in self._measured])
        self._scores = scores
        self._positive = np.concatenate([each.positive for each in self._measured])
        self._inner = np.concatenate([each.inner for each in self._measured])
        ranked = np.concatenate([each.ranked for each in self._measured])
        owner = np.repeat(np.arange(len(self._measured)), [len(each.ranked) for each in self._measured])
        order = np.argsort(-ranked[:, 0], kind="stable")
        self._ranked, self._ranked_owner = ranked[order, 1:], owner[order]

    @property
    def scores(self) -> Floats:
        """Scores of all frames, face after face in the order of subjects."""
        return self._scores

    @property
    def positive(self) -> NDArray[np.bool_]:
        """Whether each of these frames lies inside an annotated expression."""
        return self._positive

    def counts(self, length: str = "overall") -> SpottingCounts:
        """Matches at IoU >= .5, summed over the set, of ``micro``, ``macro`` or ``overall`` expressions."""
        total = np.sum([each.counts for each in self._measured], axis=0)
        return SpottingCounts(*total[LENGTHS.index(length)].tolist())

    def measures(self, weights: NDArray[np.int64] | None = None) -> dict[str, float]:
        """All measures; NaN where there is nothing to measure.

        Parameters
        ----------
        weights : ndarray, shape (subjects,), int, optional
            How often each subject counts; once each where left out.

        Returns
        -------
        measures : dict
            ``auc`` (frames of all faces pooled), ``inner_auc`` (without those within a second of the ends of their
            clip, where an annotator begins and ends with calm), ``face_auc`` (mean over faces), ``f1``, ``f1_micro``,
            ``f1_macro``, ``precision``, ``recall``, ``ap`` (mean over overlaps .5 to .95), ``alarms_per_min`` (on
            faces without an expression), ``onset_ms``, ``apex_ms``, ``offset_ms`` (median absolute error
            of matched segments) and ``apex_inside`` (share of matched ones with the apex between the true
            apex and its end, .1 s more on both sides).
        """
        times = np.ones(len(self._measured), np.int64) if weights is None else weights
        counts = np.tensordot(times, np.stack([each.counts for each in self._measured]), axes=1)
        by_length = {name: SpottingCounts(*row) for name, row in zip(LENGTHS, counts.tolist(), strict=True)}
        minutes = sum(w * each.quiet_s for w, each in zip(times, self._measured, strict=True)) / 60
        alarms = sum(w * each.alarms for w, each in zip(times, self._measured, strict=True))
        weight = times[self._owner][self._order]
        scores, positive = self._scores[self._order], self._positive[self._order]
        inner = weight * self._inner[self._order]
        medians = {
            name: _median(self._repeated([each.errors[name] for each in self._measured], times))
            for name in ("onset_ms", "apex_ms", "offset_ms")
        }
        return {
            "auc": roc_area(scores, positive, weight),
            "inner_auc": roc_area(scores, positive, inner),
            "face_auc": _mean(self._repeated([each.areas for each in self._measured], times)),
            "f1": by_length["overall"].f1,
            "f1_micro": by_length["micro"].f1,
            "f1_macro": by_length["macro"].f1,
            "precision": by_length["overall"].precision,
            "recall": by_length["overall"].recall,
            "ap": self._average_precision(times, int(counts[0, 0] + counts[0, 2])),
            "alarms_per_min": alarms / minutes if minutes > 0 else float("nan"),
            **medians,
            "apex_inside": _mean(self._repeated([each.inside for each in self._measured], times)),
        }

    def resampled(self, *, seed: int = 0, num_resamples: int = 500) -> dict[str, Floats]:
        """Measures of bootstrap resamples of whole subjects, each an array of shape (num_resamples,).

        The same seed draws the same subjects from sets of the same subjects: differences between spotters
        can be taken resample by resample.
        """
        draws = subject_weights(len(self._measured), num_resamples, seed=seed, sampler="integers")
        rows = [self.measures(draw) for draw in draws]
        return {name: np.array([row[name] for row in rows]) for name in rows[0]}

    def _average_precision(self, times: NDArray[np.int64], num_true: int) -> float:
        if num_true == 0:
            return float("nan")
        weight = times[self._ranked_owner][:, None]
        true = np.cumsum(weight * self._ranked, axis=0)
        precision = true / np.maximum(np.cumsum(weight, axis=0), 1)
        # the best precision at this recall or a higher one
        envelope = np.maximum.accumulate(precision[::-1], axis=0)[::-1]
        return float((envelope * weight * self._ranked).sum(axis=0).mean() / num_true)

    @staticmethod
    def _repeated(values: Sequence[Floats], times: NDArray[np.int64]) -> Floats:
        return np.concatenate([np.repeat(each, int(w)) for each, w in zip(values, times, strict=True)])


def average_precision_ranks(found: Sequence[Any], truth: Segments) -> Floats:
    """Score of each found segment and whether it is true at each overlap, greedily from the highest score on.

    Returns
    -------
    ranked : ndarray, shape (found, 1 + overlaps)
        Highest score first.
    """
    ordered = sorted(found, key=lambda each: -each.score)
    ranked = np.zeros((len(ordered), 1 + len(AP_OVERLAPS)))
    ranked[:, 0] = [each.score for each in ordered]
    overlap = segment_iou(ordered, truth)
    for column, least in enumerate(AP_OVERLAPS, start=1):
        taken: set[int] = set()
        for row in range(len(ordered)):
            free = [t for t in range(len(truth)) if t not in taken and overlap[row, t] >= least]
            if free:
                taken.add(max(free, key=lambda t: overlap[row, t]))
                ranked[row, column] = 1.0
    return ranked


def _measure_subject(results: Sequence[SpotterResult]) -> _SubjectMeasures:
    counts = spotting_counts_by_length((each.found, each.truth, _fps(each.times_s)) for each in results)
    quiet = [each for each in results if not each.truth]
    positive = [frame_mask([(t.onset, t.offset) for t in each.truth], each.times_s.size) for each in results]
    errors = [boundary_errors(each.found, each.truth, each.times_s) for each in results]
    return _SubjectMeasures(
        counts=np.array([(counts[name].tp, counts[name].fp, counts[name].fn) for name in LENGTHS]),
        alarms=sum(len(each.found) for each in quiet),
        quiet_s=sum(each.times_s.size / _fps(each.times_s) for each in quiet),
        errors={
            name: np.abs(np.concatenate([each[name] for each in errors]))
            for name in ("onset_ms", "apex_ms", "offset_ms")
        },
        inside=np.concatenate([_inside(each) for each in results]),
        areas=np.array(
            [
                roc_area(*_descending(each.scores, mask))
                for each, mask in zip(results, positive, strict=True)
                if mask.any() and not mask.all()
            ]
        ),
        scores=np.concatenate([each.scores for each in results]),
        positive=np.concatenate(positive),
        inner=np.concatenate([_inner(each.times_s) for each in results]),
        ranked=np.concatenate([average_precision_ranks(each.found, each.truth) for each in results]),
    )


def _inner(times_s: Floats) -> NDArray[np.bool_]:
    return (times_s >= times_s[0] + MARGIN_S) & (times_s <= times_s[-1] - MARGIN_S)


def _inside(result: SpotterResult) -> Floats:
    times = result.times_s
    pairs = match_pairs(result.found, result.truth)
    apexes = [(float(times[result.found[p].apex]), result.truth[t]) for p, t in pairs]
    return np.array(
        [
            times[true.apex] - APEX_TOLERANCE_S <= apex <= times[true.apex_end] + APEX_TOLERANCE_S
            for apex, true in apexes
        ],
        np.float64,
    )


def _descending(
    scores: Floats, positive: NDArray[np.bool_]
) -> tuple[Floats, NDArray[np.bool_], NDArray[np.int64]]:
    order = np.argsort(-scores, kind="stable")
    return scores[order], positive[order], np.ones(scores.size, np.int64)


def _fps(times_s: Floats) -> float:
    if times_s.size < 2:
        msg = f"a face has {times_s.size} frames; expected at least 2"
        raise ValueError(msg)
    return (times_s.size - 1) / float(times_s[-1] - times_s[0])


def _mean(values: Floats) -> float:
    return float(values.mean()) if values.size else float("nan")


def _median(values: Floats) -> float:
    return float(np.median(values)) if values.size else float("nan")
