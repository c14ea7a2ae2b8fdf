from dataclasses import dataclass

import numpy as np
import pytest

from apexline.ml.bootstrap import subject_weights
from apexline.ml.spotting_metrics.summary import (
    LENGTHS,
    SpotterResult,
    SpottingSummary,
    TrueSegment,
    average_precision_ranks,
)


@dataclass(frozen=True)
class Found:
    onset: int
    apex: int
    offset: int
    score: float = 1.0


TRUE = TrueSegment(20, 26, 30, 40)


def result(
    subject: str, truth: list[TrueSegment], found: list[Found], *, level: float = 1.0
) -> SpotterResult:
    times = np.arange(100) / 25
    scores = np.zeros(100)
    for each in found:
        scores[each.onset : each.offset + 1] = level
    return SpotterResult(subject, times, truth, found, scores)


def test_a_perfect_spotter_by_hand():
    summary = SpottingSummary([result("a", [TRUE], [Found(20, 26, 40)]), result("b", [], [])])
    measures = summary.measures()
    assert measures["auc"] == measures["face_auc"] == measures["f1"] == measures["ap"] == 1.0
    assert measures["alarms_per_min"] == 0.0
    assert measures["onset_ms"] == measures["offset_ms"] == measures["apex_ms"] == 0.0
    assert measures["apex_inside"] == 1.0
    assert summary.counts("macro").tp == 1


def test_a_false_alarm_costs_what_it_should():
    summary = SpottingSummary(
        [
            result("a", [TRUE], [Found(22, 34, 40), Found(60, 62, 70)]),
            result("b", [], [Found(10, 12, 20)]),
        ]
    )
    measures = summary.measures()
    assert measures["precision"] == pytest.approx(1 / 3)
    assert measures["recall"] == 1.0
    # one segment in a hundred frames at 25 a second
    assert measures["alarms_per_min"] == pytest.approx(15)
    assert measures["onset_ms"] == pytest.approx(80)
    assert measures["apex_ms"] == pytest.approx(320)
    # .16 s after the apex's end, more than the tolerance of .1 s
    assert measures["apex_inside"] == 0.0


def test_each_length_has_its_own_figures():
    """Of two short expressions one is found, of two long ones both; two of five that were found are false."""
    short, long = TrueSegment(10, 12, 14, 20), TrueSegment(50, 60, 64, 80)
    summary = SpottingSummary(
        [
            result("a", [short, long], [Found(10, 12, 20), Found(50, 60, 80)]),
            result("b", [short, long], [Found(52, 60, 80), Found(30, 32, 34)]),
            result("c", [], [Found(20, 30, 50)]),
        ]
    )
    counts = {name: (each.tp, each.fp, each.fn) for name in LENGTHS for each in [summary.counts(name)]}
    assert counts == {"overall": (3, 2, 1), "micro": (1, 1, 1), "macro": (2, 1, 0)}
    assert summary.counts() == summary.counts("overall")
    measures = summary.measures()
    assert measures["f1"] == pytest.approx(6 / 9)
    assert measures["f1_micro"] == pytest.approx(2 / 4)
    assert measures["f1_macro"] == pytest.approx(4 / 5)
    assert (measures["precision"], measures["recall"]) == pytest.approx((3 / 5, 3 / 4))


def test_an_apex_may_lie_a_tenth_of_a_second_beside_the_true_one():
    """Two frames of 40 ms before the true apex and two after its end are inside, three are not."""
    times = np.arange(100) / 25
    for apex, inside in ((23, 0.0), (24, 1.0), (32, 1.0), (33, 0.0)):
        found = [SpotterResult("a", times, [TRUE], [Found(20, apex, 40)], np.zeros(100))]
        assert SpottingSummary(found).measures()["apex_inside"] == inside


def test_errors_are_medians_of_their_sizes():
    truths = [TRUE, TrueSegment(60, 66, 70, 80)]
    found = [Found(18, 25, 41), Found(64, 66, 84)]
    measures = SpottingSummary([result("a", truths, found)]).measures()
    assert (measures["onset_ms"], measures["apex_ms"], measures["offset_ms"]) == pytest.approx((120, 20, 100))


