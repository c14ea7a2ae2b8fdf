"""Groups of faces in which a challenger is worse."""

from types import SimpleNamespace

import numpy as np
import pytest

from apexline.ml.evaluation.gate import group_metrics, lost_slices

RULES = {"min_count": 20, "max_loss": 0.0, "num_resamples": 300}


def evaluation(right, *, groups, subjects=None):
    right = np.asarray(right, bool)
    return SimpleNamespace(
        recognition_correct=right,
        groups={name: np.asarray(values) for name, values in groups.items()},
        subjects=np.arange(len(right)).astype(str) if subjects is None else subjects,
        ids=np.arange(len(right)).astype(str),
    )


@pytest.fixture
def groups():
    return {"light": ["dark"] * 40 + ["bright"] * 60 + ["glare"] * 5}


def test_a_group_that_loses_is_found_though_the_average_wins(groups):
    champion = evaluation([True] * 40 + [False] * 60 + [True] * 5, groups=groups)
    challenger = evaluation([False] * 30 + [True] * 10 + [True] * 65, groups=groups)
    [lost] = lost_slices(challenger, champion, **RULES)
    assert (lost.dimension, lost.group, lost.count) == ("light", "dark", 40)
    assert lost.difference == pytest.approx(-0.75)
    assert lost.low <= lost.difference <= lost.high < 0
    assert "light dark: -0.750" in str(lost)


def test_a_small_group_and_one_that_loses_by_luck_are_not(groups):
    champion = evaluation([True] * 105, groups=groups)
    challenger = evaluation([False] + [True] * 99 + [False] * 5, groups=groups)
    assert lost_slices(challenger, champion, **RULES) == []


def test_a_loss_that_is_allowed_is_none(groups):
    champion = evaluation([True] * 105, groups=groups)
    challenger = evaluation([False] * 20 + [True] * 85, groups=groups)
    assert lost_slices(challenger, champion, **RULES)
    assert lost_slices(challenger, champion, **{**RULES, "max_loss": 0.9}) == []


def test_other_faces_are_no_comparison(groups):
    champion, challenger = (evaluation([True] * 105, groups=groups) for _ in range(2))
    challenger.ids = challenger.ids[::-1]
    with pytest.raises(ValueError, match="the same ones"):
        lost_slices(challenger, champion, **RULES)


def test_fairlearns_metrics_are_those_that_are_counted_by_hand(groups):
    target = np.zeros(105, int)
    answered = np.array([0] * 30 + [1] * 10 + [0] * 45 + [1] * 15 + [0] * 5)
    table = group_metrics(target, answered, {**groups, "one": ["a"] * 105}, min_count=20)
    [row] = table.to_dict("records")
    assert (row["dimension"], row["groups"], row["count"], row["worst_group"]) == ("light", 2, 100, "bright")
    assert (row["accuracy"], row["worst"]) == (0.75, 0.75)
    assert (row["difference"], row["ratio"]) == (0.0, 1.0)
