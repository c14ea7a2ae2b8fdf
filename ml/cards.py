"""What a reader has to know of a model and of its data, in Markdown.

Belongs here: model card [1]_ and data sheet [2]_, written from what was measured. Stays out: measuring, storing.

References
----------
.. [1] Mitchell et al. (2019). Model cards for model reporting. FAT*.
.. [2] Gebru et al. (2021). Datasheets for datasets. Communications of the ACM.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ml.calibration import COVERAGE, NUM_BINS
from ml.datasets import EMOTIONS, ExpressionDataset
from ml.evaluate import Evaluation
from ml.expression_model import ExpressionModel
from ml.markdown import markdown_table
from ml.slices import MIN_COUNT, light_groups, slice_scores, worst_slice
from ml.splits import FOLDS, Split

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


def model_card(model: ExpressionModel, evaluation: Evaluation, *, parameters: Mapping[str, Any]) -> str:
    """Write the card of a trained model.

    Parameters
    ----------
    model : ExpressionModel
    evaluation : Evaluation
        On the test fold, with the groups that its slices are to tell apart.
    parameters : mapping
        What else it was trained with, by name; short values.

    Returns
    -------
    str
        Markdown.
    """
    slices = slice_scores(evaluation)
    worst = worst_slice(slices)
    scores = evaluation.metrics()
    words = "; **every number is synthetic**: the faces are the project's own generator's"
    limits = model.limits.described()
    return "\n\n".join(
        [
            f"# Model card: apexline-expression, version `{model.version}`",
            "Names the **apparent expression** of a face: what it looks like to observers, never what a person "
            "feels, and never who a person is.",
            "## The model\n\n"
            + _listed(
                [
                    f"DeepID network (Li et al. 2021, eq. 25-27), {_num_weights(model):,} weights, "
                    f"architecture {model.network.architecture}",
                    f"input: aligned grey face, 48 x 48; classes {', '.join(EMOTIONS)}",
                    f"code {model.code_version}, features {model.feature_version or 'none'}, seed {model.seed}, "
                    f"split `{model.split_hash[:12]}`, PAD space `{model.pad_space_hash[:12] or 'norms'}`",
                    *(f"{name}: {value}" for name, value in parameters.items()),
                ]
            ),
            "## Intended uses\n\n" + _listed(INTENDED_USES),
            "## Excluded uses\n\n" + _listed(EXCLUDED_USES),
            f"## How well it does\n\n{len(evaluation.target)} faces of {len(np.unique(evaluation.subjects))} subjects "
            f"whom it never saw{words if evaluation.synthetic else ''}. Intervals: 95 %, bootstrap by subject.\n\n"
            + markdown(_performance(scores)),
            f"Confidence is the softmax at temperature {model.temperature:.2f}, fitted on the validation fold.",
            "## Where it does worst\n\n"
            + (
                f"No group has {MIN_COUNT} faces: nothing can be said of groups."
                if worst is None
                else f"Of groups with at least {MIN_COUNT} faces: {worst['dimension']} {worst['slice']}, accuracy "
                f"{worst['accuracy']:.3f} ({worst['low']:.3f} to {worst['high']:.3f}) on {worst['count']} faces."
            ),
            f"The worst {_MOST_SLICES} groups of each dimension:\n\n"
            + markdown(slices.groupby("dimension", sort=False).head(_MOST_SLICES)),
            "## When it abstains\n\nProbabilities are given all the same, with the reasons not to rely on them.\n\n"
            + markdown(
                pd.DataFrame(
                    {"limit": name, "value": limits[name], "unit": unit, "where it comes from": origin}
                    for name, (unit, origin) in _LIMIT_UNITS.items()
                )
            ),
            f"`coverage` is {limits['coverage']:g}, `typical` {limits['typical']:g}.",
        ]
    )


def shipped_card(card: Mapping[str, Any]) -> str:
    """Write the card of the model that ships with the package, from what was stored beside its weights."""
    scores = {name: value for name, value in card["metrics"].items() if isinstance(value, int | float)}
    facts = ("command", "trained_on", "examples", "chosen_on", "test", "seed", "best_epoch")
    return "\n\n".join(
        [
            "# Model card: apexline-expression, the model that ships with the package",
            str(card["title"]),
            "## The model and its data\n\n" + _listed([f"{name}: {card[name]}" for name in facts]),
            "## How well it does\n\n"
            + markdown(pd.DataFrame({"score": scores.keys(), "value": scores.values()})),
            "Recall: "
            + ", ".join(f"{name} {value:.3f}" for name, value in card["metrics"]["recall"].items()),
            "## Intended uses\n\n" + _listed(card["intended_uses"]),
            "## Excluded uses\n\n" + _listed(card["excluded_uses"]),
        ]
    )


def data_sheet(
    data: ExpressionDataset, split: Split, *, groups: Mapping[str, Sequence[str]] | None = None
) -> str:
    """Write the data sheet of a training set.

    Parameters
    ----------
    data : ExpressionDataset
    split : Split
    groups : mapping of str to sequence of str, length N, optional
        Groups of the examples by dimension, such as ``source``; light is told from the faces.

    Returns
    -------
    str
        Markdown.
    """
    folds = {name: getattr(split, name) for name in FOLDS}
    counts = pd.DataFrame(
        {
            "fold": name,
            "subjects": len(np.unique(data.subjects[rows])),
            **{emotion: int((data.targets[rows] == k).sum()) for k, emotion in enumerate(EMOTIONS)},
            "rated PAD": int((~np.isnan(data.pad[rows]).any(axis=1)).sum()),
            "with motion": int(data.flow_mask[rows].sum()),
        }
        for name, rows in folds.items()
    )
    dimensions = {"light": light_groups(data.images), **(groups or {})}
    shares = pd.DataFrame(
        {
            "dimension": dimension,
            "slice": str(value),
            **{name: int((np.asarray(values)[rows] == value).sum()) for name, rows in folds.items()},
        }
        for dimension, values in dimensions.items()
        for value in np.unique(np.asarray(values))
    )
    soft = float((data.labels.max(axis=1) < 1).mean())
    origin = (
        "Drawn by the project's own generator from one freely usable portrait: **synthetic**. It proves that the "
        "machinery works and says nothing about people."
        if data.synthetic
        else "Faces of real people. Who supplied them answers for purpose and legal basis, which every clip states."
    )
    return "\n\n".join(
        [
            "# Data sheet: training set",
            f"Aligned grey faces of 48 x 48 px, labelled with an **apparent expression** ({', '.join(EMOTIONS)}): "
            "what observers or the instruction to the performer say that the face shows, not what anybody felt.",
            f"## Where it comes from\n\n{origin}",
            f"## What it holds\n\n{len(data)} faces; {soft:.0%} with soft labels (shares of raters' votes).\n\n"
            + markdown(counts),
            markdown(shares),
            f"## How it is split\n\nBy subject: no subject is in two folds (hash `{split.split_hash[:12]}`). Weights "
            "are learned on train; stopping, temperature and limits on valid; test is read for the scores alone. Who "
            "once tested a model never trains one.",
            "## What is known to be wrong with it\n\n"
            + _listed(
                [
                    "Posed expressions are stronger and cleaner than those of daily life.",
                    "Labels are one view of many: raters disagree, and groups of raters differ.",
                    "Age, sex and skin colour of the faces are not recorded, so that nobody can be sorted by them; "
                    "fairness over them is therefore not measured here, and must be before any use on people.",
                ]
            ),
            "## Keeping and erasing\n\nSubjects are pseudonymous codes that only keep folds apart. `apexline erase` "
            "deletes a clip with its examples and says which models learned from it. The MLflow run holds digests and "
            "shapes of the data, no faces.",
            "## Not to be used for\n\n" + _listed(EXCLUDED_USES),
        ]
    )


def markdown(table: pd.DataFrame) -> str:
    """Write a table in Markdown; fractions to three digits, a dash for what is missing."""
    return markdown_table(list(table.columns), table.astype(object).to_numpy().tolist(), _cell)


def _performance(scores: Mapping[str, float]) -> pd.DataFrame:
    def between(name: str) -> str:
        return f"{scores[name]:.3f} ({scores[f'{name}_low']:.3f} to {scores[f'{name}_high']:.3f})"

    return pd.DataFrame(
        [
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
        ],
        columns=["measure", "test"],
    )


def _num_weights(model: ExpressionModel) -> int:
    return sum(weight.numel() for weight in model.network.parameters())


def _listed(lines: Sequence[str]) -> str:
    return "\n".join(f"* {line}" for line in lines)


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return "–"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
