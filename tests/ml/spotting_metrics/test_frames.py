"""Frames ranked by score: masks, areas, intervals."""

import numpy as np
import pytest

from apexline.ml.spotting_metrics.frames import auc_interval, frame_mask, frame_roc, roc_area
from tests.reference.spotting import pair_auc


def test_frame_mask_includes_both_ends():
    assert frame_mask([(1, 2), (4, 4)], 6).tolist() == [False, True, True, False, True, False]
    with pytest.raises(ValueError, match=r"expected 0\.\.5"):
        frame_mask([(4, 6)], 6)


@pytest.mark.parametrize("seed", range(5))
def test_auc_equals_comparing_every_pair(seed: int):
    rng = np.random.default_rng(seed)
    scores, positive = rng.integers(0, 6, 30).tolist(), (np.arange(30) % 3 == 0).tolist()
    roc = frame_roc(scores, positive)
    assert roc.auc == pytest.approx(pair_auc(scores, positive))
    assert (np.diff(roc.false_positive_rate) >= 0).all()
    assert roc.true_positive_rate[-1] == 1.0


def test_auc_does_not_change_under_a_rising_map():
    scores, positive = np.linspace(-1, 1, 20), np.arange(20) % 4 == 1
    assert frame_roc(np.exp(scores), positive).auc == pytest.approx(frame_roc(scores, positive).auc)


@pytest.mark.parametrize("positive", [np.ones(4, bool), np.zeros(4, bool)])
def test_auc_needs_both_kinds_of_frames(positive: np.ndarray):
    with pytest.raises(ValueError, match="needs both kinds"):
        frame_roc(np.arange(4), positive)


def test_auc_interval_resamples_subjects():
    # Subject a is ranked perfectly, subject b the wrong way round: a resample of one of them gives 1 or 0.
    scores, positive = [0.1, 0.9, 0.9, 0.1], [False, True, False, True]
    assert auc_interval(scores, positive, list("aabb")) == (0.0, 1.0)
    assert auc_interval(scores, positive, list("aaaa")) == (0.0, 1.0)
    low, high = auc_interval(scores[:2] * 3, positive[:2] * 3, list("aabbcc"))
    assert low == high == 1.0


def test_auc_interval_takes_numbers_for_truth():
    scores, positive = [0.1, 0.9, 0.9, 0.2, 0.3, 0.2], [0, 1, 0, 1, 0, 1]
    expected = auc_interval(scores, np.array(positive, bool), list("aabbcc"))
    assert auc_interval(scores, positive, list("aabbcc")) == expected


def test_auc_interval_leaves_out_resamples_of_one_kind():
    # Only subject a has positive frames; resamples without it have no AUC.
    low, high = auc_interval([0.9, 0.1, 0.2, 0.3], [True, False, False, False], list("aabb"))
    assert low == high == 1.0


@pytest.mark.parametrize("seed", range(5))
def test_weighted_area_equals_comparing_every_pair(seed: int):
    rng = np.random.default_rng(seed)
    scores, positive = rng.integers(0, 6, 30).astype(float), np.arange(30) % 3 == 0
    weights = rng.integers(0, 3, 30)
    order = np.argsort(-scores, kind="stable")
    area = roc_area(scores[order], positive[order], weights[order])
    copies = np.repeat(np.arange(30), weights)
    assert area == pytest.approx(pair_auc(scores[copies].tolist(), positive[copies].tolist()))
    assert roc_area(scores[order], positive[order], np.ones(30, int)) == pytest.approx(
        frame_roc(scores, positive).auc
    )
    assert np.isnan(roc_area(scores, np.zeros(30, bool), weights))
