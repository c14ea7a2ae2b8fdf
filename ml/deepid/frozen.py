"""A DeepID as it answers (eq. 25-27, Fig. 3): weights that were learned, without what learned them.

Belongs here: what `ml.deepid.network.DeepID.forward` computes of a face, by ``networks`` and NumPy, and the semantic
mapping g. Stays out: learning the weights (``ml.deepid.network``, ``ml.deepid.training``), and what surrounds them in a
checkpoint (``ml.deepid.model``). torch takes seconds to import.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from apexline.networks import Trunk

Floats = NDArray[np.float32]


class FrozenOutput(NamedTuple):
    """`ml.deepid.network.DeepIDOutput` as arrays."""

    logits: Floats
    pad: Floats | None
    embedding: Floats


class FrozenDeepID:
    """The network of an `ml.deepid.network.DeepID`, which `DeepID.frozen` gives.

    Parameters
    ----------
    architecture : mapping
        The arguments of `DeepID`, JSON values.
    weights : mapping of str to ndarray
        By their names there.

    Raises
    ------
    KeyError
        If weights of the trunk are missing.
    """

    def __init__(self, architecture: Mapping[str, Any], weights: Mapping[str, NDArray[Any]]) -> None:
        self.architecture, self.weights = dict(architecture), dict(weights)
        self._trunk = Trunk(weights)

    @property
    def num_parameters(self) -> int:
        """How many numbers were learned: norms' means and the anchors were not."""
        return sum(v.size for name, v in self.weights.items() if name.endswith((".weight", ".bias")))

    def __call__(
        self,
        faces: Floats,
        texture: Floats | None = None,
        flow: Floats | None = None,
        flow_mask: Floats | None = None,
        onsets: Floats | None = None,
    ) -> FrozenOutput:
        """Compute logits and PAD.

        Parameters
        ----------
        faces : ndarray, shape (N, S, S), float32
            As `networks.standardise` makes them.
        texture, flow, flow_mask : ndarray, shapes (N, T), (N, F) and (N,), float32, optional
            As in `DeepID.forward`; absent is zeros.
        onsets : ndarray, shape (N, S, S), float32, optional
            As `faces`, read where `flow_mask` is 1. The last four are ignored by ``baseline``.
        """
        total, maps = self._trunk(faces)
        embedding = _quarters(maps)
        version = self.architecture["version"]
        if version == "baseline":
            return FrozenOutput(self._layer("classes", np.maximum(total, 0)), None, embedding)
        hidden = np.maximum(total + self._described(len(faces), texture, flow, flow_mask), 0)
        logits = self._layer("classes", hidden)
        position = self._layer("pad_head", hidden) if version == "semantic" else None
        if flow_mask is not None and onsets is not None:
            moving = np.flatnonzero(flow_mask)
            calm, _ = self._trunk(onsets[moving])
            changes = hidden[moving] - np.maximum(calm, 0)
            logits[moving] = self._layer("change_classes", changes)
            if position is not None:
                position[moving] = self._layer("change_pad", changes)
        if position is None:
            return FrozenOutput(logits, None, embedding)
        pad = np.tanh(position)
        distance = np.square(pad[:, None, :] - self.weights["anchors"]).sum(axis=2)  # (N, C)
        return FrozenOutput(logits - np.float32(self.architecture["beta"]) * distance, pad, embedding)

    def _described(
        self, num: int, texture: Floats | None, flow: Floats | None, flow_mask: Floats | None
    ) -> Floats:
        """``W3 [texture, flow, mask]`` of eq. 25's sum, shape (N, 160)."""
        sizes = (self.architecture["texture_size"], self.architecture["flow_size"], 1)
        given = (texture, flow, None if flow_mask is None else flow_mask[:, None])
        parts = [
            np.zeros((num, size), np.float32) if part is None else part
            for part, size in zip(given, sizes, strict=True)
        ]
        return np.concatenate(parts, axis=1) @ self.weights["from_features.weight"].T

    def _layer(self, name: str, units: Floats) -> Floats:
        return units @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]


def _quarters(maps: Floats) -> Floats:
    """Mean of maps, (N, K, M, M), over the quarters of the face, (N, 4 K); an odd middle is in both halves."""
    side = maps.shape[2]
    halves = slice(None, -(-side // 2)), slice(side // 2, None)
    means = [maps[:, :, rows, cols].mean(axis=(2, 3)) for rows in halves for cols in halves]
    return np.stack(means, axis=2).reshape(len(maps), 4 * maps.shape[1])


def map_to_emotion(pad: NDArray[np.floating[Any]], anchors: NDArray[np.floating[Any]]) -> NDArray[np.intp]:
    """The semantic mapping g of eq. 27: the emotion whose anchor lies nearest in PAD space.

    Parameters
    ----------
    pad : ndarray, shape (N, 3)
        PAD coordinates, -1..1.
    anchors : ndarray, shape (C, 3)
        PAD position of each emotion.

    Returns
    -------
    emotions : ndarray, shape (N,), int
        Index of the nearest anchor (Euclidean); the first of equals.
    """
    distance = np.square(pad[:, None, :] - anchors[None]).sum(axis=2)  # (N, C)
    return distance.argmin(axis=1)
