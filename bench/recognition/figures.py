"""Rows of tables: shares right over seeds, with intervals over performers.

Belongs here: the form of a figure. Stays out: who answered what (``bench.recognition.run``,
``bench.recognition.comparison``).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from apexline.ml import bootstrap_interval
from apexline.ml.evaluation import balanced_accuracy, expected_calibration_error, risk_at_coverage

Rows = list[dict[str, Any]]
COVERAGE = 0.8


def figure(
    on: str, method: str, answers: list[NDArray[np.intp]], truth: NDArray[Any], **more: Any
) -> dict[str, Any]:
    """Mean over seeds, and the least and largest of them."""
    accuracy = [float((each == truth).mean()) for each in answers]
    balanced = [balanced_accuracy(each, truth) for each in answers]
    return {
        "on": on,
        "method": method,
        "images": len(truth),
        "accuracy": float(np.mean(accuracy)),
        "balanced": float(np.mean(balanced)),
        "seeds": len(answers),
        "accuracy, least..largest": f"{min(accuracy):.3f}..{max(accuracy):.3f}",
        "balanced, least..largest": f"{min(balanced):.3f}..{max(balanced):.3f}",
        **more,
    }


def reliance(confidence: NDArray[np.floating], right: NDArray[np.bool_]) -> dict[str, float]:
    """Calibration error, and the error of all and of the most confident `COVERAGE` of answers, shape (N,) each."""
    return {
        "ECE": expected_calibration_error(confidence, right),
        "error, all answered": float(1 - right.mean()),
        "error, 80 % answered": risk_at_coverage(confidence, right, coverage=COVERAGE),
    }


def interval(
    answers: list[NDArray[np.intp]], truth: NDArray[np.intp], performers: NDArray[np.str_]
) -> dict[str, str]:
    """Interval of the accuracy, mean over seeds, as the last column of a figure."""
    low, high = bootstrap_interval(np.mean([each == truth for each in answers], axis=0), performers)
    return {"95 %, performers": f"{low:.3f}..{high:.3f}"}
