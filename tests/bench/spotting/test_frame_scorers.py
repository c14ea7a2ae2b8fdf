"""Scorers of frames, learned from labelled ones."""

import numpy as np
import pytest

from apexline.bench.spotting.frame_scorers import fit_logistic, fit_trees


@pytest.mark.parametrize("fit_scorer", [fit_logistic, fit_trees])
def test_learning_needs_both_kinds_of_frames(fit_scorer):
    with pytest.raises(ValueError, match="0 of 20 training frames are positive"):
        fit_scorer(np.zeros((20, 2)), np.zeros(20, bool))


def test_trees_learn_what_no_line_tells_apart():
    numbers = np.random.default_rng(0).uniform(-1, 1, (600, 2))
    positive = numbers[:, 0] * numbers[:, 1] > 0
    assert ((fit_trees(numbers, positive)(numbers) > 0.5) == positive).mean() > 0.95
    assert ((fit_logistic(numbers, positive)(numbers) > 0.5) == positive).mean() < 0.7


def test_logistic_weights_do_not_depend_on_units():
    rng = np.random.default_rng(0)
    numbers = np.column_stack([rng.normal(0, 1, 400), np.full(400, 7.0)])
    positive = numbers[:, 0] + rng.normal(0, 0.5, 400) > 0
    one, other = fit_logistic(numbers, positive), fit_logistic(numbers * [1000, 1], positive)
    np.testing.assert_allclose(one(numbers), other(numbers * [1000, 1]), rtol=1e-4)
    assert one(np.array([[2.0, 7.0]]))[0] > 0.9
