"""An exact test over subjects, and looks that together err no more often than stated."""

from itertools import product

import numpy as np
import pytest

from apexline.ml import level_of_look, paired_bootstrap, sign_flip_p


def test_three_subjects_by_hand():
    """Leads 2, 1 and -1: of the eight sums of signs 4, 2, 2, 0, 0, -2, -2, -4 three are 2 or more."""
    a = [1, 1, 1, 0]
    b = [0, 0, 0, 1]
    assert sign_flip_p(a, b, ["ann", "ann", "ben", "eve"]) == 3 / 8


def test_all_signs_are_counted():
    rng = np.random.default_rng(0)
    subjects = np.repeat([f"s{k}" for k in range(7)], 6)
    a, b = rng.random((2, 42)) < 0.6
    leads = [int(a[subjects == s].sum() - b[subjects == s].sum()) for s in np.unique(subjects)]
    sums = [
        sum(sign * abs(lead) for sign, lead in zip(signs, leads, strict=True))
        for signs in product((1, -1), repeat=7)
    ]
    assert sign_flip_p(a, b, subjects) == pytest.approx(np.mean(np.array(sums) >= sum(leads)))


def test_equals_are_no_win_and_few_subjects_never_are():
    assert sign_flip_p([1, 0], [1, 0], ["ann", "ben"]) == 1.0
    assert sign_flip_p([1] * 40, [0] * 40, ["ann"] * 20 + ["ben"] * 20) == 0.25


def test_looks_add_up_to_what_was_allowed():
    levels = [level_of_look(number, total=0.05) for number in range(1, 10_000)]
    assert levels[0] == 0.025
    assert 0.0499 < sum(levels) < 0.05


def _years(rule, count=150):
    """Share of years in which one of 52 challengers, each as good as the champion, wins on one frozen test fold.

    24 people with 20 faces each; how hard a person and a face is, is the same for all models, and every model has
    people that it is worse at.
    """
    rng = np.random.default_rng(0)
    people = np.repeat(np.arange(24), 20)
    promoted = 0
    for _ in range(count):
        ease = 0.8 + rng.normal(0, 0.8, 24)[people] + rng.normal(0, 1.0, len(people))

        def model(ease=ease):
            return ease + rng.normal(0, 0.4, 24)[people] + rng.normal(0, 0.7, len(people)) > 0

        champion = model()
        promoted += any(rule(week, model(), champion, people) for week in range(1, 53))
    return promoted / count


def test_a_year_of_equal_challengers_promotes_by_luck_no_more_often_than_stated():
    """Before, each look was judged as if it were the only one."""

    def by_interval(week, challenger, champion, people):
        return paired_bootstrap(challenger, champion, people, num_resamples=200).low > 0

    def by_looks(week, challenger, champion, people):
        return sign_flip_p(challenger, champion, people) <= level_of_look(week, total=0.05)

    assert _years(by_interval, count=20) > 0.3
    assert _years(by_looks) <= 0.05
