"""The model that ships with the package: trained on FER2013's faces with FER+'s votes and FER2013's labels.

Belongs here: its two files, weights as safetensors in half precision and a card as JSON, and reading them; no pickle.
Stays out: training it (``bench.recognition.ship``) and registering it (``ml.registry.client``).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load, save_file

from apexline.ml.deepid.model import ExpressionModel

DATA = Path(__file__).resolve().parents[1] / "data"
_NAME = "expression_ferplus"
# Halves keep the files small; what calibrates answers keeps its precision.
_HALF_PRECISION = "network."


@dataclass(frozen=True, eq=False)
class Pretrained:
    """A shipped model.

    Parameters
    ----------
    model : ExpressionModel
    card : mapping
        What a user has to know, JSON values: training command, data, metrics, uses.
    fingerprint : str
        SHA-256 of both files.
    """

    model: ExpressionModel
    card: Mapping[str, Any]
    fingerprint: str


def save_pretrained(model: ExpressionModel, card: Mapping[str, Any], folder: Path = DATA) -> list[Path]:
    """Write ``expression_ferplus.safetensors`` and ``expression_ferplus.json``.

    Parameters
    ----------
    model : ExpressionModel
        Its weights are rounded to half precision; judge what `load_pretrained` gives.
    card : mapping
        JSON values.
    folder : Path

    Returns
    -------
    paths : list of Path
        Weights, card.
    """
    folder.mkdir(parents=True, exist_ok=True)
    described, arrays = model.to_state()
    halved = {
        name: np.ascontiguousarray(
            value.astype(np.float16)
            if name.startswith(_HALF_PRECISION) and value.dtype == np.float32
            else value
        )
        for name, value in arrays.items()
    }
    weights, text = folder / f"{_NAME}.safetensors", folder / f"{_NAME}.json"
    save_file(halved, weights)
    text.write_text(json.dumps({"card": card, "model": described}, indent=1) + "\n", encoding="utf-8")
    return [weights, text]


def load_pretrained(folder: Path = DATA) -> Pretrained:
    """Read the shipped model.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    pretrained : Pretrained

    Raises
    ------
    FileNotFoundError
        If the files are not there.
    ValueError
        If they were written in another format or for other emotions.

    Examples
    --------
    >>> import numpy as np
    >>> from apexline.ml.deepid import load_pretrained
    >>> model = load_pretrained().model
    >>> predictions = model.predict(np.full((1, 48, 48), 128, np.uint8))
    >>> predictions.probabilities.shape, predictions.pad.shape
    ((1, 4), (1, 3))
    """
    path = folder / f"{_NAME}.json"
    if not path.exists():
        msg = f"{path} is missing; reinstall the package, or make it by `python -m apexline.bench.recognition.ship`"
        raise FileNotFoundError(msg)
    text, weights = path.read_bytes(), (folder / f"{_NAME}.safetensors").read_bytes()
    stored = json.loads(text)
    arrays = {
        name: value.astype(np.float32) if value.dtype == np.float16 else value
        for name, value in load(weights).items()
    }
    model = ExpressionModel.from_state(stored["model"], arrays, source=path)
    return Pretrained(model, stored["card"], hashlib.sha256(text + weights).hexdigest())
