"""All that compares answers to the same examples refuses others alike."""

import pytest

from apexline.ml import bootstrap_interval, paired_bootstrap, sign_flip_p


@pytest.mark.parametrize("compare", [paired_bootstrap, sign_flip_p])
@pytest.mark.parametrize(
    ("answers", "shapes"),
    [
        (
            ([1, 0], [1], list("ab")),
            r"correct_a of shape \(2,\), correct_b of shape \(1,\), subjects of shape \(2,\)",
        ),
        (([1, 0], [1, 1], list("abc")), r"correct_b of shape \(2,\), subjects of shape \(3,\)"),
        (([1], [1, 1], list("ab")), r"correct_a of shape \(1,\), correct_b of shape \(2,\)"),
        (([], [], []), r"correct_a of shape \(0,\)"),
        (([[1, 0]], [[1, 0]], [["a", "b"]]), r"correct_a of shape \(1, 2\)"),
    ],
)
def test_answers_to_other_examples_are_refused(compare, answers, shapes):
    with pytest.raises(ValueError, match=f"{shapes}.*; expected the same examples in all, one or more"):
        compare(*answers)


@pytest.mark.parametrize(("correct", "subjects"), [([1, 0], list("a")), ([], [])])
def test_an_interval_is_refused_alike(correct, subjects):
    with pytest.raises(
        ValueError, match="correct of shape .*; expected the same examples in all, one or more"
    ):
        bootstrap_interval(correct, subjects)