def test_a_quiet_face_must_score_low_on_the_same_scale():
    # Each face alone is ranked perfectly; pooled, the quiet face's frames outrank the expression's.
    loud = SpotterResult("b", np.arange(100) / 25, [], [], np.full(100, 5.0))
    summary = SpottingSummary([result("a", [TRUE], [Found(20, 26, 40)]), loud])
    assert summary.measures()["face_auc"] == 1.0
    assert summary.measures()["auc"] < 0.5


def test_the_inner_area_leaves_out_the_ends_of_a_clip():
    # Frames 25 to 74 are a second away from both ends; a score that is wrong only outside of them does not matter.
    scores = np.zeros(100)
    scores[:20] = 2.0
    scores[30:60] = 1.0
    inner = SpottingSummary(
        [SpotterResult("a", np.arange(100) / 25, [TrueSegment(30, 40, 45, 59)], [], scores)]
    )
    assert inner.measures()["inner_auc"] == 1.0
    assert inner.measures()["auc"] < 0.8


def test_weights_count_subjects_as_copies_would():
    rng = np.random.default_rng(0)
    cases = [
        result("a", [TRUE], [Found(22, 26, 41, 0.7)]),
        result("b", [TRUE], [Found(50, 55, 70, 0.9)]),
        result("c", [], [Found(5, 7, 12, 0.3)]),
    ]
    cases = [
        SpotterResult(c.subject, c.times_s, c.truth, c.found, c.scores + rng.random(100).round(1))
        for c in cases
    ]
    weighted = SpottingSummary(cases).measures(np.array([2, 0, 3]))
    copies = SpottingSummary([cases[0]] * 2 + [cases[2]] * 3).measures()
    assert weighted == pytest.approx(copies)


def test_resamples_draw_the_same_subjects_for_every_spotter():
    good = [result(name, [TRUE], [Found(20, 26, 40)]) for name in "abcd"]
    bad = [result(name, [TRUE], [Found(20, 26, 40)] if name == "a" else []) for name in "abcd"]
    one, other = (SpottingSummary(each).resampled(seed=3, num_resamples=50)["recall"] for each in (good, bad))
    assert (one == 1).all()
    assert set(np.round(other * 4)) <= {0, 1, 2, 3, 4}
    again = SpottingSummary(bad).resampled(seed=3, num_resamples=50)["recall"]
    np.testing.assert_array_equal(other, again)


def test_resamples_are_drawn_subject_by_subject_as_published_figures_were():
    faces = [result(name, [TRUE], [Found(20, 26, 40)] if name in "ab" else []) for name in "abcde"]
    summary = SpottingSummary(faces)
    draws = subject_weights(5, 20, seed=7, sampler="integers")
    expected = [summary.measures(draw)["recall"] for draw in draws]
    assert summary.resampled(seed=7, num_resamples=20)["recall"].tolist() == expected
    assert len(set(expected)) > 2


def test_average_precision_by_hand():
    # By falling score: wrong, right, right; precision at the two right ones is 1/2 and 2/3, so both count 2/3.
    truth = [TRUE, TrueSegment(60, 65, 70, 80)]
    found = [Found(0, 1, 5, 0.9), Found(20, 26, 40, 0.8), Found(60, 65, 80, 0.7)]
    assert SpottingSummary([result("a", truth, found)]).measures()["ap"] == pytest.approx(2 / 3)


def test_a_segment_is_true_up_to_its_overlap():
    # 8 of 10 frames: true at .5 to .8, and the second, weaker one finds nothing left.
    ranked = average_precision_ranks([Found(0, 1, 7, 0.4), Found(0, 2, 7, 0.5)], [TrueSegment(0, 1, 2, 9)])
    np.testing.assert_array_equal(ranked[:, 0], [0.5, 0.4])
    assert ranked[0, 1:].sum() == 7
    assert ranked[1, 1:].sum() == 0


def test_measures_without_any_expression_are_undefined_not_zero():
    measures = SpottingSummary([result("a", [], [])]).measures()
    assert np.isnan([measures[name] for name in ("auc", "face_auc", "ap", "onset_ms", "f1")]).all()
    assert np.isnan(SpottingSummary([result("a", [TRUE], [])]).measures()["alarms_per_min"])


def test_senseless_input_is_refused():
    with pytest.raises(ValueError, match="there are no faces"):
        SpottingSummary([])
    with pytest.raises(ValueError, match="a face has 1 frames"):
        SpottingSummary([SpotterResult("a", np.zeros(1), [], [], np.zeros(1))])
