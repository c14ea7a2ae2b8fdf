"""Results of spotting and training, as tables and the report take them."""

from __future__ import annotations

import pandas as pd

AREAS = pd.DataFrame(
    [("sl+flow", 0.9, 0.85, 0.94, True), ("spectral", 0.7, 0.6, 0.8, False)],
    columns=["method", "auc", "low", "high", "synthetic"],
)


def result_of(version: str, model: int, recognition: float, *, synthetic: bool = True) -> dict[str, object]:
    accuracies = {
        f"{name}{end}": recognition + shift
        for name in ("recognition", "classification")
        for end, shift in (("", 0.0), ("_low", -0.05), ("_high", 0.05))
    }
    return {"version": version, "model_version": model, "loss": 0.5, **accuracies, "synthetic": synthetic}
