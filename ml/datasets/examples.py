"""Labelled faces as arrays, and the one preprocessing from an aligned crop to a network input.

Belongs here: the arrays that training and evaluation share, their validation, ``face_image``. Stays out: reading
tables or files (assets do that), augmentation (``ml.deepid.training.train``), splits (``ml.datasets.splits``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from apexline.ml.emotions import EMOTIONS, PAD_AXES

CROP_SIZE = 128
INPUT_SIZE = 48
# The inner 96 px hold brows to chin; the rim is hair and background. 96 = 2 * 48, so every network
# pixel is the mean of exactly four crop pixels.
_REGION = slice(16, 112)


@dataclass(frozen=True, eq=False)
class ExpressionDataset:
    """Examples for training or evaluation, one row per face image.

    Parameters
    ----------
    images : ndarray, shape (N, 48, 48), uint8
        Grey faces as `face_image` makes them.
    labels : ndarray, shape (N, 4), float32
        Soft labels in the order of `EMOTIONS`; rows are non-negative and sum to 1.
    pad : ndarray, shape (N, 3), float32
        Rated pleasure, arousal and dominance in [-1, 1]; NaN where not rated.
    texture : ndarray, shape (N, H), float32
        Texture block histograms, non-negative; H may be 0.
    flow : ndarray, shape (N, F), float32
        Motion since the segment's onset, px of the crop; zeros where `flow_mask` is 0; F may be 0.
    flow_mask : ndarray, shape (N,), float32
        1 where the example has motion, 0 for a still.
    onsets : ndarray, shape (N, 48, 48), uint8
        The same face at the segment's onset; zeros where `flow_mask` is 0.
    subjects : ndarray, shape (N,), str
        Pseudonymous codes that splits keep apart.
    ids : ndarray, shape (N,), str
        Unique example ids.
    synthetic : bool
        True when the examples come from the project's own generator.

    Raises
    ------
    ValueError
        If a shape, type or range is not as above; the message names the array.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.float32]
    pad: NDArray[np.float32]
    texture: NDArray[np.float32]
    flow: NDArray[np.float32]
    flow_mask: NDArray[np.float32]
    onsets: NDArray[np.uint8]
    subjects: NDArray[np.str_]
    ids: NDArray[np.str_]
    synthetic: bool

    def __post_init__(self) -> None:
        num = len(self.images)
        for name in ("images", "onsets"):
            faces = getattr(self, name)
            _check_shape(name, faces, (num, INPUT_SIZE, INPUT_SIZE))
            if faces.dtype != np.uint8:
                msg = f"{name} have dtype {faces.dtype}, expected uint8 as ml.datasets.examples.face_image returns"
                raise ValueError(msg)
        _check_shape("labels", self.labels, (num, len(EMOTIONS)))
        _check_shape("pad", self.pad, (num, len(PAD_AXES)))
        _check_shape("texture", self.texture, (num, None))
        _check_shape("flow", self.flow, (num, None))
        for name in ("flow_mask", "subjects", "ids"):
            _check_shape(name, getattr(self, name), (num,))
        self._check_values()

    def _check_values(self) -> None:
        sums = self.labels.sum(axis=1)
        if not np.allclose(sums, 1.0, atol=1e-4) or bool((self.labels < 0).any()):
            worst = int(np.argmax(np.abs(sums - 1.0)))
            msg = f"labels row {worst} is {self.labels[worst]}, expected non-negative values that sum to 1"
            raise ValueError(msg)
        if bool((np.abs(self.pad) > 1.0).any()):
            msg = f"pad reaches {np.nanmax(np.abs(self.pad)):.3f}, expected [-1, 1] or NaN where not rated"
            raise ValueError(msg)
        for name in ("texture", "flow"):
            if not bool(np.isfinite(getattr(self, name)).all()):
                msg = f"{name} holds NaN or infinity; give zeros (and flow_mask 0) where a feature is absent"
                raise ValueError(msg)
        if bool((self.texture < 0).any()):
            msg = f"texture falls to {self.texture.min():.3g}, expected histograms (non-negative)"
            raise ValueError(msg)
        if not bool(np.isin(self.flow_mask, (0.0, 1.0)).all()):
            msg = f"flow_mask holds {np.unique(self.flow_mask)}, expected only 0 and 1"
            raise ValueError(msg)
        if bool(self.flow[self.flow_mask == 0].any()):
            msg = "flow is not zero where flow_mask is 0; set flow to zeros there or flow_mask to 1"
            raise ValueError(msg)
        if bool(self.onsets[self.flow_mask == 0].any()):
            msg = "onsets are not zero where flow_mask is 0; a still has no onset: set them to zeros there"
            raise ValueError(msg)
        unique, counts = np.unique(self.ids, return_counts=True)
        if len(unique) != len(self.ids):
            msg = f"ids repeat: {unique[counts > 1][:5].tolist()}; every example needs its own id"
            raise ValueError(msg)

    def __len__(self) -> int:
        return len(self.images)

    @cached_property
    def targets(self) -> NDArray[np.intp]:
        """Most likely class of each example, an index into `EMOTIONS`, shape (N,)."""
        return self.labels.argmax(axis=1)

    @cached_property
    def flow_or_nan(self) -> NDArray[np.float32]:
        """`flow` with NaN rows for stills, the form `ExpressionModel.predict` reads, shape (N, F)."""
        return np.where(self.flow_mask[:, None] > 0, self.flow, np.float32(np.nan))

    @property
    def features(self) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.uint8]]:
        """Texture, flow (NaN rows for stills) and faces at the onset, as `ExpressionModel.predict` reads them."""
        return self.texture, self.flow_or_nan, self.onsets

    def labelled(self, labels: NDArray[np.float32]) -> ExpressionDataset:
        """Return the same examples with other labels, shape (N, 4)."""
        return replace(self, labels=labels)

    def take(self, indices: NDArray[np.intp]) -> ExpressionDataset:
        """Return the examples at `indices` (int, shape (K,)) as a dataset of their own."""
        arrays = {f.name: getattr(self, f.name)[indices] for f in fields(self) if f.name != "synthetic"}
        return ExpressionDataset(**arrays, synthetic=self.synthetic)


