"""The DeepID network that scores expression words, computed with NumPy (eq. 25 of [1]_).

Belongs here: its vocabulary, its weights, its forward pass. Stays out: training it (``bench.recognition.ship``),
recognition by the champion (``ml.deepid``), and what is found in its scores (``features.spotting``).

Training needs torch, which takes seconds to import and which ``features`` does without: a face is four small matrix
products, which NumPy computes as fast as torch does one face at a time. A face's scores have the same bits whichever
faces are scored with it.

.. [1] Li, Zhou, Liu, Sun, Chen, Xue (2021). Traitement du Signal 38(2), doi:10.18280/ts.380213.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from apexline.features.expression.compiled import copy_patches, pool_maps, rectify_maps

Floats = NDArray[np.float32]

WEIGHTS = Path(__file__).with_name("words.safetensors")

# What FER+'s raters call a face, then what FER2013's own labels do: the order of the network's scores.
RATERS_WORDS = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt")
LABELS_WORDS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")

# The inner 96 px of a crop hold brows to chin; each pixel of the input is the mean of four of them.
_REGION, _INPUT_SIZE = slice(16, 112), 48
# Grey values: a flat image is not amplified, as in training.
_MIN_CONTRAST = 4.0
_NORM_EPS = 1e-5


class _Layer(NamedTuple):
    """A valid convolution with the normalisation after it.

    Attributes
    ----------
    kernel : ndarray, shape (K * K * C_in, C_out)
    bias, gain, shift : ndarray, shape (C_out,)
    side : int
        K.
    """

    kernel: Floats
    bias: Floats
    gain: Floats
    shift: Floats
    side: int


class _Room(NamedTuple):
    """Where a layer's arrays lie, face after face.

    Attributes
    ----------
    patches : ndarray, shape (P, K * K * C_in)
    maps : ndarray, shape (M, M, C_out)
    finished : ndarray, shape (M // 2, M // 2, C_out), or (M, M, C_out) where nothing is pooled
    pooled : bool
    """

    patches: Floats
    maps: Floats
    finished: Floats
    pooled: bool


@dataclass(frozen=True, eq=False)
class WordNetwork:
    """The network: what a face is called, as logits of `RATERS_WORDS` and `LABELS_WORDS`.

    Parameters
    ----------
    layers : tuple of 4 layers
    from_pool3, from_conv4 : ndarray, shape (D, 160)
        W1 and W2 of eq. 25, for maps with their channels last.
    hidden_bias : ndarray, shape (160,)
    words, word_bias : ndarray, shapes (160, W) and (W,)
    """

    layers: tuple[_Layer, ...]
    from_pool3: Floats
    from_conv4: Floats
    hidden_bias: Floats
    words: Floats
    word_bias: Floats

    @classmethod
    def from_state(cls, state: Mapping[str, NDArray[Any]]) -> WordNetwork:
        """Take over the weights of an `ml.deepid.DeepID` of version ``baseline`` with batch norm, by their names."""
        arrays = {name: value.astype(np.float32) for name, value in state.items()}
        pool3, conv4 = (_channels_last(arrays, name) for name in ("from_pool3", "from_conv4"))
        return cls(
            layers=tuple(_layer(arrays, number) for number in range(4)),
            from_pool3=pool3,
            from_conv4=conv4,
            hidden_bias=arrays["from_pool3.bias"],
            words=np.ascontiguousarray(arrays["classes.weight"].T),
            word_bias=arrays["classes.bias"],
        )

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
        rooms = self._rooms()
        # Face by face: its maps stay in the cache, and a product of another size may round otherwise.
        scores = [self._score(crop, rooms) for crop in crops]
        return np.stack(scores) if scores else np.empty((0, self.word_bias.size), np.float32)

    def _score(self, crop: NDArray[np.uint8], rooms: list[_Room]) -> Floats:
        outputs = [_input_of(crop)]
        for layer, room in zip(self.layers, rooms, strict=True):
            copy_patches(outputs[-1], layer.side, room.patches)
            np.matmul(room.patches, layer.kernel, out=room.maps.reshape(len(room.patches), -1))
            finish = pool_maps if room.pooled else rectify_maps
            finish(room.maps, layer.bias, layer.gain, layer.shift, room.finished)
            outputs.append(room.finished)
        # (M, M, C) -> (1, M*M*C)
        pool3, conv4 = (maps.reshape(1, -1) for maps in outputs[-2:])
        total = pool3 @ self.from_pool3 + conv4 @ self.from_conv4
        return (np.maximum(total + self.hidden_bias, 0) @ self.words + self.word_bias)[0]

    def _rooms(self) -> list[_Room]:
        rooms: list[_Room] = []
        size = _INPUT_SIZE
        for number, layer in enumerate(self.layers):
            places, channels = size - layer.side + 1, len(layer.bias)
            pooled = number < len(self.layers) - 1
            size = places // 2 if pooled else places
            rooms.append(
                _Room(
                    np.empty((places * places, len(layer.kernel)), np.float32),
                    np.empty((places, places, channels), np.float32),
                    np.empty((size, size, channels), np.float32),
                    pooled,
                )
            )
        return rooms


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
    return WordNetwork.from_state(load_file(WEIGHTS))


def _input_of(crop: NDArray[np.uint8]) -> Floats:
    """Standardised input, shape (48, 48, 1), of a crop, as `ml.datasets.face_image` and training make it."""
    small = cv2.resize(
        crop[_REGION, _REGION], (_INPUT_SIZE, _INPUT_SIZE), interpolation=cv2.INTER_AREA
    ).astype(np.float32)
    centred = small - np.add.reduce(small, axis=(0, 1), keepdims=True) / np.float32(small.size)
    variance = np.add.reduce(centred * centred, axis=(0, 1), keepdims=True) / np.float32(small.size)
    standard = centred / np.maximum(np.sqrt(variance), np.float32(_MIN_CONTRAST))
    return standard.astype(np.float32, copy=False)[..., None]


def _layer(arrays: Mapping[str, Floats], number: int) -> _Layer:
    weight = arrays[f"conv{number + 1}.weight"]  # (C_out, C_in, K, K)
    norm = {
        name: arrays[f"norms.{number}.{name}"] for name in ("weight", "bias", "running_mean", "running_var")
    }
    gain = (norm["weight"] / np.sqrt(norm["running_var"] + _NORM_EPS)).astype(np.float32)
    return _Layer(
        kernel=np.ascontiguousarray(weight.transpose(2, 3, 1, 0).reshape(-1, len(weight))),
        bias=arrays[f"conv{number + 1}.bias"],
        gain=gain,
        shift=(norm["bias"] - gain * norm["running_mean"]).astype(np.float32),
        side=weight.shape[-1],
    )


def _channels_last(arrays: Mapping[str, Floats], name: str) -> Floats:
    """Weights over flattened (C, M, M) maps for maps flattened as (M, M, C), transposed."""
    weight = arrays[f"{name}.weight"]
    channels = len(arrays["conv3.weight" if name == "from_pool3" else "conv4.weight"])
    side = round((weight.shape[1] / channels) ** 0.5)
    maps = weight.reshape(len(weight), channels, side, side).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(maps.reshape(len(weight), -1).T)
