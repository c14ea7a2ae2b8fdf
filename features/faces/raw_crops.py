"""A face that somebody else cut out of an image, aligned as the line aligns its own.

Belongs here: finding the one face of a crop of any size. Stays out: images with several faces (``detectors``),
time (``features.tracking``).
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from apexline.features.faces.alignment import Detection, FaceQuality, align_face, measure_quality
from apexline.features.faces.boxes import Box, box_iou
from apexline.features.faces.detectors import FaceDetector

# Intersection over union of a face's box with a tight crop; more rim than that makes the second look unsure.
_MIN_TIGHT_IOU = 0.6
_MAX_ASPECT = 4.0


def align_raw_crop(
    image: NDArray[np.uint8], detector: FaceDetector
) -> tuple[NDArray[np.uint8], FaceQuality] | None:
    """Align the face of a raw crop.

    A tight crop costs one second look of the detector; one with more rim is searched.

    Parameters
    ----------
    image : ndarray, shape (M, N) or (M, N, 3), uint8
        Grey, or blue, green, red.
    detector : FaceDetector

    Returns
    -------
    crop : ndarray, shape (128, 128), uint8
        As `features.faces.alignment.align_face` makes it.
    quality : FaceQuality
        Size in px of `image`.
        None in place of both where the detector sees no face.

    Raises
    ------
    ValueError
        If the image is not uint8 or has another shape.
    """
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or image.shape[2:] not in ((), (3,)):
        msg = f"image is {image.dtype} with shape {image.shape}, expected uint8 (M, N), or (M, N, 3) in BGR order"
        raise ValueError(msg)
    colour = (
        image if image.ndim == 3 else cv2.cvtColor(image, cv2.COLOR_GRAY2BGR).astype(np.uint8, copy=False)
    )
    gray = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)
    face = _find(colour, detector)
    if face is None:
        return None
    crop = align_face(gray, face.landmarks)
    return crop, measure_quality(crop, face.box, face.landmarks)


def _find(image: NDArray[np.uint8], detector: FaceDetector) -> Detection | None:
    rows, cols = image.shape[:2]
    whole = Box(0.0, 0.0, float(cols), float(rows))
    # A strip is no tight crop, and looking at it would fill a square of its longer side: gigabytes for a few kB.
    is_strip = max(rows, cols) > _MAX_ASPECT * min(rows, cols)
    [seen] = [None] if is_strip else detector.confirm(image, [whole])
    if seen is not None and box_iou(seen.box, whole) >= _MIN_TIGHT_IOU:
        return seen
    # Of several faces the largest: the others look in from the rim.
    return next(iter(detector.detect(image, most=1)), seen)


def crop_size_px(image: NDArray[np.uint8]) -> float:
    """Geometric mean of the sides of a crop, px."""
    return math.sqrt(image.shape[0] * image.shape[1])
