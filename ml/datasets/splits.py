"""Splits that keep subjects apart.

Belongs here: assigning subjects to train, valid and test, hashing the result, the leakage check.
Stays out: what a subject is (a pseudonymous code of the training data) and where folds are stored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FOLDS: tuple[str, ...] = ("train", "valid", "test")
_NUM_TRIALS = 1000


class SplitLeakageError(ValueError):
    """A subject's examples lie in more than one fold."""


@dataclass(frozen=True, eq=False)
class Split:
    """Row indices of each fold.

    Parameters
    ----------
    train, valid, test : ndarray, shape (K,), int
        Sorted row indices; together they hold every row once.
    split_hash : str
        SHA-256 over the sorted (id, fold) pairs, 64 hex digits: equal exactly when the same examples lie in
        the same folds, whatever their order.
    """

    train: NDArray[np.intp]
    valid: NDArray[np.intp]
    test: NDArray[np.intp]
    split_hash: str

    @property
    def folds(self) -> NDArray[np.str_]:
        """Fold name of every row, shape (N,)."""
        names = np.empty(len(self.train) + len(self.valid) + len(self.test), dtype="<U5")
        for fold in FOLDS:
            names[getattr(self, fold)] = fold
        return names


def split_by_subject(
    subjects: ArrayLike,
    labels: ArrayLike,
    *,
    fractions: tuple[float, float, float] = (0.6, 0.2, 0.2),
    seed: int = 0,
    ids: Sequence[str] | NDArray[np.str_] | None = None,
    previous: Mapping[str, str] | None = None,
) -> Split:
    """Divide examples into train, valid and test so that no subject is in two of them.

    Of `_NUM_TRIALS` seeded random assignments of subjects, take the one whose folds first of all hold every
    class and then come closest to `fractions` in the number of examples of each class.

    Parameters
    ----------
    subjects : array_like, shape (N,), str
        Subject of each example.
    labels : array_like, shape (N,) or (N, C)
        Classes, or soft labels whose largest entry is the class.
    fractions : tuple of three floats
        Aimed share of subjects in train, valid and test; they sum to 1.
    seed : int
        Seed of the search. Same arguments, same split; the order of rows does not matter.
    ids : sequence of str, length N, optional
        Example ids that enter the hash; row numbers when absent.
    previous : mapping of str to str, optional
        Folds of subjects in an earlier split. They keep them, so that a subject that once tested a model
        never trains its successor.

    Returns
    -------
    split : Split

    Raises
    ------
    ValueError
        If there are fewer than three subjects, or `fractions` or `previous` are not as above.

    Examples
    --------
    >>> from apexline.ml.datasets import split_by_subject
    >>> subjects = ["ann", "ann", "ben", "ben", "eve", "eve"]
    >>> split = split_by_subject(subjects, ["happy", "calm"] * 3, seed=0)
    >>> split.folds.tolist()
    ['test', 'test', 'train', 'train', 'valid', 'valid']
    """
    subject_of = np.asarray(subjects).astype(str)
    classes = np.asarray(labels)
    if classes.ndim == 2:
        classes = classes.argmax(axis=1)
    if len(classes) != len(subject_of):
        msg = f"{len(subject_of)} subjects but {len(classes)} labels; expected one of each per example"
        raise ValueError(msg)
    names, rows = np.unique(subject_of, return_inverse=True)
    _check_request(names, fractions, previous or {})

    _, class_rows = np.unique(classes, return_inverse=True)
    counts = np.zeros((len(names), int(class_rows.max()) + 1))
    np.add.at(counts, (rows, class_rows), 1.0)

    fixed = np.array([FOLDS.index(previous[n]) if previous and n in previous else -1 for n in names])
    assignment = _best_assignment(counts, np.asarray(fractions), fixed, np.random.default_rng(seed))
    folds = np.asarray(FOLDS)[assignment[rows]]
    split = split_from_folds(folds, ids=np.arange(len(folds)).astype(str) if ids is None else ids)
    assert_disjoint(split, subject_of)
    return split


