"""Faces that are learned once more beside new ones, so that nothing is unlearned.

Belongs here: adding them to the training fold. Stays out: which faces, and who labels them (the caller), training
(``ml.deepid.training.train``).

What a network learned from is often not at hand where it goes on learning. Faces at hand, labelled by its own answers,
stand for it [1]_ [2]_.

References
----------
.. [1] A. Robins, Catastrophic forgetting, rehearsal and pseudorehearsal, Connection Science 7(2), 1995.
.. [2] Z. Li, D. Hoiem, Learning without forgetting, ECCV 2016.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from apexline.ml.datasets.examples import ExpressionDataset
from apexline.ml.datasets.splits import Split


class Lesson(NamedTuple):
    """What is trained on: examples, their folds, and how much each counts, shape (N,)."""

    data: ExpressionDataset
    split: Split
    weights: NDArray[np.float32]


def with_rehearsal(
    data: ExpressionDataset, split: Split, rehearsed: ExpressionDataset, *, weight: float
) -> Lesson:
    """Add faces to the training fold; what is validated and tested on stays as it is, and the hash of the split too.

    Parameters
    ----------
    data : ExpressionDataset
    split : Split
        Of `data`.
    rehearsed : ExpressionDataset
        With soft labels, of subjects that are in neither the validation nor the test fold.
    weight : float
        What a rehearsed face counts, where one of `data` counts 1.

    Returns
    -------
    lesson : Lesson
        The rows of `data`, then those of `rehearsed`.

    Raises
    ------
    ValueError
        Where drawn faces and real ones would be mixed.
    """
    if rehearsed.synthetic != data.synthetic:
        msg = (
            f"saw rehearsed faces with synthetic={rehearsed.synthetic} beside ones with synthetic={data.synthetic}; "
            "drawn faces and real ones teach each other nothing"
        )
        raise ValueError(msg)
    joined = {
        each.name: np.concatenate([getattr(data, each.name), getattr(rehearsed, each.name)])
        for each in fields(ExpressionDataset)
        if each.name != "synthetic"
    }
    rows = np.arange(len(data), len(data) + len(rehearsed))
    weights = np.concatenate([np.ones(len(data)), np.full(len(rehearsed), weight)]).astype(np.float32)
    return Lesson(
        ExpressionDataset(**joined, synthetic=data.synthetic),
        replace(split, train=np.concatenate([split.train, rows])),
        weights,
    )
