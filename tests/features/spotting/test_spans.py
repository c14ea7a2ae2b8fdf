"""Spans of frames: merged, limited, centred."""

from dataclasses import replace

import numpy as np
import pytest

from apexline.features.spotting.spans import Bound, Span, centre_apex, leading_spans, limit_spans, merge_spans
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


def test_of_equals_the_earlier_apex_stays_and_each_end_says_why_it_is_there():
    early = Span(0, 2, 5, 1.0, "flow", Bound("level", "lips"), Bound("turn", "lips"))
    late = Span(4, 6, 9, 1.0, "flow", Bound("turn", "left_brow"), Bound("edge", "left_brow"))
    (joined,) = merge_spans([late, early], gap=0)
    assert joined == Span(0, 2, 9, 1.0, "flow")
    assert (joined.begin, joined.end) == (early.begin, late.end)


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_weak_span_is_left_out_where_it_would_join_a_strong_one(mirrored):
    def span(onset, apex, offset, score):
        return Span(
            *((40 - offset, 40 - apex, 40 - onset) if mirrored else (onset, apex, offset)), score, "flow"
        )

    strong, weak = span(10, 15, 20, 4.0), span(24, 25, 30, 1.9)
    # frames 21, 22 and 23 lie between them
    assert leading_spans([weak, strong], gap=3, fraction=0.5) == [strong]
    assert leading_spans([weak, strong], gap=2, fraction=0.5) == [strong, weak]
    enough = replace(weak, score=2.0)
    assert leading_spans([enough, strong], gap=3, fraction=0.5) == [strong, enough]
    # what is left out itself leaves nothing out
    faint = span(31, 33, 35, 0.9)
    assert leading_spans([strong, weak, faint], gap=3, fraction=0.5) == [strong, faint]


def test_a_bound_is_cut_only_where_frames_were_taken_away():
    begin, end = Bound("level", "lips"), Bound("turn", "lips")
    span = Span(10, 15, 59, 1.0, "flow", begin, end)
    for strength, onset, bounds in (
        (np.arange(100)[::-1], 10, (begin, Bound("cut"))),
        (np.arange(100), 15, (Bound("cut"), Bound("cut"))),
    ):
        (cut,) = limit_spans([span], strength.astype(float), min_length_s=0.1, max_length_s=0.8, fps=FPS)
        assert (cut.onset, cut.offset, (cut.begin, cut.end)) == (onset, onset + 19, bounds)
    at_the_end = replace(span, apex=55)
    (cut,) = limit_spans([at_the_end], np.arange(100.0), min_length_s=0.1, max_length_s=0.8, fps=FPS)
    assert (cut.onset, cut.offset, (cut.begin, cut.end)) == (40, 59, (Bound("cut"), end))


def test_a_span_of_exactly_the_least_or_the_largest_length_stays_as_it_is():
    spans = [Span(0, 1, 2, 1.0, "flow"), Span(10, 12, 19, 1.0, "flow")]
    assert limit_spans(spans, np.ones(20), min_length_s=0.12, max_length_s=0.4, fps=FPS) == spans
    assert limit_spans(spans, np.ones(20), min_length_s=0.13, max_length_s=0.4, fps=FPS) == spans[1:]


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
