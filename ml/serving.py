"""What MLflow loads to serve a registered model: tables in, tables out.

Belongs here: the input and output columns and the ``_load_pyfunc`` hook that MLflow's pyfunc flavor calls
(a *loader module*: code by import, weights by npz, no pickle anywhere). Stays out: MLflow itself
(``ml.registry``) and prediction (``ml.expression_model``).

Input: one row per face. ``image`` is the 48 x 48 grey face as 2304 row-major bytes (the column `image` of
the training set; ``ml.datasets.face_image(crop).tobytes()``). ``texture`` and ``flow`` are optional lists
of floats; a missing column or a null means "not observed". The network then sees zeros, which is the
training mean, and a mask bit for flow.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.datasets import EMOTIONS, INPUT_SIZE, PAD_AXES
from ml.expression_model import ExpressionModel, FeatureReducer


class ExpressionScorer:
    """Adapts `ExpressionModel` to MLflow's ``predict(table, params)``.

    Parameters
    ----------
    model : ExpressionModel
    """

    def __init__(self, model: ExpressionModel) -> None:
        self.model = model

    def predict(self, table: pd.DataFrame, params: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """Score faces.

        Parameters
        ----------
        table : DataFrame
            Columns ``image`` and, optionally, ``texture`` and ``flow``; see the module's docstring.
        params : mapping, optional
            Part of MLflow's interface; there are none.

        Returns
        -------
        scores : DataFrame
            Same index: emotion, confidence, mapped_emotion, p_happy, p_angry, p_calm, p_scared, pleasure,
            arousal, dominance.

        Raises
        ------
        ValueError
            If an image does not have 2304 bytes or a feature has another length than in training.
        """
        reducer = self.model.reducer
        features = {} if reducer is None else _features(table, reducer)
        predicted = self.model.predict(_images(table["image"].tolist()), **features)
        columns: dict[str, NDArray[Any]] = {
            "emotion": predicted.emotion,
            "confidence": predicted.confidence,
            "mapped_emotion": predicted.mapped_emotion,
        }
        columns |= {f"p_{name}": predicted.probabilities[:, i] for i, name in enumerate(EMOTIONS)}
        columns |= {name: predicted.pad[:, i] for i, name in enumerate(PAD_AXES)}
        return pd.DataFrame(columns, index=table.index)


def to_table(
    images: NDArray[np.uint8],
    texture: NDArray[np.float32] | None = None,
    flow: NDArray[np.float32] | None = None,
) -> pd.DataFrame:
    """Make the table that a registered model reads.

    Parameters
    ----------
    images : ndarray, shape (N, 48, 48), uint8
    texture : ndarray, shape (N, H), optional
    flow : ndarray, shape (N, F), optional
        NaN rows become nulls.

    Returns
    -------
    table : DataFrame
        Columns ``image`` and those of ``texture`` and ``flow`` that were given.
    """
    table = pd.DataFrame({"image": [image.tobytes() for image in images]})
    for name, values in (("texture", texture), ("flow", flow)):
        if values is not None:
            rows = [None if bool(np.isnan(row).any()) else row.tolist() for row in values]
            table[name] = pd.Series(rows, dtype=object)
    return table


def _load_pyfunc(path: str) -> ExpressionScorer:  # pyright: ignore[reportUnusedFunction] - MLflow calls it
    """Load a checkpoint folder; the name is MLflow's for a loader module's entry point."""
    return ExpressionScorer(ExpressionModel.load(Path(path)))


def _images(column: list[bytes]) -> NDArray[np.uint8]:
    size = INPUT_SIZE * INPUT_SIZE
    wrong = [len(face) for face in column if len(face) != size]
    if wrong:
        msg = f"an image has {wrong[0]} bytes, expected {size}: {INPUT_SIZE} x {INPUT_SIZE} uint8, row-major"
        raise ValueError(msg)
    return np.frombuffer(b"".join(column), np.uint8).reshape(-1, INPUT_SIZE, INPUT_SIZE)


def _features(table: pd.DataFrame, reducer: FeatureReducer) -> dict[str, NDArray[np.float32]]:
    sizes = {"texture": len(reducer.texture_mean), "flow": len(reducer.flow_mean)}
    return {
        name: _rows(name, table[name].tolist(), size)
        for name, size in sizes.items()
        if name in table and size > 0
    }


def _rows(name: str, column: list[Any], size: int) -> NDArray[np.float32]:
    """Stack lists to (N, size); null becomes a row of NaN."""
    rows = np.full((len(column), size), np.nan, np.float32)
    for row, values in zip(rows, column, strict=True):
        if not np.ndim(values):  # None, or the NaN that pandas makes of it
            continue
        if len(values) != size:
            msg = f"{name} has {len(values)} values, the model was trained on {size}; recompute the features"
            raise ValueError(msg)
        row[:] = values
    return rows
