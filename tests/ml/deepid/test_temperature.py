"""The temperature that makes confidence honest."""

import numpy as np
import pytest
from scipy.special import softmax

from apexline.ml.deepid.temperature import fit_temperature


def test_temperature_recovers_the_scale_of_overconfident_logits():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 1.5, (4000, 4))
    drawn = np.array([rng.choice(4, p=p) for p in softmax(logits, axis=1)])
    assert fit_temperature(3.0 * logits, np.eye(4)[drawn]) == pytest.approx(3.0, rel=0.1)


def test_votes_count_by_their_majority():
    logits = np.random.default_rng(0).normal(0, 1.5, (200, 4))
    votes = np.eye(4)[np.arange(200) % 4] * 0.6 + 0.1
    assert fit_temperature(logits, votes) == fit_temperature(logits, np.eye(4)[np.arange(200) % 4])


def test_temperature_never_sharpens_by_more_than_two():
    assert fit_temperature(np.eye(4) * 9, np.eye(4)) == pytest.approx(0.5, abs=1e-3)


def test_temperature_of_useless_logits_flattens():
    logits = np.array([[5.0, 0, 0, 0], [0, 5.0, 0, 0]])
    assert fit_temperature(logits, np.eye(4)[[2, 3]]) == pytest.approx(16.0, abs=0.1)
