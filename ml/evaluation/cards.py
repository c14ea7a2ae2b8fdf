"""What a reader has to know of a model and of its data, in Markdown.

Belongs here: what model card [1]_ and data sheet [2]_ (``templates``) show, gathered from what was measured. Stays
out: measuring, storing.

References
----------
.. [1] Mitchell et al. (2019). Model cards for model reporting. FAT*.
.. [2] Gebru et al. (2021). Datasheets for datasets. Communications of the ACM.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from apexline.ml.datasets import FOLDS, ExpressionDataset, Split
from apexline.ml.emotions import EMOTIONS
from apexline.ml.evaluation.calibration import COVERAGE, NUM_BINS
from apexline.ml.evaluation.markdown import markdown_pages
from apexline.ml.evaluation.recognition import Evaluation
from apexline.ml.evaluation.slices import MIN_COUNT, light_groups, slice_scores, worst_slice

if TYPE_CHECKING:
    from apexline.ml.deepid import ExpressionModel

INTENDED_USES: tuple[str, ...] = (
    "Describing the apparent expression of a face, at a moment that a spotter found, as one of four classes and as a "
    "point in pleasure, arousal and dominance, for research on expression in video and for a person who reviews it.",
    "Comparing recordings as a whole: how often an apparent expression occurs, with the model's errors stated.",
)
EXCLUDED_USES: tuple[str, ...] = (
    "Identifying, verifying, re-identifying or following a person: nothing here is made for it or tested for it.",
    "Claims about what a person feels, thinks, intends or is like: an expression that is seen is no feeling that is "
    "had. People smile without joy and fear without showing it; customs and faces differ.",
    "Decisions about a person in employment, education, policing, border control, justice, credit, insurance, housing "
    "or health care, and anything that leads to one (ranking, flagging, risk scores, lie detection).",
    "Sorting people by sex, age, ethnicity, disability, religion, politics or sexual orientation.",
    "Acting on an answer without a person who looks at the face, and on an abstention at all.",
    "Inferring emotions at the workplace or in schools, which the EU's AI Act forbids (article 5(1)(f)).",
)
_MOST_SLICES = 10
_LIMIT_UNITS: Mapping[str, tuple[str, str]] = {
    "min_face_px": ("px of the frame", "stated"),
    "min_blur": ("grey^2, variance of the Laplacian", "stated"),
    "max_yaw": ("nose offset over eye distance", "stated"),
    "max_roll_deg": ("degrees", "stated"),
    "min_track_s": ("s", "stated"),
    "min_confidence": ("probability", "learned: `coverage` of the validation faces reach it"),
    "max_distance": (
        "deviations of the training faces",
        "learned: `typical` of the validation faces lie within",
    ),
}


def model_facts(
    model: ExpressionModel, evaluation: Evaluation, *, parameters: Mapping[str, Any]
) -> dict[str, Any]:
    """Gather what the card of a trained model says.

    Parameters
    ----------
    model : ExpressionModel
    evaluation : Evaluation
        On the test fold, with the groups that its slices are to tell apart.
    parameters : mapping
        What else it was trained with, by name; short values.

    Returns
    -------
    dict
        JSON values, for `model_card`; each number that the card shows is one of them.
    """
    slices = slice_scores(evaluation)
    limits = model.limits.described()
    return {
        "model": {
            "version": model.version,
            "num_weights": model.network.num_parameters,
            "architecture": model.network.architecture,
            "code_version": model.code_version,
            "feature_version": model.feature_version,
            "seed": model.seed,
            "split_hash": model.split_hash,
            "pad_space_hash": model.pad_space_hash,
            "temperature": model.temperature,
        },
        "parameters": dict(parameters),
        "synthetic": evaluation.synthetic,
        "num_faces": len(evaluation.target),
        "num_subjects": len(np.unique(evaluation.subjects)),
        "metrics": dict(evaluation.metrics()),
        "scores": _performance(evaluation.metrics()),
        "worst": worst_slice(slices),
        "min_count": MIN_COUNT,
        "most_slices": _MOST_SLICES,
        "slices": slices.groupby("dimension", sort=False).head(_MOST_SLICES).to_dict("records"),
        "limits": limits,
        "limit_rows": [
            {"limit": name, "value": limits[name], "unit": unit, "where it comes from": origin}
            for name, (unit, origin) in _LIMIT_UNITS.items()
        ],
    }


def model_card(facts: Mapping[str, Any]) -> str:
    """Write the card of a trained model, Markdown, from its `model_facts`."""
    return _page("model_card", **facts, intended_uses=INTENDED_USES)


def shipped_card(card: Mapping[str, Any]) -> str:
    """Write the card of the model that ships with the package, from what was stored beside its weights."""
    scores = {name: value for name, value in card["metrics"].items() if isinstance(value, int | float)}
    return _page(
        "shipped_card",
        card=card,
        scores=[{"score": name, "value": value} for name, value in scores.items()],
        intended_uses=card["intended_uses"],
        excluded_uses=card["excluded_uses"],
    )


def shipped_sheet(card: Mapping[str, Any], *, split_hash: str) -> str:
    """Write the data sheet of the model that ships with the package, from what was stored beside its weights."""
    counts = pd.DataFrame({"fold": card["examples"].keys(), "faces": card["examples"].values()})
    return _page("shipped_sheet", card=card, counts=counts, split_hash=split_hash)


def shipped_slices(card: Mapping[str, Any]) -> pd.DataFrame:
    """Return the groups that the shipped model's card tells apart: by expression, the share that is right."""
    recall = card["metrics"]["recall"]
    return pd.DataFrame({"dimension": "expression", "slice": recall.keys(), "accuracy": recall.values()})


