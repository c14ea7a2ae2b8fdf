from dataclasses import dataclass

import numpy as np
import pytest

from apexline.ml.spotting_metrics.matching import (
    SpottingCounts,
    boundary_errors,
    match_pairs,
    match_segments,
    segment_iou,
    spotting_counts_by_length,
)
from tests.reference.spotting import most_matches, overlap


@dataclass(frozen=True)
class Found:
    onset: int
    apex: int
    offset: int


def test_iou_counts_both_end_frames():
    iou = segment_iou([(0, 9), (20, 20)], [(5, 14), (20, 20), (30, 40)])
    np.testing.assert_allclose(iou, [[5 / 15, 0, 0], [0, 1, 0]])


def test_matching_by_hand():
    assert match_segments([(0, 9), (30, 39)], [(0, 9), (50, 59), (31, 39)]) == (2, 0, 1)
    assert match_segments([], [(0, 9)]) == (0, 0, 1)
    assert match_segments([(0, 9)], []) == (0, 1, 0)
    assert match_segments([], []) == (0, 0, 0)


def test_one_true_segment_matches_once():
    # A segment split in two: one half may match, the other is a false alarm.
    assert match_segments([(0, 5), (6, 9)], [(0, 9)]) == (1, 1, 0)
    assert match_segments([(0, 9), (0, 9)], [(0, 9)]) == (1, 1, 0)


def test_overlap_of_exactly_the_threshold_matches():
    assert match_segments([(0, 9)], [(0, 4)], 0.5) == (1, 0, 0)
    assert match_segments([(0, 9)], [(0, 3)], 0.5) == (0, 1, 1)


def test_matching_prefers_more_pairs_over_one_better_pair():
    # Greedy takes the perfect pair (0, 9)-(0, 9); what is left, (0, 5) and (0, 15), overlaps by 6/16 only.
    predicted, truth = [(0, 9), (0, 5)], [(0, 9), (0, 15)]
    assert match_pairs(predicted, truth, 0.6) == [(0, 1), (1, 0)]


@pytest.mark.parametrize("seed", range(20))
def test_matching_equals_trying_every_assignment(seed: int):
    rng = np.random.default_rng(seed)

    def draw(count: int) -> list[tuple[int, int]]:
        starts = rng.integers(0, 25, count)
        return [(int(start), int(start + rng.integers(0, 15))) for start in starts]

    predicted, truth = draw(int(rng.integers(0, 5))), draw(int(rng.integers(0, 5)))
    tp, fp, fn = match_segments(predicted, truth, 0.3)
    assert tp == most_matches(predicted, truth, 0.3)
    assert (tp + fp, tp + fn) == (len(predicted), len(truth))
    for i, a in enumerate(predicted):
        for j, b in enumerate(truth):
            assert segment_iou(predicted, truth)[i, j] == pytest.approx(overlap(a, b))


def test_matching_reads_attributes_and_pairs_alike():
    assert match_segments([Found(0, 4, 9)], [(0, 9)]) == (1, 0, 0)


@pytest.mark.parametrize("iou", [0.0, 1.5])
def test_a_senseless_threshold_is_refused(iou: float):
    with pytest.raises(ValueError, match="more than 0 and at most 1"):
        match_segments([], [], iou)


def test_a_backward_segment_is_refused():
    with pytest.raises(ValueError, match=r"segment \[9, 3\] ends before it starts"):
        match_segments([(9, 3)], [])


def test_counts_are_summed_over_clips_with_and_without_expressions():
    clips = [([(0, 9)], [(0, 9)], 25.0), ([(3, 9), (20, 29)], [], 25.0), ([], [(5, 9)], 25.0)]
    counts = spotting_counts_by_length(clips)["overall"]
    assert counts == SpottingCounts(tp=1, fp=2, fn=1)
    assert counts.precision == pytest.approx(1 / 3)
    assert counts.recall == pytest.approx(1 / 2)
    assert counts.f1 == pytest.approx(2 / 5)


def test_scores_of_nothing_are_undefined():
    counts = SpottingCounts()
    assert np.isnan([counts.precision, counts.recall, counts.f1]).all()
    assert SpottingCounts(fp=1).f1 == 0.0


def test_counts_by_length_follow_the_true_segment():
    # 25 fps: from frame 0 to frame 12 are .48 s (micro), to frame 13 .52 s (macro).
    clips = [([(0, 13), (100, 112), (200, 280)], [(0, 12), (50, 62), (60, 90)], 25.0)]
    counts = spotting_counts_by_length(clips)
    assert counts["micro"] == SpottingCounts(tp=1, fp=1, fn=1)
    assert counts["macro"] == SpottingCounts(tp=0, fp=1, fn=1)
    assert counts["overall"] == SpottingCounts(*match_segments(*clips[0][:2]))


def test_boundary_errors_use_real_timestamps():
    times = np.array([0.0, 0.04, 0.08, 0.2, 0.24, 0.28, 0.32])  # a gap before frame 3
    errors = boundary_errors([Found(1, 3, 6)], [Found(2, 4, 6)], times)
    np.testing.assert_allclose(errors["onset_ms"], [-40.0])
    np.testing.assert_allclose(errors["apex_ms"], [-40.0])
    np.testing.assert_allclose(errors["offset_ms"], [0.0])


def test_boundary_errors_without_an_apex_or_a_match():
    times = np.arange(50) / 25
    errors = boundary_errors([(0, 10), (40, 45)], [(1, 10), (20, 25)], times)
    np.testing.assert_allclose(errors["onset_ms"], [-40.0])
    assert np.isnan(errors["apex_ms"]).all()
    assert boundary_errors([], [(1, 10)], times)["onset_ms"].shape == (0,)
