"""Whether a model does worse than another in any group of faces: what a promotion has to pass beside the average.

Belongs here: groups that can be told from a face or its clip (size, pose, light, source). Stays out: groups of people.
Sex, age or skin colour are recorded nowhere in a home; fairness over them needs an evaluation set of people who
consented to that, kept apart (``assets.training.consented``), on which these functions work just the same.

Metrics by group are Fairlearn's [1]_; intervals are the paired bootstrap over subjects that decides on promotions.

References
----------
.. [1] Bird et al. 2020, "Fairlearn: A toolkit for assessing and improving fairness in AI".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from apexline.ml.bootstrap import bootstrap_interval, paired_bootstrap

if TYPE_CHECKING:
    from apexline.ml.evaluation.recognition import Evaluation


@dataclass(frozen=True)
class SliceLoss:
    """A group in which a challenger does worse than the champion, more than luck would have it.

    Attributes
    ----------
    dimension, group : str
    count : int
        Faces.
    difference, low, high : float
        Accuracy of the challenger minus that of the champion, -1..1, and its 95 % interval.
    """

    dimension: str
    group: str
    count: int
    difference: float
    low: float
    high: float

    def __str__(self) -> str:
        interval = f"95 % interval {self.low:+.3f} to {self.high:+.3f}"
        return f"{self.dimension} {self.group}: {self.difference:+.3f} ({interval}) on {self.count} faces"


def lost_slices(
    challenger: Evaluation,
    champion: Evaluation,
    *,
    min_count: int,
    max_loss: float,
    num_resamples: int,
) -> list[SliceLoss]:
    """Return the groups in which the challenger is worse, worst first.

    Parameters
    ----------
    challenger, champion : Evaluation
        Of the same faces, with the same groups.
    min_count : int
        Groups of fewer faces say nothing.
    max_loss : float
        A group is lost where the whole interval of the difference lies below minus this.
    num_resamples : int
        Of the bootstrap.

    Raises
    ------
    ValueError
        Where they were not evaluated on the same faces.
    """
    if not np.array_equal(challenger.ids, champion.ids):
        msg = f"saw {len(challenger.ids)} and {len(champion.ids)} faces, expected the same ones in the same order"
        raise ValueError(msg)
    found: list[SliceLoss] = []
    for dimension, groups in challenger.groups.items():
        names, counts = np.unique(groups, return_counts=True)
        for name in names[counts >= min_count]:
            rows = groups == name
            compared = paired_bootstrap(
                challenger.recognition_correct[rows],
                champion.recognition_correct[rows],
                challenger.subjects[rows],
                seed=0,
                num_resamples=num_resamples,
            )
            if compared.high < -max_loss:
                numbers = (compared.difference, compared.low, compared.high)
                found.append(SliceLoss(dimension, str(name), int(rows.sum()), *numbers))
    return sorted(found, key=lambda each: each.difference)


def group_metrics(
    target: NDArray[np.intp],
    answered: NDArray[np.intp],
    groups: Mapping[str, ArrayLike],
    *,
    min_count: int,
) -> pd.DataFrame:
    """Return Fairlearn's metrics over the groups of each dimension.

    Parameters
    ----------
    target, answered : ndarray, shape (N,), int
        Classes that are right, and that a model gave.
    groups : mapping of str to array_like, shape (N,)
    min_count : int
        Groups of fewer faces are left out.

    Returns
    -------
    DataFrame
        dimension, groups (how many), count (faces), accuracy (of all in them), worst_group, worst (its accuracy),
        difference (best minus worst), ratio (worst over best); one row for each dimension with two groups or more.
    """
    from fairlearn.metrics import MetricFrame, count
    from sklearn.metrics import accuracy_score

    rows: list[dict[str, object]] = []
    for dimension, values in groups.items():
        names = np.asarray(values).astype(str)
        known, counts = np.unique(names, return_counts=True)
        kept = np.isin(names, known[counts >= min_count])
        if len(np.unique(names[kept])) < 2:
            continue
        frame: Any = MetricFrame(
            metrics={"accuracy": accuracy_score, "count": count},
            y_true=target[kept],
            y_pred=answered[kept],
            sensitive_features=pd.Series(names[kept], name=dimension),
        )
        accuracy = frame.by_group["accuracy"]
        rows.append(
            {
                "dimension": dimension,
                "groups": len(accuracy),
                "count": int(kept.sum()),
                "accuracy": float(frame.overall["accuracy"]),
                "worst_group": str(accuracy.idxmin()),
                "worst": float(frame.group_min()["accuracy"]),
                "difference": float(frame.difference()["accuracy"]),
                "ratio": float(frame.ratio()["accuracy"]),
            }
        )
    columns = ["dimension", "groups", "count", "accuracy", "worst_group", "worst", "difference", "ratio"]
    return pd.DataFrame(rows, columns=columns)


def accuracy_by_group(tested: Evaluation, *, min_count: int) -> tuple[list[dict[str, Any]], int]:
    """Accuracy of recognition in each group of each attribute.

    Parameters
    ----------
    tested : Evaluation
        With the groups that it was given.
    min_count : int
        Groups of fewer faces are left out.

    Returns
    -------
    rows : list of dict
        attribute, group, count (faces), subjects, accuracy (0..1) and its 95 % interval, low and high: bootstrap by
        subject.
    left_out : int
        Groups too small.
    """
    rows: list[dict[str, Any]] = []
    left_out = 0
    for attribute, groups in tested.groups.items():
        for name in np.unique(groups):
            chosen = groups == name
            if chosen.sum() < min_count:
                left_out += 1
                continue
            right, subjects = tested.recognition_correct[chosen], tested.subjects[chosen]
            low, high = bootstrap_interval(right, subjects)
            rows.append(
                {
                    "attribute": attribute,
                    "group": str(name),
                    "count": int(chosen.sum()),
                    "subjects": len(np.unique(subjects)),
                    "accuracy": float(right.mean()),
                    "low": low,
                    "high": high,
                }
            )
    return rows, left_out