def data_facts(
    data: ExpressionDataset, split: Split, *, groups: Mapping[str, Sequence[str]] | None = None
) -> dict[str, Any]:
    """Gather what the data sheet of a training set says.

    Parameters
    ----------
    data : ExpressionDataset
    split : Split
    groups : mapping of str to sequence of str, length N, optional
        Groups of the examples by dimension, such as ``source``; light is told from the faces.

    Returns
    -------
    dict
        JSON values, for `data_sheet`.
    """
    folds = {name: getattr(split, name) for name in FOLDS}
    counts = [
        {
            "fold": name,
            "subjects": len(np.unique(data.subjects[rows])),
            **{emotion: int((data.targets[rows] == k).sum()) for k, emotion in enumerate(EMOTIONS)},
            "rated PAD": int((~np.isnan(data.pad[rows]).any(axis=1)).sum()),
            "with motion": int(data.flow_mask[rows].sum()),
        }
        for name, rows in folds.items()
    ]
    dimensions = {"light": light_groups(data.images), **(groups or {})}
    shares = [
        {
            "dimension": dimension,
            "slice": str(value),
            **{name: int((np.asarray(values)[rows] == value).sum()) for name, rows in folds.items()},
        }
        for dimension, values in dimensions.items()
        for value in np.unique(np.asarray(values))
    ]
    return {
        "synthetic": data.synthetic,
        "num_faces": len(data),
        "soft": float((data.labels.max(axis=1) < 1).mean()),
        "split_hash": split.split_hash,
        "counts": counts,
        "shares": shares,
    }


def data_sheet(facts: Mapping[str, Any]) -> str:
    """Write the data sheet of a training set, Markdown, from its `data_facts`."""
    return _page("data_sheet", **facts)


def _page(name: str, **shown: Any) -> str:
    """Fill a template; without the newline at its end, as cards are stored."""
    template = markdown_pages("apexline.ml", _three_digits, missing="–").get_template(f"{name}.md.j2")
    page = template.render({"emotions": ", ".join(EMOTIONS), "excluded_uses": EXCLUDED_USES, **shown})
    return page.removesuffix("\n")


def _performance(scores: Mapping[str, float]) -> list[dict[str, Any]]:
    def between(name: str) -> str:
        return f"{scores[name]:.3f} ({scores[f'{name}_low']:.3f} to {scores[f'{name}_high']:.3f})"

    rows: list[tuple[str, Any]] = [
        ("accuracy of the expression class (recognition)", between("recognition")),
        ("accuracy after the semantic mapping (classification)", between("classification")),
        ("cross-entropy, nat", scores["loss"]),
        (
            f"expected calibration error, {NUM_BINS} bins of equal width",
            scores["calibration_error"],
        ),
        ("error of all", 1 - scores["recognition"]),
        (f"error of the most confident {COVERAGE:.0%}", scores["error_at_80"]),
        ("share answered (not abstained)", scores["coverage"]),
        ("error of those answered", scores["answered_error"]),
    ]
    return [{"measure": measure, "test": value} for measure, value in rows]


def _three_digits(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
