"""Runs of `bench.recognition.trainings` on disk, one folder each.

Belongs here: how a folder is named by what its run depends on, its files. Stays out: what is trained.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file

from apexline.ml.deepid import DeepID

CODE_VERSION = "5"

Arrays = dict[str, NDArray[Any]]


def run_folder(cache: Path, *parts: Any) -> Path:
    """Folder of a run, named by a digest of everything that it depends on."""
    made = hashlib.sha256(f"{CODE_VERSION} {torch.__version__}".encode())
    for part in parts:
        data = part.tobytes() if isinstance(part, np.ndarray) else json.dumps(part, sort_keys=True).encode()
        made.update(data)
    return cache / "runs" / f"{parts[0]}-{made.hexdigest()[:16]}".replace(" ", "-")


def words_of_run(folder: Path) -> Path:
    """File that `save_words` writes."""
    return folder / "words.safetensors"


def save_words(network: DeepID, folder: Path) -> None:
    """Write a run's network with all of its words, in half precision, as `features.expression` reads it."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file(_halved(network), words_of_run(folder))


def save_answers(folder: Path, answers: Arrays) -> None:
    """Write the answers last: they mark the run as done."""
    folder.mkdir(parents=True, exist_ok=True)
    aside = folder / "answers.part.npz"
    np.savez(aside, allow_pickle=False, **answers)
    aside.replace(folder / "answers.npz")


def load_answers(folder: Path) -> Arrays:
    """Read what `save_answers` wrote."""
    with np.load(folder / "answers.npz", allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def _halved(network: DeepID) -> dict[str, NDArray[np.float16]]:
    return {
        name: np.ascontiguousarray(value.numpy().astype(np.float16))
        for name, value in network.state_dict().items()
        if value.is_floating_point()
    }
