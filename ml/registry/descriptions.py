"""What MLflow shows in words beside experiment, model, runs and versions.

Belongs here: sentences, tags that a model knows, and the names under which scores of all versions are compared. Stays
out: cards and data sheets (``ml.evaluation``), runs and versions themselves (``ml.registry.client``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from apexline.ml.deepid import ExpressionModel

MODEL_CARD, DATA_SHEET = "model_card.md", "data_sheet.md"
# What card and sheet say, by page, as JSON: each number in their prose is one of these.
FACTS = "facts.json"
FAIRNESS = "fairness.json"  # how a version does by people who consented to be tested on, by group
# What an evaluation calls what the shipped model's card has under another name.
_CARD_NAMES = {"accuracy": "recognition", "expected_calibration_error": "calibration_error"}
ABOUT_EXPERIMENT = (
    "Trainings of the three versions, and the model that ships: which is champion says the alias."
)
ABOUT_MODEL = (
    "Names the apparent expression of a face (happy, angry, calm, scared, or another one), never what is felt and "
    "never who it is. The card of a version says what it learned from, how well it does, and what it is not for."
)
EXPERIMENT_KIND, NOTE = "mlflow.experimentKind", "mlflow.note.content"
MODEL_TRAINING = "custom_model_development"  # else MLflow opens the experiment as one of prompts and traces


def about_version(version: str, *, synthetic: bool, scores: Mapping[str, float]) -> str:
    """Describe a version in a sentence, as MLflow shows it beside the run and the version."""
    faces = "drawn faces (synthetic)" if synthetic else "real faces"
    right = scores["recognition"]
    return (
        f"DeepID, {version}, learned from {faces}: right of {right:.3f} of the test faces. See {MODEL_CARD}."
    )


def card_scores(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers of the shipped model's card, also by the names that an evaluation gives them."""
    scores = {name: float(value) for name, value in metrics.items() if isinstance(value, int | float)}
    scores |= {name: scores[own] for own, name in _CARD_NAMES.items()}
    scores["recognition_low"], scores["recognition_high"] = metrics["accuracy_95"]
    return scores


def own_tags(model: ExpressionModel, *, synthetic: bool) -> dict[str, str]:
    """Tags that a model knows itself."""
    return {
        "version": model.version,
        "feature_version": model.feature_version,
        "split_hash": model.split_hash,
        "pad_space_hash": model.pad_space_hash,
        "synthetic": str(synthetic).lower(),
    }
