"""Rows of tables: shares right over seeds, with intervals over performers.

Belongs here: the form of a figure. Stays out: who answered what (``bench.recognition.run``,
``bench.recognition.comparison``).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from apexline.ml import bootstrap_interval
from apexline.ml.evaluation import balanced_accuracy

Rows = list[dict[str, Any]]


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


def interval(
    answers: list[NDArray[np.intp]], truth: NDArray[np.intp], performers: NDArray[np.str_]
) -> dict[str, str]:
    """Interval of the accuracy, mean over seeds, as the last column of a figure."""
    low, high = bootstrap_interval(np.mean([each == truth for each in answers], axis=0), performers)
    return {"95 %, performers": f"{low:.3f}..{high:.3f}"}