def split_from_folds(folds: ArrayLike, *, ids: Sequence[str] | NDArray[np.str_]) -> Split:
    """Rebuild a split from stored fold names.

    Parameters
    ----------
    folds : array_like, shape (N,), str
        ``train``, ``valid`` or ``test`` per example.
    ids : sequence of str, length N
        Example ids that enter the hash.

    Returns
    -------
    split : Split

    Raises
    ------
    ValueError
        If a fold has another name or is empty, or the lengths differ.
    """
    names = np.asarray(folds).astype(str)
    if len(names) != len(ids):
        msg = f"{len(names)} folds but {len(ids)} ids; expected one of each per example"
        raise ValueError(msg)
    unknown = sorted(set(names.tolist()) - set(FOLDS))
    if unknown:
        msg = f"unknown folds {unknown}, expected {FOLDS}"
        raise ValueError(msg)
    indices = {fold: np.flatnonzero(names == fold) for fold in FOLDS}
    empty = [fold for fold, rows in indices.items() if len(rows) == 0]
    if empty:
        msg = f"folds {empty} hold no example, expected some in each of {FOLDS}; add subjects"
        raise ValueError(msg)
    pairs = sorted(zip((str(i) for i in ids), names.tolist(), strict=True))
    digest = hashlib.sha256("".join(f"{i}\0{fold}\n" for i, fold in pairs).encode()).hexdigest()
    return Split(**indices, split_hash=digest)


def assert_disjoint(split: Split, subjects: ArrayLike) -> None:
    """Raise if a subject's examples lie in more than one fold.

    Parameters
    ----------
    split : Split
    subjects : array_like, shape (N,), str
        Subject of each row that `split` indexes.

    Raises
    ------
    SplitLeakageError
        If a subject is in two folds; the message names the subjects.
    """
    subject_of = np.asarray(subjects).astype(str)
    members = [set(subject_of[getattr(split, fold)].tolist()) for fold in FOLDS]
    shared = sorted((members[0] & members[1]) | (members[0] & members[2]) | (members[1] & members[2]))
    if shared:
        msg = f"subjects {shared} lie in more than one fold; split again with ml.datasets.splits.split_by_subject"
        raise SplitLeakageError(msg)


def _check_request(
    names: NDArray[np.str_], fractions: tuple[float, float, float], previous: Mapping[str, str]
) -> None:
    if len(names) < len(FOLDS):
        msg = f"subjects are {names.tolist()}, expected at least {len(FOLDS)}: one per fold; add subjects"
        raise ValueError(msg)
    if min(fractions) <= 0 or abs(sum(fractions) - 1.0) > 1e-6:
        msg = f"fractions are {fractions}, expected three positive numbers that sum to 1"
        raise ValueError(msg)
    unknown = sorted(set(previous.values()) - set(FOLDS))
    if unknown:
        msg = f"previous names folds {unknown}, expected {FOLDS}"
        raise ValueError(msg)


def _best_assignment(
    counts: NDArray[np.float64],
    fractions: NDArray[np.float64],
    fixed: NDArray[np.intp],
    rng: np.random.Generator,
) -> NDArray[np.intp]:
    """Fold index of each subject; counts is (subjects, classes), fixed is -1 where a subject is free."""
    free = np.flatnonzero(fixed < 0)
    kept = np.bincount(fixed[fixed >= 0], minlength=len(FOLDS))
    wanted = _fold_sizes(len(fixed), kept, fractions)
    deck = np.repeat(np.arange(len(FOLDS)), wanted - kept)

    total = counts.sum(axis=0)
    aimed = fractions[:, None] * total  # (folds, classes)
    best, best_cost = fixed, (np.inf, np.inf)
    for _ in range(_NUM_TRIALS):
        trial = fixed.copy()
        trial[free] = rng.permutation(deck)
        held = np.stack([counts[trial == fold].sum(axis=0) for fold in range(len(FOLDS))])
        cost = (float((held == 0).sum()), float((((held - aimed) / total) ** 2).sum()))
        if cost < best_cost:
            best, best_cost = trial, cost
    return best


def _fold_sizes(num: int, kept: NDArray[np.intp], fractions: NDArray[np.float64]) -> NDArray[np.intp]:
    """Subjects per fold: each at least one and at least those kept, otherwise nearest to the fractions."""
    sizes = np.maximum(kept, 1)
    while sizes.sum() < num:
        sizes[np.argmax(fractions * num - sizes)] += 1
    if sizes.sum() > num:
        msg = (
            f"previous leaves {kept.tolist()} of {num} subjects in {FOLDS}, one of them empty "
            "and nobody left to fill it; split without previous"
        )
        raise ValueError(msg)
    return sizes
