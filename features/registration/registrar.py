"""Head motion and light: gain matching and registration of an aligned face crop to a reference crop.

Belongs here: what makes two crops of one track comparable before texture or flow is computed. Stays out: the
alignment by landmarks that makes a crop (``features.faces``), where regions lie (``regions``), the iteration itself
(``ecc``) and the flow (``features.flow``). Registration runs on the host: it waits for each step of a few thousand
pixels, too little for a device.

.. [1] Evangelidis, Psarakis (2008). Parametric image alignment using enhanced correlation coefficient
   maximization. IEEE TPAMI 30(10).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from apexline.features.backend import Array, namespace
from apexline.features.faces import Window
from apexline.features.registration.ecc import align_translation, shift_image
from apexline.features.registration.regions import rigid_window
from apexline.features.validation import one_of

Motion = Literal["none", "translation", "affine"]

# change of the correlation that ends the iteration
_TOLERANCE = 1e-4
_ECC_BLUR = 5
# OpenCV's bindings want a mask: an empty one stands for the whole image.
_EVERYWHERE = np.empty((0, 0), dtype=np.uint8)
# px of the crop
_MAX_SHIFT = 10.0
# px that decide about a shift: the largest one, the blur, a pixel for the gradient and one for interpolation
_REACH = round(_MAX_SHIFT) + _ECC_BLUR // 2 + 2
_UNMOVED = np.eye(2, 3, dtype=np.float32)
_UNMOVED.setflags(write=False)


def matching_gains(images: Sequence[Array], reference: Array, window: Window) -> list[float]:
    """Factors by which images are scaled so that their means over a window equal the reference's.

    Parameters
    ----------
    images : sequence of array, shape (M, N), float32
        Grey images.
    reference : array, shape (M, N), float32
        Grey image.
    window : Window

    Returns
    -------
    list of float
        1 for an image that is black in the window: no gain can lift it.
    """
    xp = namespace(reference, *images)
    mean, *means = (float(xp.mean(image[window.slices])) for image in (reference, *images))
    return [mean / own if own > 0 else 1.0 for own in means]


@dataclass(frozen=True)
class Registered:
    """A crop brought onto its reference.

    Attributes
    ----------
    image : ndarray, shape (M, N), float32
        The crop as it would look if the head had not moved.
    matrix : ndarray, shape (2, 3), float32
        Map from reference to crop positions, (col, row, 1).
    correlation : float
        Correlation with the reference over the window, -1..1; 0 where registration failed, and then the crop is
        passed through as it is.
    """

    image: NDArray[np.float32]
    matrix: NDArray[np.float32]
    correlation: float


class Registrar:
    """Registers the crops of one track to a reference crop by ECC [1]_, each from where the last one ended.

    Translations are found by ``ecc``, affine maps by OpenCV.

    Parameters
    ----------
    reference : ndarray, shape (M, N), uint8
        Crop that the others are brought onto.
    motion : {"none", "translation", "affine"}
        Motion model; ``none`` passes crops through.
    window : Window, optional
        Part of the reference that decides; by default `rigid_window`.
    num_iterations : int
        Largest number of ECC iterations for a crop.

    Raises
    ------
    ValueError
        If the motion model is unknown.
    """

    def __init__(
        self,
        reference: NDArray[np.uint8],
        *,
        motion: Motion = "translation",
        window: Window | None = None,
        num_iterations: int = 20,
    ) -> None:
        one_of("registration", motion, get_args(Motion))
        self._motion: Motion = motion
        self._window = rigid_window() if window is None else window
        self._reference = reference[self._window.slices].astype(np.float32)
        self._template = np.ascontiguousarray(_blurred(reference.astype(np.float32))[self._window.slices])
        self._num_iterations = num_iterations
        self._matrix = _UNMOVED
        top, bottom, left, right = self._window
        self._middle = np.array([(left + right) / 2, (top + bottom) / 2, 1.0])

    def register(self, crop: NDArray[np.uint8]) -> Registered:
        """Bring a crop onto the reference.

        Parameters
        ----------
        crop : ndarray, shape (M, N), uint8

        Returns
        -------
        Registered
        """
        image = crop.astype(np.float32)
        if self._motion == "none":
            return Registered(image, self._matrix, self._correlate(image))
        correlation, self._matrix = self._align(image)
        if correlation == 0.0:
            return Registered(image, self._matrix, correlation)
        if self._motion == "translation":
            right, down = self._matrix[:, 2].tolist()
            return Registered(shift_image(image, down, right), self._matrix, correlation)
        size = (image.shape[1], image.shape[0])
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        moved = cv2.warpAffine(image, self._matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        return Registered(moved.astype(np.float32, copy=False), self._matrix, correlation)

    def _align(self, image: NDArray[np.float32]) -> tuple[float, NDArray[np.float32]]:
        register = self._register_translation if self._motion == "translation" else self._register_affine
        correlation, matrix = register(image)
        # Crops are aligned by landmarks already: a large shift has locked onto something else.
        moved = matrix @ self._middle - self._middle[:2]
        if correlation == 0.0 or math.hypot(*moved.tolist()) > _MAX_SHIFT:
            return 0.0, _UNMOVED
        return correlation, matrix

    def _register_translation(self, image: NDArray[np.float32]) -> tuple[float, NDArray[np.float32]]:
        top, bottom, left, right = self._window
        # no more than can be reached
        first_row, first_col = max(top - _REACH, 0), max(left - _REACH, 0)
        near = image[first_row : bottom + _REACH, first_col : right + _REACH]
        top, left = top - first_row, left - first_col
        start_col, start_row = self._matrix[:, 2].tolist()
        correlation, row, col = align_translation(
            self._template,
            _blurred(near),
            top + start_row,
            left + start_col,
            self._num_iterations,
            _TOLERANCE,
        )
        matrix = _UNMOVED.copy()
        matrix[:, 2] = col - left, row - top
        return correlation, matrix

    def _register_affine(self, image: NDArray[np.float32]) -> tuple[float, NDArray[np.float32]]:
        top, _, left, _ = self._window
        corner = np.array([left, top], dtype=np.float32)
        start = self._matrix.copy()
        # ECC counts from the corner of the window, the matrix from that of the crop.
        start[:, 2] += start[:, :2] @ corner
        criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, self._num_iterations, _TOLERANCE)
        try:
            correlation, found = cv2.findTransformECC(
                self._reference, image, start, cv2.MOTION_AFFINE, criteria, _EVERYWHERE, _ECC_BLUR
            )
        except cv2.error as error:
            # OpenCV says so that the iteration left the image or found no texture: an answer, not a fault.
            if error.code != cv2.Error.StsNoConv:
                raise
            return 0.0, _UNMOVED
        matrix = np.asarray(found, dtype=np.float32)
        matrix[:, 2] -= matrix[:, :2] @ corner
        return float(correlation), matrix

    def _correlate(self, image: NDArray[np.float32]) -> float:
        reference = self._reference - self._reference.mean()
        moving = image[self._window.slices] - image[self._window.slices].mean()
        norm = float(np.linalg.norm(reference) * np.linalg.norm(moving))
        return float(np.sum(reference * moving)) / norm if norm > 0 else 0.0


def _blurred(image: NDArray[np.float32]) -> NDArray[np.float32]:
    # as ECC does: grey values between pixels are then near linear
    return cv2.GaussianBlur(image, (_ECC_BLUR, _ECC_BLUR), 0).astype(np.float32, copy=False)
