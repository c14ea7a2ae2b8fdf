"""Spans of a curve: its indices from an onset to an offset, how they join and how long they may be.

Belongs here: what flow, texture and fusion do alike with the spans they find. Stays out: how a span is found, and
frames and times (``segments``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Stop = Literal["", "level", "turn", "half", "threshold", "edge", "cut", "learned"]


@dataclass(frozen=True)
class Bound:
    """What ends a span on one side.

    Attributes
    ----------
    stop : str
        ``level``: below M_T of the way to the apex; ``turn``: the direction turned by more than gamma; ``half``:
        half of the peak's prominence; ``threshold``: below VE; ``edge``: the track has no more frames;
        ``cut``: the largest length; ``learned``: the most probable of several bounds. Empty where nobody said.
    curve : str
        Region whose motion stopped there, or ``texture``; empty where it is no single one.
    """

    stop: Stop = ""
    curve: str = ""


@dataclass(frozen=True)
class Span:
    """A segment as indices into a curve, inclusive, before it has times.

    How its bounds came about does not make it another span: they explain, and stay out of comparisons.
    """

    onset: int
    apex: int
    offset: int
    score: float
    source: str
    begin: Bound = field(default=Bound(), compare=False)
    end: Bound = field(default=Bound(), compare=False)


def merge_spans(spans: Sequence[Span], *, gap: int) -> list[Span]:
    """Join spans that overlap or lie at most ``gap`` frames apart; the stronger apex stays."""
    merged: list[Span] = []
    for span in sorted(spans, key=lambda each: (each.onset, each.offset)):
        if merged and span.onset - merged[-1].offset - 1 <= gap:
            last = merged.pop()
            stronger = span if span.score > last.score else last
            source = last.source if last.source == span.source else "both"
            later = span if span.offset > last.offset else last
            joined = {"onset": last.onset, "begin": last.begin, "offset": later.offset, "end": later.end}
            span = replace(stronger, source=source, **joined)
        merged.append(span)
    return merged


def leading_spans(spans: Sequence[Span], *, gap: int, fraction: float) -> list[Span]:
    """Leave out spans that would join a stronger one and have less than this fraction of its score.

    A faint motion beside a strong one drifts for longer than the expression lasts and would move its boundaries.
    """
    leading: list[Span] = []
    for span in sorted(spans, key=lambda each: -each.score):
        joined = (
            each
            for each in leading
            if span.onset - each.offset <= gap + 1 and each.onset - span.offset <= gap + 1
        )
        if all(span.score >= fraction * each.score for each in joined):
            leading.append(span)
    return leading


def centre_apex(span: Span, curve: NDArray[np.float64], *, share: float) -> Span:
    """Put the apex of a span into the middle of the frames about its peak that come near it.

    An expression is held: which of the frames at its height is the largest, noise and the frame rate decide.

    Parameters
    ----------
    span : Span
    curve : ndarray, shape (T,), float64
        Curve whose largest value within the span is its peak.
    share : float
        Share of the peak that is near it, 0..1; 1 leaves the apex at the peak.
    """
    within = curve[span.onset : span.offset + 1]
    peak = int(np.argmax(within))
    far = np.flatnonzero(within < share * within[peak])
    after = np.searchsorted(far, peak)
    first = far[after - 1] + 1 if after > 0 else 0
    last = far[after] - 1 if after < far.size else within.size - 1
    return replace(span, apex=span.onset + int(first + last) // 2)


def limit_spans(
    spans: Sequence[Span],
    strength: NDArray[np.float64],
    *,
    min_length_s: float,
    max_length_s: float,
    fps: float,
) -> list[Span]:
    """Drop spans below the least length and cut those above the largest to the strongest within them.

    Parameters
    ----------
    spans : sequence of Span
    strength : ndarray, shape (T,), float64
        Curve whose sum decides which frames about the apex stay.
    """
    longest = max(1, int(max_length_s * fps + 1e-9))
    kept: list[Span] = []
    for span in spans:
        length = span.offset - span.onset + 1
        if length / fps < min_length_s - 1e-9:
            continue
        if length > longest:
            first, last = max(span.onset, span.apex - longest + 1), min(span.apex, span.offset - longest + 1)
            total = np.concatenate([[0.0], np.cumsum(strength)])
            starts = np.arange(first, last + 1)
            onset = int(starts[np.argmax(total[starts + longest] - total[starts])])
            begin = span.begin if onset == span.onset else Bound("cut")
            end = span.end if onset + longest - 1 == span.offset else Bound("cut")
            span = replace(span, onset=onset, offset=onset + longest - 1, begin=begin, end=end)
        kept.append(span)
    return kept
