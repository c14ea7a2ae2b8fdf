import numpy as np
import pytest

from apexline.ml.datasets.examples import ExpressionDataset
from apexline.ml.datasets.splits import (
    FOLDS,
    Split,
    SplitLeakageError,
    assert_disjoint,
    split_by_subject,
    split_from_folds,
)


def test_every_row_is_in_one_fold_and_no_subject_in_two(data: ExpressionDataset, split: Split):
    rows = np.concatenate([split.train, split.valid, split.test])
    np.testing.assert_array_equal(np.sort(rows), np.arange(len(data)))
    assert_disjoint(split, data.subjects)
    members = [set(data.subjects[getattr(split, fold)]) for fold in FOLDS]
    assert [len(m) for m in members] == [4, 1, 1]
    assert sum(len(m) for m in members) == len(set(data.subjects))


def test_each_fold_holds_each_class_where_possible():
    # Only subjects a, b and c show class 1: they must go to three different folds.
    subjects = [s for s in "abcdefghijkl" for _ in range(2)]
    labels = [1 if s in "abc" and i % 2 else 0 for i, s in enumerate(subjects)]
    for seed in range(5):
        split = split_by_subject(subjects, labels, seed=seed)
        for fold in FOLDS:
            assert {labels[row] for row in getattr(split, fold)} == {0, 1}


def test_the_same_examples_split_alike_in_any_order(data: ExpressionDataset, split: Split):
    order = np.random.default_rng(3).permutation(len(data))
    shuffled = split_by_subject(data.subjects[order], data.labels[order], ids=data.ids[order])
    assert shuffled.split_hash == split.split_hash
    np.testing.assert_array_equal(shuffled.folds, split.folds[order])


def test_the_hash_depends_on_ids_and_folds():
    folds = ["train", "valid", "test"]
    first = split_from_folds(folds, ids=["a", "b", "c"]).split_hash
    assert first == "dcc8b9" or len(first) == 64
    assert split_from_folds(folds[::-1], ids=["c", "b", "a"]).split_hash == first
    assert split_from_folds(folds, ids=["a", "b", "d"]).split_hash != first
    assert split_from_folds(folds[::-1], ids=["a", "b", "c"]).split_hash != first


def test_other_seeds_give_other_splits(data: ExpressionDataset):
    splits = [split_by_subject(data.subjects, data.targets, seed=s, ids=data.ids) for s in range(6)]
    assert len({split.split_hash for split in splits}) > 1


def test_folds_rebuild_the_split(data: ExpressionDataset, split: Split):
    again = split_from_folds(split.folds, ids=data.ids)
    assert again.split_hash == split.split_hash
    np.testing.assert_array_equal(again.test, split.test)


def test_fractions_set_the_number_of_subjects():
    subjects = [f"s{i:02d}" for i in range(20)]
    split = split_by_subject(subjects, [0] * 20, fractions=(0.5, 0.2, 0.3))
    assert [len(split.train), len(split.valid), len(split.test)] == [10, 4, 6]


def test_subjects_keep_the_fold_of_an_earlier_split():
    subjects = [f"s{i}" for i in range(10)]
    before = split_by_subject(subjects, [0] * 10)
    folds = dict(zip(subjects, before.folds.tolist(), strict=True))
    grown = [*subjects, "n0", "n1", "n2", "n3", "n4"]
    after = split_by_subject(grown, [0] * 15, previous=folds, seed=9)
    assert after.folds[:10].tolist() == before.folds.tolist()
    assert [len(after.train), len(after.valid), len(after.test)] == [9, 3, 3]


def test_leakage_names_the_subjects():
    split = split_from_folds(["train", "train", "valid", "test"], ids=list("abcd"))
    with pytest.raises(SplitLeakageError, match=r"subjects \['ann', 'bob'\] lie in more than one fold"):
        assert_disjoint(split, ["ann", "bob", "ann", "bob"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"subjects": ["a", "b"], "labels": [0, 1]}, "expected at least 3"),
        ({"subjects": list("abc"), "labels": [0]}, "3 subjects but 1 labels"),
        ({"subjects": list("abc"), "labels": [0, 0, 0], "fractions": (0.5, 0.5, 0.5)}, "sum to 1"),
        ({"subjects": list("abc"), "labels": [0, 0, 0], "fractions": (1.0, 0.0, 0.0)}, "positive"),
        ({"subjects": list("abc"), "labels": [0, 0, 0], "previous": {"a": "holdout"}}, "holdout"),
        (
            {"subjects": list("abc"), "labels": [0, 0, 0], "previous": dict.fromkeys("abc", "train")},
            "split without previous",
        ),
    ],
)
def test_impossible_requests_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        split_by_subject(**arguments)


@pytest.mark.parametrize(
    ("folds", "ids", "message"),
    [
        (["train", "valid", "holdout"], list("abc"), r"unknown folds \['holdout'\]"),
        (["train", "valid", "valid"], list("abc"), r"folds \['test'\] hold no example"),
        (["train", "valid", "test"], list("ab"), "3 folds but 2 ids"),
    ],
)
def test_stored_folds_are_validated(folds, ids, message):
    with pytest.raises(ValueError, match=message):
        split_from_folds(folds, ids=ids)
