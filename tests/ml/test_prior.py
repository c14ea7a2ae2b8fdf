import numpy as np
import pytest

from ml.prior import balanced_accuracy, class_shares, fit_prior_shift


def test_shares_count_soft_labels_by_weight():
    labels = [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]
    np.testing.assert_allclose(class_shares(labels, [1, 2, 0]), [2 / 3, 1 / 3])


def test_balanced_accuracy_by_hand():
    assert balanced_accuracy([0, 0, 0, 1, 1], [0, 0, 0, 0, 1]) == pytest.approx((0.75 + 1) / 2)


def frequent_and_rare(shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log posteriors of two normal classes one deviation either side of 0, under the given prior."""
    rng = np.random.default_rng(0)
    target = np.repeat([0, 1], [3000, 3000])
    x = rng.normal(np.where(target == 0, -1.0, 1.0))
    logits = np.stack([-((x + 1) ** 2) / 2, -((x - 1) ** 2) / 2], axis=1) + np.log(shares)
    return logits, target


def test_the_shift_undoes_the_prior_where_classes_are_equally_frequent():
    shares = np.array([0.9, 0.1])
    logits, target = frequent_and_rare(shares)
    shift = fit_prior_shift(logits, target, shares)
    assert shift[1] - shift[0] == pytest.approx(np.log(9), rel=0.1)  # tau 1
    assert shift.sum() == pytest.approx(0, abs=1e-12)
    before, after = (balanced_accuracy((logits + s).argmax(axis=1), target) for s in (0, shift))
    assert after > before + 0.1


def test_nothing_is_shifted_where_accuracy_alone_counts_and_the_prior_fits():
    shares = np.array([0.9, 0.1])
    logits, target = frequent_and_rare(shares)
    keep = np.r_[:2700, 3000:3300]
    shift = fit_prior_shift(logits[keep], target[keep], shares, balanced_weight=0.0)
    assert shift[1] - shift[0] < 0.35 * np.log(9)


def test_equal_scores_take_the_smallest_strength():
    assert not fit_prior_shift([[5.0, 0.0], [0.0, 5.0]], [0, 1], [0.8, 0.2]).any()
