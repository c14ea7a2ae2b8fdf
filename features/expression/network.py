"""The DeepID network that scores expression words (eq. 25 of [1]_).

Belongs here: its vocabulary, its weights, its forward pass. Stays out: what every DeepID computes (``networks``),
training it (``bench.recognition.ship``), recognition by the champion (``ml.deepid``), and what is found in its scores
(``features.spotting``).

A face's scores have the same bits whichever faces are scored with it.

.. [1] Li, Zhou, Liu, Sun, Chen, Xue (2021). Traitement du Signal 38(2), doi:10.18280/ts.380213.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from apexline.networks import Trunk, standardise

Floats = NDArray[np.float32]

WEIGHTS = Path(__file__).with_name("words.safetensors")

# What FER+'s raters call a face, then what FER2013's own labels do: the order of the network's scores.
RATERS_WORDS = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt")
LABELS_WORDS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")

# The inner 96 px of a crop hold brows to chin; each pixel of the input is the mean of four of them.
_REGION, _INPUT_SIZE = slice(16, 112), 48


class WordNetwork:
    """The network: what a face is called, as logits of `RATERS_WORDS` and `LABELS_WORDS`.

    Parameters
    ----------
    weights : mapping of str to ndarray
        Those of an `ml.deepid.DeepID` of version ``baseline``, by their names.
    """

    def __init__(self, weights: Mapping[str, NDArray[Any]]) -> None:
        self._trunk = Trunk(weights)
        self._words = np.ascontiguousarray(weights["classes.weight"].T, np.float32)
        self._bias = weights["classes.bias"].astype(np.float32)

    def __call__(self, crops: NDArray[np.uint8]) -> Floats:
        """Score words for aligned faces.

        Parameters
        ----------
        crops : ndarray, shape (N, 128, 128), uint8
            As `features.faces.align_face` makes them.

        Returns
        -------
        logits : ndarray, shape (N, W), float32
            Of all words, one vocabulary after the other.
        """
        total, _ = self._trunk(standardise(_inputs_of(crops)))
        logits = np.empty((len(crops), self._bias.size), np.float32)
        # Row by row: a product of another size may round otherwise.
        for k, hidden in enumerate(np.maximum(total, 0)):
            logits[k] = hidden @ self._words + self._bias
        return logits


@lru_cache(maxsize=1)
def shipped_network() -> WordNetwork:
    """Return the network that ships with the package.

    Raises
    ------
    FileNotFoundError
        If its weights are not there.
    """
    if not WEIGHTS.exists():
        message = (
            f"{WEIGHTS} is missing; reinstall, or make it by `python -m apexline.bench.recognition.ship`"
        )
        raise FileNotFoundError(message)
    return WordNetwork(load_file(WEIGHTS))


def _inputs_of(crops: NDArray[np.uint8]) -> Floats:
    """What is shown of crops, shape (N, 48, 48), as `ml.datasets.face_image` and training make it."""
    shown = np.empty((len(crops), _INPUT_SIZE, _INPUT_SIZE), np.float32)
    for k, crop in enumerate(crops):
        shown[k] = cv2.resize(
            crop[_REGION, _REGION], (_INPUT_SIZE, _INPUT_SIZE), interpolation=cv2.INTER_AREA
        )
    return shown
