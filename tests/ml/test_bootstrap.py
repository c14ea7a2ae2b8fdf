import numpy as np
import pytest

from apexline.ml.bootstrap import bootstrap_interval, paired_bootstrap, percentile_interval, subject_weights


@pytest.mark.parametrize("sampler", ["multinomial", "integers"])
def test_every_resample_draws_as_many_subjects_as_there_are(sampler):
    weights = subject_weights(7, 400, seed=5, sampler=sampler)
    assert weights.shape == (400, 7)
    assert (weights.sum(axis=1) == 7).all()
    np.testing.assert_allclose(weights.mean(axis=0), 1, atol=0.2)
    np.testing.assert_array_equal(weights, subject_weights(7, 400, seed=5, sampler=sampler))


def test_draws_are_those_of_published_intervals():
    rng = np.random.default_rng(3)
    one_by_one = [np.bincount(rng.integers(9, size=9), minlength=9) for _ in range(50)]
    np.testing.assert_array_equal(subject_weights(9, 50, seed=3, sampler="integers"), one_by_one)
    at_once = np.random.default_rng(3).multinomial(9, np.full(9, 1 / 9), size=50)
    np.testing.assert_array_equal(subject_weights(9, 50, seed=3), at_once)


def test_samples_without_a_value_are_left_out_of_the_interval():
    assert percentile_interval(np.array([np.nan, 1.0, 1.0])) == (1.0, 1.0)
    assert np.isnan(percentile_interval(np.array([np.nan]))).all()
    assert percentile_interval(np.arange(5.0), tails=(0.25, 0.75)) == (1.0, 3.0)


def test_interval_of_two_subjects_by_hand():
    # Subject a is always right, b never; 3 examples of a, 1 of b. Resamples: aa 1, ab 3/4, bb 0.
    low, high = bootstrap_interval([1, 1, 1, 0], list("aaab"))
    assert (low, high) == (0.0, 1.0)


def test_interval_is_that_of_subjects_not_of_examples():
    # Ten subjects, half of them always right: copying every example does not narrow the interval.
    correct, subjects = np.repeat(np.arange(10) % 2, 3), np.repeat(np.arange(10), 3)
    interval = bootstrap_interval(correct, subjects)
    assert interval == bootstrap_interval(np.repeat(correct, 20), np.repeat(subjects, 20))
    assert interval[0] == pytest.approx(0.2, abs=0.11)
    assert interval[1] == pytest.approx(0.8, abs=0.11)


def test_interval_matches_a_slow_loop():
    rng = np.random.default_rng(0)
    subjects = rng.integers(0, 12, 60)
    correct = rng.random(60) < 0.3 + 0.05 * subjects
    draws = np.random.default_rng(1)
    means = []
    for _ in range(2000):
        chosen = draws.choice(np.unique(subjects), len(np.unique(subjects)))
        rows = np.concatenate([np.flatnonzero(subjects == each) for each in chosen])
        means.append(correct[rows].mean())
    np.testing.assert_allclose(
        bootstrap_interval(correct, subjects), np.quantile(means, [0.025, 0.975]), atol=0.03
    )


def test_a_single_subject_says_nothing_about_others():
    assert bootstrap_interval([1, 1, 1], list("aaa")) == (0.0, 1.0)
    found = paired_bootstrap([1, 1], [0, 0], list("aa"))
    assert (found.difference, found.low, found.high, found.p_value) == (1.0, -1.0, 1.0, 1.0)
    assert not found.wins


def test_a_clear_win_is_found_and_equal_models_tie():
    subjects = np.repeat(np.arange(10), 5)
    better, worse = np.ones(50), np.arange(50) % 5 > 1
    win = paired_bootstrap(better, worse, subjects)
    assert win.difference == pytest.approx(0.4)
    assert win.wins
    assert win.p_value < 0.01
    tie = paired_bootstrap(worse, worse, subjects)
    assert (tie.difference, tie.low, tie.high, tie.p_value) == (0.0, 0.0, 0.0, 1.0)
    assert not tie.wins


def test_swapping_the_models_mirrors_the_interval():
    rng = np.random.default_rng(2)
    a, b, subjects = rng.random(40) < 0.8, rng.random(40) < 0.5, rng.integers(0, 8, 40)
    forward, backward = paired_bootstrap(a, b, subjects), paired_bootstrap(b, a, subjects)
    assert backward.difference == pytest.approx(-forward.difference)
    assert (backward.low, backward.high) == pytest.approx((-forward.high, -forward.low))
    assert backward.p_value == forward.p_value


def test_a_win_by_one_subject_of_many_is_no_win():
    subjects = np.repeat(np.arange(10), 4)
    better = np.zeros(40)
    better[:4] = 1
    assert not paired_bootstrap(better, np.zeros(40), subjects).wins
