"""Whether it is the light, and not the focus, that leaves a face or a whole picture without detail.

Belongs here: the judgement by grey levels. Stays out: measuring sharpness (``alignment``), what is dropped
(``features.tracking``).

Scaling or shifting grey levels leaves the variance of the Laplacian of a crop in proportion to the variance of its grey
levels, blurring takes nearly all of it. The levels below were chosen on development clips (docs/LOG.md, 2026-11-29).
"""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Light = Literal["", "too_dark", "too_bright", "low_contrast"]

# Variance of the Laplacian over the variance of the grey levels, from which on a crop is as sharp as its light allows.
_SHARP = 0.1
# Mean grey levels of a face without contrast.
_DARK_FACE, _BRIGHT_FACE = 64.0, 192.0
# Mean grey levels and standard deviation of pictures in which no face would be found.
_DARK, _BRIGHT, _FLAT = 20.0, 225.0, 10.0


def bad_light(crop: NDArray[np.uint8], blur: float) -> Light:
    """Say what is wrong with the light of a crop with little detail.

    Parameters
    ----------
    crop : ndarray, shape (M, N), uint8
    blur : float
        Variance of its Laplacian, grey^2.

    Returns
    -------
    str
        Empty where it lacks detail for another reason: it is out of focus, or moved.
    """
    mean, deviation = grey_levels(crop)
    if blur < _SHARP * deviation**2:
        return ""
    if mean < _DARK_FACE:
        return "too_dark"
    return "too_bright" if mean > _BRIGHT_FACE else "low_contrast"


def too_bad_for_faces(mean: float, deviation: float) -> Light:
    """Say what is wrong with the light of pictures in which no face was found; empty where it would do.

    Parameters
    ----------
    mean, deviation : float
        Mean and standard deviation of the grey levels, 0..255.
    """
    if mean < _DARK:
        return "too_dark"
    if mean > _BRIGHT:
        return "too_bright"
    return "low_contrast" if deviation < _FLAT else ""


def grey_levels(image: NDArray[np.uint8]) -> tuple[float, float]:
    """Return mean and standard deviation of the grey levels of an image, shape (M, N)."""
    mean, deviation = cv2.meanStdDev(image)
    return float(mean[0, 0]), float(deviation[0, 0])
