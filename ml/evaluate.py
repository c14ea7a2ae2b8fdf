"""Test scores with intervals that respect subjects.

Belongs here: accuracies, confusion, bootstrap by subject, the paired comparison of two models.
Stays out: training, plots, groups of faces (``ml.slices``), spotting (``ml.spotting_metrics``), the decision to
promote (assets).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import confusion_matrix

from ml.calibration import COVERAGE, expected_calibration_error, risk_at_coverage
from ml.datasets import EMOTIONS, PAD_AXES, ExpressionDataset
from ml.expression_model import ExpressionModel

_LEVEL = 0.95


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Scores of one model on N examples (the columns of Table 3), and what they are made of.

    Parameters
    ----------
    loss : float
        Cross-entropy of the calibrated probabilities, nat.
    recognition : float
        Accuracy of the expression class, 0..1.
    classification : float
        Accuracy of the emotion after the semantic mapping g (eq. 27), 0..1.
    recognition_interval, classification_interval : tuple of float
        95 % bootstrap interval by subject.
    calibration_error : float
        Expected calibration error, 0..1.
    confusion : ndarray, shape (4, 4), int
        Rows are true, columns recognised classes, in the order of `EMOTIONS`.
    target, recognised, mapped : ndarray, shape (N,), int
        Index into `EMOTIONS`: truth, most probable class, emotion after g.
    probabilities : ndarray, shape (N, 4)
    pad : ndarray, shape (N, 3)
    reasons : tuple of tuple of str
        Why the model abstains from each example; empty where it answers.
    groups : mapping of str to ndarray, shape (N,), str
        The group that each example belongs to, by dimension (``source``, ``light``, ...).
    subjects, ids : ndarray, shape (N,), str
    synthetic : bool
        True when the examples come from the project's own generator.
    """

    loss: float
    recognition: float
    classification: float
    recognition_interval: tuple[float, float]
    classification_interval: tuple[float, float]
    calibration_error: float
    confusion: NDArray[np.int64]
    target: NDArray[np.intp]
    recognised: NDArray[np.intp]
    mapped: NDArray[np.intp]
    probabilities: NDArray[np.float32]
    pad: NDArray[np.float32]
    reasons: tuple[tuple[str, ...], ...]
    groups: Mapping[str, NDArray[np.str_]]
    subjects: NDArray[np.str_]
    ids: NDArray[np.str_]
    synthetic: bool

    @property
    def recognition_correct(self) -> NDArray[np.bool_]:
        """Whether the expression class is right, shape (N,)."""
        return self.recognised == self.target

    @property
    def classification_correct(self) -> NDArray[np.bool_]:
        """Whether the emotion after the semantic mapping is right, shape (N,)."""
        return self.mapped == self.target

    @property
    def confidence(self) -> NDArray[np.float32]:
        """Probability of the recognised class, shape (N,)."""
        return self.probabilities.max(axis=1)

    @property
    def answered(self) -> NDArray[np.bool_]:
        """Whether the model answers, shape (N,)."""
        return np.array([not each for each in self.reasons], bool)

    def metrics(self) -> dict[str, float]:
        """Scalar scores by name.

        ``coverage`` is the share of the examples that the model answers, ``answered_error`` the error among them
        (1 where there is none), ``error_at_80`` that among the four most confident fifths.
        """
        answered, wrong = self.answered, ~self.recognition_correct
        return {
            "coverage": float(answered.mean()),
            "answered_error": float(wrong[answered].mean()) if bool(answered.any()) else 1.0,
            "error_at_80": risk_at_coverage(self.confidence, ~wrong, coverage=COVERAGE),
            "loss": self.loss,
            "recognition": self.recognition,
            "recognition_low": self.recognition_interval[0],
            "recognition_high": self.recognition_interval[1],
            "classification": self.classification,
            "classification_low": self.classification_interval[0],
            "classification_high": self.classification_interval[1],
            "calibration_error": self.calibration_error,
        }

    def per_example(self) -> pd.DataFrame:
        """One row per example: id, subject, target, recognised, mapped, probabilities, PAD, reasons."""
        names = np.asarray(EMOTIONS)
        columns = {
            "example_id": self.ids,
            "subject": self.subjects,
            "target": names[self.target],
            "recognised": names[self.recognised],
            "mapped": names[self.mapped],
        }
        columns |= {f"p_{name}": self.probabilities[:, i] for i, name in enumerate(EMOTIONS)}
        columns |= {name: self.pad[:, i] for i, name in enumerate(PAD_AXES)}
        columns |= {"reasons": np.array([", ".join(each) for each in self.reasons])}
        return pd.DataFrame(columns)


@dataclass(frozen=True)
class PairedDifference:
    """How much better A is than B on the same examples.

    Parameters
    ----------
    difference : float
        Accuracy of A minus accuracy of B, -1..1.
    low, high : float
        95 % bootstrap interval by subject.
    p_value : float
        Two-sided bootstrap p of no difference.
    """

    difference: float
    low: float
    high: float
    p_value: float

    @property
    def wins(self) -> bool:
        """A is better beyond doubt: the whole interval lies above zero."""
        return self.low > 0.0


