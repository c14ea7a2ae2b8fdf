"""Spans of frames: merged, limited, centred."""

from dataclasses import replace

import numpy as np
import pytest

from apexline.features.spotting.spans import Span, centre_apex, limit_spans, merge_spans
from tests.features.spotting.bumps import FPS, bump, found


def test_gaps_up_to_the_limit_merge():
    spans = [Span(0, 2, 5, 1.0, "flow"), Span(9, 10, 12, 2.0, "flow"), Span(17, 18, 19, 1.0, "texture")]
    assert found(merge_spans(spans, gap=3)) == [(0, 10, 12), (17, 18, 19)]
    assert merge_spans(spans, gap=4) == [Span(0, 10, 19, 2.0, "both")]


def test_enclosed_span_does_not_shorten_the_other():
    spans = [Span(0, 2, 30, 1.0, "flow"), Span(5, 6, 10, 2.0, "flow")]
    assert found(merge_spans(spans, gap=0)) == [(0, 6, 30)]


def test_lengths_are_limited_in_seconds():
    strength = bump(200, 0, 120, 199, 1.0)
    spans = [Span(0, 0, 1, 1.0, "flow"), Span(10, 120, 190, 1.0, "flow"), Span(195, 196, 197, 1.0, "flow")]
    kept = limit_spans(spans, strength, min_length_s=0.1, max_length_s=2.0, fps=FPS)
    assert len(kept) == 2
    cut, short = kept
    assert short.onset == 195
    assert cut.offset - cut.onset + 1 == 50
    # the strongest 50 frames of a triangle that falls more steeply on its right
    assert cut.onset <= 120 <= cut.offset
    assert strength[cut.onset] == pytest.approx(strength[cut.offset], abs=0.03)


@pytest.mark.parametrize(
    ("curve", "share", "expected"),
    [
        ([0, 1, 9.5, 9, 10, 9.2, 1, 0], 0.9, 3),  # frames 2..5 come near the peak at 4
        ([0, 1, 9.5, 9, 10, 9.2, 1, 0], 1.0, 4),
        ([0, 9.5, 2, 9, 10, 9.2, 9.1, 0], 0.9, 4),  # what lies beyond a dip does not count
        ([10, 10, 10, 10, 10, 10, 10, 10], 0.9, 3),  # within the span 1..6
    ],
)
def test_the_apex_is_the_middle_of_the_height(curve, share, expected):
    span = Span(1, 1, 6, 2.0, "flow")
    centred = centre_apex(span, np.array(curve, float), share=share)
    assert centred == replace(span, apex=expected)


def test_limits_scale_with_the_frame_rate():
    span = [Span(0, 2, 4, 1.0, "flow")]
    kept = {
        fps: limit_spans(span, np.ones(5), min_length_s=0.1, max_length_s=4.0, fps=fps) for fps in (25, 60)
    }
    assert len(kept[25]) == 1
    assert kept[60] == []
