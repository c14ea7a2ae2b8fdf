"""Test scores with intervals that respect subjects.

Belongs here: accuracies and confusion of a classifier. Stays out: training, plots, the bootstrap
(``ml.bootstrap``), groups of faces (``ml.evaluation.slices``), spotting (``ml.spotting_metrics.matching``), the
decision to promote (assets).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from apexline.ml.bootstrap import bootstrap_interval
from apexline.ml.datasets import ExpressionDataset
from apexline.ml.emotions import EMOTIONS, PAD_AXES
from apexline.ml.evaluation.calibration import COVERAGE, expected_calibration_error, risk_at_coverage

if TYPE_CHECKING:
    from apexline.ml.deepid import ExpressionModel


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

    def confusion_table(self) -> pd.DataFrame:
        """Confusion with its labels: a row per target, a column per answer."""
        return pd.DataFrame(self.confusion, index=pd.Index(EMOTIONS, name="target"), columns=list(EMOTIONS))


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
        Groups of all M examples of `data` by dimension; ``ml.evaluation.slices`` compares them.
    quality : mapping of str to array_like, shape (M,), optional
        Measures of all M faces, as `ml.deepid.abstention.Limits.reasons` takes them.

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
    # Half a second to import, which answering can do without.
    from sklearn.metrics import confusion_matrix

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
