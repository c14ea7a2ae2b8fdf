"""What every DeepID network computes of a face before it answers anything (Fig. 3 and eq. 25 of [1]_).

Belongs here: the four convolutions and the bypass, from weights that were learned. Stays out: learning them
(``ml.deepid``), and what is read out of the sum (``features.expression``, ``ml.deepid``).

torch takes seconds to import and computes one face at a time in twice the time.

.. [1] Li, Zhou, Liu, Sun, Chen, Xue (2021). Traitement du Signal 38(2), doi:10.18280/ts.380213.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from apexline.networks.session import Session

Floats = NDArray[np.float32]

# Below this standard deviation (grey values) an image is flat; standardising it would only amplify noise.
_MIN_CONTRAST = 4.0
_NUM_POOLED = 3
# What ONNX Runtime 1.20 and all later ones read.
_OPSET, _IR_VERSION = 17, 8
_NORM_PARTS = ("weight", "bias", "running_mean", "running_var")


class Trunk:
    """The layers of an `ml.deepid.DeepID` up to the sum of eq. 25.

    Parameters
    ----------
    weights : mapping of str to ndarray
        Its weights by their names there; others are not looked at.
    """

    def __init__(self, weights: Mapping[str, NDArray[Any]]) -> None:
        self._session = Session(_graph(weights).SerializeToString(), ["total", "maps"])
        self._units, self._channels = len(weights["from_pool3.weight"]), len(weights["conv3.weight"])
        self._side = round((weights["from_pool3.weight"].shape[1] / self._channels) ** 0.5)

    def __call__(self, faces: Floats) -> tuple[Floats, Floats]:
        """Compute the sum of eq. 25 and the maps that its first term reads.

        Parameters
        ----------
        faces : ndarray, shape (N, S, S), float32
            As `standardise` makes them.

        Returns
        -------
        total : ndarray, shape (N, 160), float32
            ``W1 vec(pool3) + W2 vec(conv4) + b``.
        maps : ndarray, shape (N, C, M, M), float32
            The third pooled maps, rectified.
        """
        total = np.empty((len(faces), self._units), np.float32)
        maps = np.empty((len(faces), self._channels, self._side, self._side), np.float32)
        # Face by face: a product of another size may round otherwise, and is no faster.
        for k, face in enumerate(faces):
            total[k], maps[k] = self._session(face[None, None])
        return total, maps


def standardise(images: NDArray[Any]) -> Floats:
    """Turn grey faces into network inputs of zero mean and unit deviation each.

    Parameters
    ----------
    images : ndarray, shape (N, S, S)
        Grey values.

    Returns
    -------
    faces : ndarray, shape (N, S, S), float32
        A flat image becomes zeros.
    """
    grey = images.astype(np.float32, copy=False)
    centred = grey - grey.mean(axis=(1, 2), keepdims=True, dtype=np.float32)
    deviation = np.sqrt(np.square(centred).mean(axis=(1, 2), keepdims=True, dtype=np.float32))
    return centred / np.maximum(deviation, np.float32(_MIN_CONTRAST))


def _graph(weights: Mapping[str, NDArray[Any]]) -> onnx.ModelProto:
    """The trunk as an ONNX model: ``face`` (1, 1, S, S) to ``total`` (1, 160) and ``maps`` (1, C, M, M)."""
    build = _Builder()
    maps = "face"
    for number in range(_NUM_POOLED):
        maps = build.convolution(maps, weights, number)
        # relu(pool(x)) equals pool(relu(x)) and rectifies a quarter of the pixels.
        maps = build.add("MaxPool", [maps], kernel_shape=[2, 2], strides=[2, 2])
        maps = build.add("Relu", [build.norm(maps, weights, number)])
    # each position with kernels of its own, where the fourth convolution has them: (P, C_out, K * K * C_in)
    unshared = weights["conv4.weight"].ndim == 3
    convolved = build.unshared(maps, weights) if unshared else build.convolution(maps, weights, _NUM_POOLED)
    top = build.add("Relu", [build.norm(convolved, weights, _NUM_POOLED)])
    first = build.product(maps, weights["from_pool3.weight"], weights["from_pool3.bias"])
    second = build.product(top, weights["from_conv4.weight"])
    build.add("Identity", [maps], output="maps")
    build.add("Add", [first, second], output="total")
    return build.model()


class _Builder:
    """Nodes and constants of a graph, each under a name of its own."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def model(self) -> onnx.ModelProto:
        """The graph of what was added, from ``face`` to ``total`` and ``maps``."""
        face, *answers = (
            helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [None] * rank)
            for name, rank in (("face", 4), ("total", 2), ("maps", 4))
        )
        graph = helper.make_graph(self._nodes, "trunk", [face], answers, self._constants)
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)])
        made.ir_version = _IR_VERSION
        return made

    def add(self, operator: str, inputs: list[str], *, output: str = "", **attributes: Any) -> str:
        """Add a node, and return the name of what it gives."""
        output = output or f"{operator}{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def constant(self, values: NDArray[Any]) -> str:
        """Add values, floats as single precision, and return their name."""
        name = f"constant{len(self._constants)}"
        kept = values.astype(np.float32) if values.dtype.kind == "f" else values
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(kept), name))
        return name

    def convolution(self, maps: str, weights: Mapping[str, NDArray[Any]], number: int) -> str:
        """Valid convolution."""
        named = (weights[f"conv{number + 1}.{part}"] for part in ("weight", "bias"))
        return self.add("Conv", [maps, *map(self.constant, named)])

    def unshared(self, maps: str, weights: Mapping[str, NDArray[Any]]) -> str:
        """Fourth convolution with kernels of its own at each position."""
        kernels, bias = weights["conv4.weight"], weights["conv4.bias"]
        side, channels = round(len(kernels) ** 0.5), weights["conv3.weight"].shape[0]
        reach = round((kernels.shape[2] / channels) ** 0.5)
        columns: list[str] = []
        for position in range(len(kernels)):
            first = np.array(divmod(position, side))
            corners = (self.constant(each) for each in (first, first + reach, np.array([2, 3])))
            patch = self.add("Slice", [maps, *corners])
            column = self.product(patch, kernels[position], bias[:, position])
            columns.append(self.add("Unsqueeze", [column, self.constant(np.array([2]))]))
        joined = self.add("Concat", columns, axis=2)
        return self.add("Reshape", [joined, self.constant(np.array([0, 0, side, side]))])

    def norm(self, maps: str, weights: Mapping[str, NDArray[Any]], number: int) -> str:
        """Batch normalisation as it was learned, where there is one."""
        if f"norms.{number}.weight" not in weights:
            return maps
        parts = (self.constant(weights[f"norms.{number}.{part}"]) for part in _NORM_PARTS)
        return self.add("BatchNormalization", [maps, *parts])

    def product(self, maps: str, weight: NDArray[Any], bias: NDArray[Any] | None = None) -> str:
        """Matrix product with flattened maps."""
        terms = [self.constant(each) for each in (weight.T, bias) if each is not None]
        return self.add("Gemm", [self.add("Flatten", [maps]), *terms])