def one_hot(emotions: Sequence[str]) -> NDArray[np.float32]:
    """Hard labels for named emotions.

    Parameters
    ----------
    emotions : sequence of str, length N
        Members of `EMOTIONS`.

    Returns
    -------
    labels : ndarray, shape (N, 4), float32

    Raises
    ------
    ValueError
        If a name is not one of `EMOTIONS`.
    """
    unknown = sorted(set(emotions) - set(EMOTIONS))
    if unknown:
        msg = f"unknown emotions {unknown}, expected members of {EMOTIONS}; map or drop them first"
        raise ValueError(msg)
    labels = np.zeros((len(emotions), len(EMOTIONS)), np.float32)
    labels[np.arange(len(emotions)), [EMOTIONS.index(name) for name in emotions]] = 1.0
    return labels


def strings(column: Iterable[str]) -> NDArray[np.str_]:
    """Column of a table as an array that holds each string whole.

    pandas 3's own ``to_numpy(dtype=str)`` cuts the strings of long columns to their first letter.
    """
    return np.array(list(column), dtype=np.str_)


def face_image(crops: ArrayLike) -> NDArray[np.uint8]:
    """Reduce aligned crops to network inputs: the one preprocessing of training, scoring and serving.

    The central 96 x 96 px are averaged 2 x 2 (`cv2.INTER_AREA`). Brightness stays as it is: the network
    standardises each image itself.

    Parameters
    ----------
    crops : array_like, shape (..., 128, 128), uint8
        Aligned grey faces.

    Returns
    -------
    images : ndarray, shape (..., 48, 48), uint8

    Raises
    ------
    ValueError
        If the crops are not uint8 or not 128 x 128.
    """
    array = np.asarray(crops)
    if array.dtype != np.uint8 or array.shape[-2:] != (CROP_SIZE, CROP_SIZE):
        msg = (
            f"crops are {array.dtype} with shape {array.shape}, "
            f"expected uint8 (..., {CROP_SIZE}, {CROP_SIZE}); align them with features.faces.alignment.align_face"
        )
        raise ValueError(msg)
    inner = array[..., _REGION, _REGION]
    flat = inner.reshape(-1, *inner.shape[-2:])  # (..., 96, 96) -> (K, 96, 96)
    images = np.empty((len(flat), INPUT_SIZE, INPUT_SIZE), np.uint8)
    for image, crop in zip(images, flat, strict=True):
        image[:] = cv2.resize(crop, (INPUT_SIZE, INPUT_SIZE), interpolation=cv2.INTER_AREA)
    return images.reshape(*array.shape[:-2], INPUT_SIZE, INPUT_SIZE)


def _check_shape(name: str, array: NDArray[np.generic], expected: tuple[int | None, ...]) -> None:
    fits = array.ndim == len(expected) and all(
        want is None or have == want for have, want in zip(array.shape, expected, strict=True)
    )
    if not fits:
        msg = f"{name} has shape {array.shape}, expected {expected} (None: any size)"
        raise ValueError(msg)
