"""Where changes of expression may lie, and what the evidence says of each.

Belongs here: candidates from peaks and levels of the curves, many of them overlapping, and their description in
numbers. Stays out: which of them count (``scorer``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from apexline.features.spotting.curves import true_spans
from apexline.features.spotting.evidence import Evidence
from apexline.features.spotting.peaks import find_peaks, peak_widths

Floats = NDArray[np.float64]

# Curves that are searched, with the least height and prominence of a peak of each.
_SEARCHED: dict[str, tuple[float, float]] = {
    "change": (0.6, 0.35),
    "calm_loss": (0.5, 0.3),
    "departure": (0.6, 0.35),
    "motion": (0.6, 0.4),
    "texture": (0.05, 0.04),
}
# A change lasts from where its curve has risen to where it has fallen by these shares of its prominence ...
_WIDTHS = (0.4, 0.55, 0.7, 0.85)
# ... or while it stays above these shares of the curve's largest values, however it moves in between.
_LEVELS = (0.35, 0.5, 0.65)
_LEVELLED = ("change", "calm_loss", "motion")
_SHORTEST_S, _LONGEST_S = 0.08, 12.0
# Frames before and after a candidate that it is held against, and about it whose unrest is looked at, s.
_BESIDE_S, _ABOUT_S = 0.4, 1.5
# Frames that have this share of a candidate's largest value hold the expression.
_HELD = 0.8


class Candidate(NamedTuple):
    """First frame, strongest frame and last frame of a possible change, as indices into its stretch."""

    onset: int
    apex: int
    offset: int


def find_candidates(evidence: Evidence) -> list[Candidate]:
    """Return possible changes of expression, in order; most of them overlap others."""
    found = {
        candidate
        for name, (height, prominence) in _SEARCHED.items()
        for candidate in _peaks(getattr(evidence, name), height, prominence)
    }
    for name in _LEVELLED:
        found.update(_levels(getattr(evidence, name), _SEARCHED[name][0]))
    shortest, longest = _SHORTEST_S * evidence.fps, _LONGEST_S * evidence.fps
    return sorted(each for each in found if shortest <= each.offset - each.onset + 1 <= longest)


def _peaks(curve: Floats, height: float, prominence: float) -> Iterator[Candidate]:
    # a peak at either end is a peak too: the curve is taken to fall off beyond them
    padded = np.pad(curve, 1, constant_values=float(curve.min()) - 1e-9)
    peaks = find_peaks(padded, height=height, prominence=prominence)
    last = curve.size - 1
    for width in _WIDTHS if peaks.size else ():
        left, right = peak_widths(padded, peaks, rel_height=width)
        onsets = np.maximum(np.ceil(left).astype(int) - 1, 0)
        offsets = np.minimum(np.floor(right).astype(int) - 1, last)
        yield from map(Candidate, onsets.tolist(), (peaks - 1).tolist(), offsets.tolist())


def _levels(curve: Floats, height: float) -> Iterator[Candidate]:
    largest = float(np.quantile(curve, 0.98))
    for level in _LEVELS:
        for onset, offset in true_spans(curve > level * largest):
            apex = onset + int(np.argmax(curve[onset : offset + 1]))
            if curve[apex] > height:
                yield Candidate(onset, apex, offset)


def describe(evidence: Evidence, candidates: list[Candidate]) -> Floats:
    """Describe candidates by what the evidence says of them.

    Parameters
    ----------
    evidence : Evidence
    candidates : list of Candidate

    Returns
    -------
    ndarray, shape (N, F), float64
        Columns are those of `description_names`.
    """
    if not candidates:
        return np.zeros((0, len(description_names(evidence))))
    onset, apex, offset = np.array(candidates).T
    columns = [
        *(
            column
            for name in _SEARCHED
            for column in _against_surroundings(getattr(evidence, name), onset, offset, evidence.fps)
        ),
        *_unrest_columns(evidence, onset, offset),
        *_shape_columns(evidence, onset, apex, offset),
    ]
    return np.column_stack([*columns, *_held_columns(evidence, onset, offset)])


def description_names(evidence: Evidence) -> list[str]:
    """Name the columns of `describe`."""
    against = ("top", "mean", "over_higher_side", "over_lower_side", "over_track", "of_largest", "held")
    return [
        *(f"{name}_{how}" for name in _SEARCHED for how in against),
        *("speech_within", "speech_about", "unrest_within", "unrest_about", "track_speech", "track_unrest"),
        *("log_length", "rise_s", "fall_s", "at_start", "at_end", "track_s"),
        *(f"module_{k}" for k in range(evidence.modules.shape[1])),
    ]


def _against_surroundings(
    curve: Floats, onset: NDArray[np.intp], offset: NDArray[np.intp], fps: float
) -> list[Floats]:
    beside = max(1, round(_BESIDE_S * fps))
    top = np.array([curve[a : b + 1].max() for a, b in zip(onset, offset, strict=True)])
    before = np.where(onset > 0, _means(curve, onset - beside, onset - 1), curve[onset])
    after = np.where(offset < curve.size - 1, _means(curve, offset + 1, offset + beside), curve[offset])
    near = [(curve[a : b + 1] > _HELD * peak).mean() for a, b, peak in zip(onset, offset, top, strict=True)]
    return [
        top,
        _means(curve, onset, offset),
        top - np.maximum(before, after),
        top - np.minimum(before, after),
        top / (np.median(curve) + 0.3 * curve.std() + 1e-3),
        top / (curve.max() + 1e-6),
        np.array(near),
    ]


def _unrest_columns(evidence: Evidence, onset: NDArray[np.intp], offset: NDArray[np.intp]) -> list[Floats]:
    about = round(_ABOUT_S * evidence.fps)
    columns = [
        _means(curve, onset - margin, offset + margin)
        for curve in (evidence.speech, evidence.unrest)
        for margin in (0, about)
    ]
    whole = [np.full(onset.size, np.median(curve)) for curve in (evidence.speech, evidence.unrest)]
    return [*columns, *whole]


def _shape_columns(
    evidence: Evidence, onset: NDArray[np.intp], apex: NDArray[np.intp], offset: NDArray[np.intp]
) -> list[Floats]:
    num, fps = evidence.change.size, evidence.fps
    return [
        np.log((offset - onset + 1) / fps),
        (apex - onset) / fps,
        (offset - apex) / fps,
        (onset <= 1).astype(float),
        (offset >= num - 2).astype(float),
        np.full(onset.size, num / fps),
    ]


def _held_columns(evidence: Evidence, onset: NDArray[np.intp], offset: NDArray[np.intp]) -> list[Floats]:
    """Modules of the regions while the expression is held."""
    held = [
        evidence.modules[held_frames(evidence, a, b)].mean(axis=0)
        for a, b in zip(onset.tolist(), offset.tolist(), strict=True)
    ]
    return list(np.array(held).T)


def held_frames(evidence: Evidence, onset: int, offset: int) -> NDArray[np.intp]:
    """Frames of a change, as indices into its stretch, that hold the expression."""
    change = evidence.change[onset : offset + 1]
    return onset + np.flatnonzero(change >= _HELD * change.max())


def _means(curve: Floats, first: NDArray[np.intp], last: NDArray[np.intp]) -> Floats:
    """Mean of a curve over each stretch of frames, those beyond its ends left out."""
    total = np.concatenate([[0.0], np.cumsum(curve)])
    start, end = np.clip(first, 0, curve.size - 1), np.clip(last, 0, curve.size - 1)
    return (total[end + 1] - total[start]) / np.maximum(end + 1 - start, 1)
