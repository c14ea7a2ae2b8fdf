"""The DeepID network that scores expression words, computed with NumPy (eq. 25 of [1]_).

Belongs here: its vocabulary, its weights, its forward pass. Stays out: training it (``bench.recognition.ship``),
recognition by the champion (``ml.deepid``), and what is found in its scores (``features.spotting``).

Training needs torch, which takes seconds to import and which ``features`` does without: a face is four small matrix
products, which NumPy computes as fast as torch does one face at a time.

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
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from safetensors.numpy import load_file

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
        maps = _inputs(crops)
        for layer in self.layers[:3]:
            maps = _rectified(_pooled(_convolved(maps, layer)), layer)
        top = _rectified(_convolved(maps, self.layers[3]), self.layers[3])
        # (N, M, M, C) -> (N, M*M*C)
        total = maps.reshape(len(crops), -1) @ self.from_pool3 + top.reshape(len(crops), -1) @ self.from_conv4
        return np.maximum(total + self.hidden_bias, 0) @ self.words + self.word_bias


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


def _inputs(crops: NDArray[np.uint8]) -> Floats:
    """Standardised inputs, shape (N, 48, 48, 1), of crops, as `ml.datasets.face_image` and training make them."""
    size = (_INPUT_SIZE, _INPUT_SIZE)
    small = np.stack(
        [cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in crops[:, _REGION, _REGION]]
    )
    small = small.astype(np.float32)
    mean = small.mean(axis=(1, 2), keepdims=True)
    deviation = small.std(axis=(1, 2), keepdims=True)
    return ((small - mean) / np.maximum(deviation, _MIN_CONTRAST))[..., None]


def _convolved(maps: Floats, layer: _Layer) -> Floats:
    """Valid convolution of (N, M, M, C_in) to (N, M - K + 1, M - K + 1, C_out)."""
    windows = sliding_window_view(maps, (layer.side, layer.side), axis=(1, 2))  # pyright: ignore[reportArgumentType, reportCallIssue]
    num, rows, cols = windows.shape[:3]
    patches = windows.transpose(0, 1, 2, 4, 5, 3).reshape(num * rows * cols, -1)
    return (patches @ layer.kernel).reshape(num, rows, cols, -1) + layer.bias


def _pooled(maps: Floats) -> Floats:
    """Largest value of each 2 x 2 block; an odd last row and column are left out."""
    rows, cols = (side // 2 * 2 for side in maps.shape[1:3])
    even = maps[:, :rows, :cols]
    upper, lower = even[:, ::2], even[:, 1::2]
    taller = np.maximum(upper, lower)
    return np.maximum(taller[:, :, ::2], taller[:, :, 1::2])


def _rectified(maps: Floats, layer: _Layer) -> Floats:
    return np.maximum(maps * layer.gain + layer.shift, 0)


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
