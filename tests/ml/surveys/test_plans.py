"""Plans of surveys: balanced, connected, and how near to complete blocks."""

from itertools import combinations

import pytest

from apexline.ml.surveys.plans import SurveyPlan, plan_survey_blocks

SEGMENTS = [f"s{k:02d}" for k in range(50)]


def test_the_fano_plane_is_balanced_and_has_its_known_efficiency():
    # 7 raters, 7 segments, 3 each: every two segments share one rater. E = v (k - 1) / (k (v - 1)) = 7 / 9
    lines = ("abc", "ade", "afg", "bdf", "beg", "cdg", "cef")
    plan = SurveyPlan(tuple(map(tuple, lines)))
    assert (plan.ratings(), plan.together(), plan.is_connected()) == ((3, 3), (1, 1), True)
    assert plan.efficiency() == pytest.approx(7 / 9)


def test_complete_blocks_have_efficiency_one_and_parted_ones_none():
    assert SurveyPlan((("a", "b", "c"),) * 2).efficiency() == pytest.approx(1)
    parted = SurveyPlan((("a", "b"), ("c", "d")))
    assert (parted.is_connected(), parted.efficiency()) == (False, 0.0)


@pytest.mark.parametrize(("raters", "per_rater", "per_segment"), [(30, 8, 5), (50, 8, 8), (12, 10, 3)])
def test_a_deal_is_nearly_balanced_and_connected(raters, per_rater, per_segment):
    plan = plan_survey_blocks(SEGMENTS, raters=raters, per_rater=per_rater, per_segment=per_segment)
    size = len(plan.segments)
    assert size == min(50, raters * per_rater // per_segment)
    least, most = plan.ratings()
    assert least >= per_segment
    assert most - least <= 1
    assert plan.is_connected()
    assert all(len(set(block)) == per_rater for block in plan.blocks)
    best = size * (per_rater - 1) / (per_rater * (size - 1))  # of a balanced plan, which no other exceeds
    assert 0.9 * best < plan.efficiency() <= best + 1e-9
    assert plan == plan_survey_blocks(SEGMENTS, raters=raters, per_rater=per_rater, per_segment=per_segment)


def test_small_surveys_are_rated_by_everybody():
    plan = plan_survey_blocks(SEGMENTS[:10], raters=4, per_rater=20, per_segment=4)
    assert [set(block) for block in plan.blocks] == [set(SEGMENTS[:10])] * 4


def test_counts_are_those_of_a_slow_count():
    plan = plan_survey_blocks(SEGMENTS, raters=20, per_rater=5, per_segment=4)
    shared = [
        sum(a in block and b in block for block in plan.blocks) for a, b in combinations(plan.segments, 2)
    ]
    assert plan.together() == (min(shared), max(shared))


@pytest.mark.parametrize(
    ("raters", "per_rater", "per_segment", "said"),
    [(3, 5, 5, "that is 3 segments"), (30, 1, 5, "more minutes"), (30, 8, 1, "expected at least 2")],
)
def test_too_little_is_refused(raters, per_rater, per_segment, said):
    with pytest.raises(ValueError, match=said):
        plan_survey_blocks(SEGMENTS, raters=raters, per_rater=per_rater, per_segment=per_segment)
