"""Shifts of numbers and words: worked by hand, none where nothing moved, found where something did."""

import numpy as np
import pytest

from apexline.ml.drift import shift_of_values, shift_of_words


def test_stability_of_words_worked_by_hand():
    found = shift_of_words(["a"] * 59 + ["b"] * 39, ["a"] * 39 + ["b"] * 59)
    # With half a count more each: 59.5 and 39.5 of 99.
    p, q = 59.5 / 99, 39.5 / 99
    assert found.psi == pytest.approx(2 * (q - p) * np.log(q / p))
    assert found.distance == pytest.approx(20 / 98)
    assert 0.001 < found.p_value < 0.01


def test_the_same_sample_has_not_moved():
    values = np.random.default_rng(0).normal(size=300)
    assert shift_of_values(values, values).psi == pytest.approx(0, abs=1e-12)
    assert shift_of_values(values, values).distance == 0
    assert shift_of_words("aabbb", "aabbb").p_value == pytest.approx(1)
    assert shift_of_words("aaa", "aaa").p_value == 1


def test_chance_keeps_to_the_level():
    rng = np.random.default_rng(1)
    numbers = [shift_of_values(rng.normal(size=500), rng.normal(size=60)).p_value for _ in range(300)]
    words = [shift_of_words(rng.choice(4, 500), rng.choice(4, 60)).p_value for _ in range(300)]
    assert np.mean(np.array(numbers) < 0.05) <= 0.08
    assert np.mean(np.array(words) < 0.05) <= 0.08


def test_what_moved_is_found_however_numbers_are_scaled():
    rng = np.random.default_rng(2)
    before, after = rng.normal(size=500), rng.normal(1, 1, size=60)
    found = shift_of_values(before, after)
    assert found.psi > 0.5
    assert found.p_value < 1e-6
    scaled = shift_of_values(np.exp(before), np.exp(after))
    assert (scaled.psi, scaled.distance) == pytest.approx((found.psi, found.distance))


def test_a_constant_reference_has_one_edge():
    assert shift_of_values([1.0] * 50, [1.0] * 20).psi == pytest.approx(0, abs=0.05)
    assert shift_of_values([1.0] * 50, [2.0] * 20).distance == 1


@pytest.mark.parametrize("compare", [shift_of_values, shift_of_words])
def test_nothing_to_compare_is_refused(compare):
    with pytest.raises(ValueError, match="saw 0 values of the reference and 2 others; expected one or more"):
        compare([], [1, 2])
