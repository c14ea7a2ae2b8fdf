import numpy as np
import pytest

from apexline.ml.evaluation.logit_shift import balanced_accuracy, fit_logit_shift


def test_balanced_accuracy_by_hand():
    assert balanced_accuracy([0, 0, 0, 1, 1], [0, 0, 0, 0, 1]) == pytest.approx((0.75 + 1) / 2)


def frequent_and_rare() -> tuple[np.ndarray, np.ndarray]:
    """Log posteriors of two normal classes one deviation either side of 0, learned where one is nine times rarer."""
    rng = np.random.default_rng(0)
    target = np.repeat([0, 1], [3000, 3000])
    x = rng.normal(np.where(target == 0, -1.0, 1.0))
    return np.stack([-((x + 1) ** 2) / 2, -((x - 1) ** 2) / 2], axis=1) + np.log([0.9, 0.1]), target


def test_the_shift_undoes_the_prior_where_classes_are_equally_frequent():
    logits, target = frequent_and_rare()
    shift = fit_logit_shift(logits, target)
    assert shift[1] - shift[0] == pytest.approx(np.log(9), rel=0.15)
    before, after = (balanced_accuracy((logits + s).argmax(axis=1), target) for s in (0, shift))
    assert after > before + 0.1


def test_little_is_shifted_where_accuracy_counts_and_the_prior_fits():
    logits, target = frequent_and_rare()
    keep = np.r_[:2700, 3000:3300]
    shift = fit_logit_shift(logits[keep], target[keep], balanced_weight=0.0)
    assert abs(shift[1] - shift[0]) < 0.35 * np.log(9)


def test_what_cannot_be_bettered_stays():
    assert not fit_logit_shift([[5.0, 0.0], [0.0, 5.0]], [0, 1]).any()
