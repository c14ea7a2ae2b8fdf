"""What a person looks at next."""

import pytest

from apexline.review.queue import waiting
from tests.review.archive import segment


def sure(at_s, answer, share, **more):
    rest = (1 - share) / 3
    scores = {f"p_{name}": rest for name in ("happy", "angry", "calm", "scared")}
    return segment(at_s, answer, **{**scores, f"p_{answer}": share}, **more)


ROWS = [
    sure(0, "happy", 0.9),
    sure(1, "angry", 0.4, disagree=True),
    segment(2, "abstained"),
    sure(3, "calm", 0.6, reviewed="disputed", reviewed_as={"heron": "calm", "crane": "other"}),
    segment(4, "unscored"),
    sure(5, "scared", 0.3, reviewed="scared", reviewed_as={"otter": "scared"}),
    segment(6, "unscored", drawn=True),
]


def onsets(order, reviewer="otter", rows=ROWS):
    return [row["onset"] for row in waiting(rows, order, reviewer)]


def test_no_answer_comes_first_and_then_the_smallest_lead():
    assert onsets("uncertain") == [20, 10, 30, 0]
    assert onsets("uncertain", "heron") == [20, 50, 10, 0]


def test_versions_and_reviewers_that_differ_wait_together():
    assert set(onsets("disagreement")) == {10, 30}
    assert onsets("disagreement", "heron") == [10]


def test_an_audit_is_drawn_from_all_in_one_order_for_everybody():
    rows = [segment(k, "happy", track=f"t{k}") for k in range(50)]
    drawn = onsets("audit", rows=rows)
    assert drawn == onsets("audit", "heron", rows=rows[::-1])
    assert sorted(drawn) == [10 * k for k in range(50)] != drawn
    assert set(onsets("audit")) == {0, 10, 20, 30, 40}


def test_another_order_is_refused():
    with pytest.raises(ValueError, match="expected one of uncertain"):
        waiting(ROWS, "newest", "otter")
