"""Which examples a registered version was trained, stopped and tested on.

Belongs here: the list that a training run leaves in MLflow, written and read, and the digests of its folds. Stays
out: whose examples they are, and taking them off the list when a clip is erased (``orchestration.erasure``).
"""

from __future__ import annotations

import csv
import hashlib
import io
from pathlib import Path
from typing import TYPE_CHECKING

from apexline.ml.datasets import ExpressionDataset, Split
from apexline.ml.registry.lazy import import_mlflow

if TYPE_CHECKING:
    from mlflow.data.dataset import Dataset
    from mlflow.tracking import MlflowClient

LEARNED_FROM = "learned_from.csv"
# Tag of a version that learned from something which was erased since.
TAINTED = "learned_from_erased"


def fold_dataset(data: ExpressionDataset, split: Split, fold: str) -> Dataset:
    """Describe a fold: digest and shapes, not the faces."""
    from mlflow.data.code_dataset_source import CodeDatasetSource

    part = data.take(getattr(split, fold))
    features = {"image": part.images, "texture": part.texture, "flow": part.flow}
    targets = {"label": part.labels, "pad": part.pad}
    digest = hashlib.sha256()
    for array in (*features.values(), *targets.values(), part.ids):
        digest.update(array.tobytes())
    return import_mlflow().data.from_numpy(
        features,
        targets=targets,
        source=CodeDatasetSource(tags={"lake_table": "training_set", "fold": fold}),
        name=f"training_set-{fold}" + ("-synthetic" if data.synthetic else ""),
        digest=digest.hexdigest()[:16],
    )


def examples_csv(data: ExpressionDataset, split: Split) -> str:
    """Return a table of the examples' ids and their folds, as it is kept with a run."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["example_id", "fold"])
    writer.writerows(zip(data.ids.tolist(), split.folds.tolist(), strict=True))
    return text.getvalue()


def learned_examples(client: MlflowClient, run_id: str) -> dict[str, str] | None:
    """Return the fold of every example of a run; None for a run from before they were kept."""
    if not any(each.path == LEARNED_FROM for each in client.list_artifacts(run_id)):
        return None
    with Path(client.download_artifacts(run_id, LEARNED_FROM)).open(newline="", encoding="utf-8") as file:
        return {row["example_id"]: row["fold"] for row in csv.DictReader(file)}