def evaluate(
    model: ExpressionModel,
    data: ExpressionDataset,
    indices: NDArray[np.intp],
    *,
    groups: Mapping[str, ArrayLike] | None = None,
    quality: Mapping[str, ArrayLike] | None = None,
) -> Evaluation:
    """Score a model on some examples.

    Recognition is the argmax of the expression softmax; for ``semantic`` those logits already hold the PAD
    term. Classification applies g (eq. 27): the emotion nearest to the predicted PAD, which for versions
    without a PAD head is the expected anchor ``sum_c p_c mu_c``.

    Parameters
    ----------
    model : ExpressionModel
    data : ExpressionDataset
    indices : ndarray, shape (N,), int
        Rows to score, usually ``split.test``.
    groups : mapping of str to array_like, shape (M,), optional
        Groups of all M examples of `data` by dimension; ``ml.slices`` compares them.
    quality : mapping of str to array_like, shape (M,), optional
        Measures of all M faces, as `ml.abstention.Limits.reasons` takes them.

    Returns
    -------
    evaluation : Evaluation

    Raises
    ------
    ValueError
        If `indices` is empty.
    """
    if len(indices) == 0:
        msg = "no examples to evaluate, expected at least one row"
        raise ValueError(msg)
    fold = data.take(indices)
    predicted = model.predict(fold.images, *fold.features)
    recognised = predicted.probabilities.argmax(axis=1)
    mapped = np.array([EMOTIONS.index(name) for name in predicted.mapped_emotion.tolist()], np.intp)
    target = fold.targets
    measured = {name: np.asarray(values)[indices] for name, values in (quality or {}).items()}
    reasons = model.limits.reasons(predicted.confidence, predicted.distance, measured)
    log_probabilities = np.log(np.maximum(predicted.probabilities, np.finfo(np.float32).tiny))
    return Evaluation(
        loss=float(-(fold.labels * log_probabilities).sum(axis=1).mean()),
        recognition=float((recognised == target).mean()),
        classification=float((mapped == target).mean()),
        recognition_interval=bootstrap_interval(recognised == target, fold.subjects),
        classification_interval=bootstrap_interval(mapped == target, fold.subjects),
        calibration_error=expected_calibration_error(predicted.confidence, recognised == target),
        confusion=confusion_matrix(target, recognised, labels=range(len(EMOTIONS))),
        target=target,
        recognised=recognised,
        mapped=mapped,
        probabilities=predicted.probabilities,
        pad=predicted.pad,
        reasons=tuple(map(tuple, reasons)),
        groups={name: np.asarray(values).astype(str)[indices] for name, values in (groups or {}).items()},
        subjects=fold.subjects,
        ids=fold.ids,
        synthetic=data.synthetic,
    )


def bootstrap_interval(
    correct: ArrayLike, subjects: ArrayLike, *, seed: int = 0, num_resamples: int = 2000
) -> tuple[float, float]:
    """95 % interval of an accuracy, resampling whole subjects.

    Parameters
    ----------
    correct : array_like, shape (N,), bool
    subjects : array_like, shape (N,), str
    seed, num_resamples : int

    Returns
    -------
    low, high : float
        (0, 1) when there is only one subject: one says nothing about others.

    Raises
    ------
    ValueError
        If there is no example or the lengths differ.
    """
    values = _resampled_means(np.asarray(correct, np.float64), subjects, seed, num_resamples)
    return (0.0, 1.0) if values is None else _interval(values)


def paired_bootstrap(
    correct_a: ArrayLike,
    correct_b: ArrayLike,
    subjects: ArrayLike,
    *,
    seed: int = 0,
    num_resamples: int = 2000,
) -> PairedDifference:
    """Compare two models on the same examples, resampling whole subjects.

    Parameters
    ----------
    correct_a, correct_b : array_like, shape (N,), bool
        Whether each model is right, the same example in the same row. Challenger first, incumbent second.
    subjects : array_like, shape (N,), str
    seed, num_resamples : int

    Returns
    -------
    difference : PairedDifference
        With a single subject the interval is (-1, 1) and p is 1.

    Raises
    ------
    ValueError
        If there is no example or the lengths differ.
    """
    a, b = np.asarray(correct_a, np.float64), np.asarray(correct_b, np.float64)
    if a.shape != b.shape:
        msg = f"correct_a has shape {a.shape}, correct_b {b.shape}; expected the same examples in both"
        raise ValueError(msg)
    values = _resampled_means(a - b, subjects, seed, num_resamples)
    difference = float(np.mean(a - b))
    if values is None:
        return PairedDifference(difference, -1.0, 1.0, 1.0)
    # One is added to both counts, so that p is never 0 with finitely many resamples.
    tail = 1 + min(int((values <= 0).sum()), int((values >= 0).sum()))
    return PairedDifference(difference, *_interval(values), min(1.0, 2.0 * tail / (num_resamples + 1)))


def _resampled_means(
    values: NDArray[np.float64], subjects: ArrayLike, seed: int, num_resamples: int
) -> NDArray[np.float64] | None:
    """Mean of `values` in each resample of subjects, shape (num_resamples,); None for a single subject."""
    subject_of = np.asarray(subjects).astype(str)
    if len(values) == 0 or values.shape != subject_of.shape:
        msg = (
            f"values have shape {values.shape}, subjects {subject_of.shape}; expected a subject per example "
            "and at least one example"
        )
        raise ValueError(msg)
    names, rows = np.unique(subject_of, return_inverse=True)
    if len(names) == 1:
        return None
    sums = np.bincount(rows, weights=values)
    sizes = np.bincount(rows)
    draws = np.random.default_rng(seed).multinomial(
        len(names), np.full(len(names), 1.0 / len(names)), size=num_resamples
    )  # how often each subject is drawn, (num_resamples, subjects)
    return (draws @ sums) / (draws @ sizes)


def _interval(values: NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.quantile(values, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return float(low), float(high)
