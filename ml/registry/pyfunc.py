"""How a model is stored for serving: an MLflow pyfunc with its signature, input example and requirements.

Belongs here: what ``mlflow models serve`` reads beside the checkpoint. Stays out: runs and versions
(``ml.registry.client``), the columns themselves (``ml.registry.request``), the code that answers (the loader
module, which the registry is given by name).
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from importlib.metadata import version as distribution_version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from apexline.ml.datasets import INPUT_SIZE
from apexline.ml.registry.lazy import import_mlflow, mlflow_warnings_ignored

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.models import ModelSignature

    from apexline.ml.deepid import ExpressionModel

_REQUIREMENTS = ("apexline", "onnxruntime", "numpy", "pandas", "opencv-python")


def log_model(model: ExpressionModel, parameters: Mapping[str, Any], *, loader_module: str) -> str:
    """Log the checkpoint as a pyfunc of the active run.

    Parameters
    ----------
    model : ExpressionModel
    parameters : mapping
        As in `ml.registry.client.ModelRegistry.log_version`.
    loader_module : str
        As `ml.registry.client.ModelRegistry` was given it.

    Returns
    -------
    model_id : str
        MLflow's own, ``m-...``.
    """
    from apexline.ml.registry.request import FEATURES_FILE

    mlflow = import_mlflow()
    with tempfile.TemporaryDirectory() as folder, mlflow_warnings_ignored():
        checkpoint = Path(folder) / "checkpoint"
        model.save(checkpoint)
        described = json.dumps(parameters.get("features", {}), indent=1)  # JSON is YAML
        (checkpoint / FEATURES_FILE).write_text(described, encoding="utf-8")
        info = mlflow.pyfunc.log_model(
            name="model",
            loader_module=loader_module,
            data_path=str(checkpoint),
            signature=_signature(),
            input_example=_input_example(),
            pip_requirements=[f"{name}=={distribution_version(name)}" for name in _REQUIREMENTS],
        )
    return str(info.model_id)


def _input_example() -> pd.DataFrame:
    """Two drawn inputs: a person's face in the registry would outlive the erasure of that person's clips."""
    import pandas as pd  # half a second to import, which answering can do without

    ramp = np.add.outer(np.arange(INPUT_SIZE), np.arange(INPUT_SIZE)).astype(np.uint8)
    return pd.DataFrame({"image": [ramp.tolist(), (2 * ramp).tolist()], "aligned": True})


def _signature() -> ModelSignature:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema, TensorSpec
    from mlflow.types.schema import AnyType, Array

    from apexline.ml.registry.request import LISTS, NUMBERS, PLACES, WORDS

    # Any: a picture comes as an array, as nested lists, as bytes or as base64, which no one MLflow type takes.
    inputs: list[ColSpec | TensorSpec] = [
        ColSpec(AnyType(), "image", required=False),
        ColSpec(DataType.string, "clip", required=False),
        ColSpec(AnyType(), "onset", required=False),
        ColSpec(DataType.boolean, "aligned", required=False),
    ]
    outputs: list[ColSpec | TensorSpec] = [
        ColSpec(DataType.long, "row"),
        ColSpec(DataType.boolean, "abstained"),
    ]
    outputs += [ColSpec(DataType.string, name) for name in WORDS]
    outputs += [ColSpec(DataType.string, "track", required=False)]
    outputs += [ColSpec(DataType.double, name, required=False) for name in PLACES]
    outputs += [ColSpec(DataType.double, name) for name in NUMBERS]
    outputs += [ColSpec(Array(DataType.string), name) for name in LISTS]
    return ModelSignature(inputs=Schema(inputs), outputs=Schema(outputs))
