"""One face in one image: five landmarks, alignment to a canonical crop, and quality measures.

Belongs here: what can be said from a single frame. Stays out: finding the face (``detectors``), time
(``features.tracking``), texture and motion, and anything that tells one person from another: no embedding and no
comparison of people lives here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from apexline.features.faces.boxes import Box

CROP_SIZE = 128

# (row, col) in the 128 x 128 crop of left eye, right eye, nose, left and right mouth corner: the mean
# proportions of frontal calm faces as MTCNN marks them, eyes 46 px apart. Brows (row ~30) and chin (row ~116)
# lie inside the 6 px border that the texture codes lose.
CROP_LANDMARKS: NDArray[np.float64] = np.array(
    [[46.0, 41.0], [46.0, 87.0], [66.5, 64.0], [88.5, 45.0], [88.5, 83.0]]
)
CROP_LANDMARKS.setflags(write=False)

# Expressions move the mouth; eyes and nose carry the alignment.
_RIGID = slice(0, 3)


@dataclass(frozen=True)
class Detection:
    """A face found in one image.

    Attributes
    ----------
    box : Box
        px of the image given.
    score : float
        The detector's confidence, 0..1.
    landmarks : ndarray, shape (5, 2), float64
        (row, col) of left eye, right eye, nose, left and right mouth corner, px; "left" is the smaller column
        of an upright face.
    """

    box: Box
    score: float
    landmarks: NDArray[np.float64]

    @property
    def size_px(self) -> float:
        """Geometric mean of the box sides, px."""
        return math.sqrt(self.box.width * self.box.height)


@dataclass(frozen=True)
class FaceQuality:
    """How usable a face is in one frame.

    Attributes
    ----------
    size_px : float
        Geometric mean of the box sides, px.
    blur : float
        Variance of the Laplacian of the aligned crop, grey^2; low is blurred.
    yaw : float
        Pose proxy, -1..1: nose offset from the eyes' midpoint along the eye line, over the eye distance.
    roll_deg : float
        Angle of the line from left to right eye, degrees, clockwise in the image.
    """

    size_px: float
    blur: float
    yaw: float
    roll_deg: float


def align_face(
    gray: NDArray[np.uint8], landmarks: NDArray[np.float64], *, size: int = CROP_SIZE
) -> NDArray[np.uint8]:
    """Turn, scale and shift a face so that eyes and nose fall on their canonical places.

    Parameters
    ----------
    gray : ndarray, shape (M, N), uint8
    landmarks : ndarray, shape (5, 2)
        (row, col) px of the image; the mouth is not used, because expressions move it.
    size : int, optional
        Side of the crop, px.

    Returns
    -------
    ndarray, shape (size, size), uint8
        What lies outside of the image repeats its border.
    """
    return warp_face(gray, *crop_similarity(landmarks, size=size), size=size)


def warp_face(
    gray: NDArray[np.uint8], turn: complex, shift: complex, *, size: int = CROP_SIZE
) -> NDArray[np.uint8]:
    """Crop of a face by a similarity, as `align_face` makes it.

    Parameters
    ----------
    gray : ndarray, shape (M, N), uint8
    turn, shift : complex
        As `crop_similarity` gives them for this size.
    size : int, optional
        Side of the crop, px.

    Returns
    -------
    ndarray, shape (size, size), uint8
    """
    region, matrix = _region_for_warp(gray, turn, shift, size)
    # Cubic: linear interpolation blurs by the sub-pixel phase, and a drifting face would flicker.
    # In float32, where OpenCV's cubic warp takes a third of the time that it takes in uint8.
    crop = cv2.warpAffine(
        region, matrix, (size, size), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return cv2.convertScaleAbs(np.maximum(crop, 0, out=crop)).astype(np.uint8, copy=False)


def crop_similarity(landmarks: NDArray[np.float64], *, size: int = CROP_SIZE) -> tuple[complex, complex]:
    """Similarity from image to aligned crop, fitted to eyes and nose by least squares.

    In complex numbers z = col + i row: a point z of the image falls on ``turn * z + shift`` of the crop.

    Parameters
    ----------
    landmarks : ndarray, shape (5, 2)
        (row, col) px of the image.
    size : int, optional
        Side of the crop, px.

    Returns
    -------
    turn, shift : complex
        Turn and scale; px of the crop.

    Raises
    ------
    ValueError
        If eyes and nose coincide.
    """
    # Linear in both unknowns. Plain numbers: on three points array functions take ten times as long.
    left, right, nose = (complex(col, row) for row, col in landmarks[_RIGID].tolist())
    z_mean = (left + right + nose) / 3
    left, right, nose = left - z_mean, right - z_mean, nose - z_mean
    spread = abs(left) ** 2 + abs(right) ** 2 + abs(nose) ** 2
    if spread == 0:
        msg = f"eyes and nose all lie at {landmarks[0]}; expected three different points from a detector"
        raise ValueError(msg)
    w_mean, w_left, w_right, w_nose = _canonical_points(size)
    products = left.conjugate() * w_left + right.conjugate() * w_right + nose.conjugate() * w_nose
    turn = products / spread
    return turn, w_mean - turn * z_mean


@cache
def _canonical_points(size: int) -> tuple[complex, complex, complex, complex]:
    """Mean of eyes and nose in a crop and each less that mean, col + i row, px."""
    # Crops of other sizes cover the same part of the face: pixel areas scale about their edges, not centres.
    target = (CROP_LANDMARKS[_RIGID] + 0.5) * (size / CROP_SIZE) - 0.5
    left, right, nose = (complex(col, row) for row, col in target.tolist())
    mean = (left + right + nose) / 3
    return mean, left - mean, right - mean, nose - mean


def apply_transform(matrix: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Move (row, col) points, shape (K, 2), by a matrix on (col, row, 1), shape (2, 3)."""
    return (points[:, ::-1] @ matrix[:, :2].T + matrix[:, 2])[:, ::-1]


def measure_quality(crop: NDArray[np.uint8], box: Box, landmarks: NDArray[np.float64]) -> FaceQuality:
    """Measure size, sharpness and pose of an aligned face.

    Parameters
    ----------
    crop : ndarray, shape (128, 128), uint8
    box : Box
        px.
    landmarks : ndarray, shape (5, 2)
        (row, col) px, in the frame that `box` refers to.

    Returns
    -------
    FaceQuality
    """
    left_eye, right_eye, nose = (complex(col, row) for row, col in landmarks[_RIGID].tolist())
    eye_line = right_eye - left_eye
    # A profile brings the eyes together: the proxy saturates instead of exploding.
    eye_distance = max(abs(eye_line), 1e-6)
    from_midpoint = nose - (left_eye + right_eye) / 2
    yaw = (from_midpoint * eye_line.conjugate()).real / eye_distance**2
    return FaceQuality(
        size_px=math.sqrt(box.width * box.height),
        blur=float(cv2.meanStdDev(cv2.Laplacian(crop, cv2.CV_16S))[1][0, 0]) ** 2,
        yaw=min(1.0, max(-1.0, yaw)),
        roll_deg=math.degrees(math.atan2(eye_line.imag, eye_line.real)),
    )


def _region_for_warp(
    gray: NDArray[np.uint8], turn: complex, shift: complex, size: int
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Cut out what the crop covers; shrink a face much larger than the crop by a power of two against aliasing."""
    factor = 1 if abs(turn) > 0.5 else 2 ** math.floor(-math.log2(abs(turn)))
    covered = [(corner - shift) / (turn * factor) for corner in (0, size, size * 1j, size * (1 + 1j))]
    rows, cols = [z.imag for z in covered], [z.real for z in covered]
    # Whole blocks of the image, counted from its origin: the averaging grid never moves with the face.
    top, left = (max(math.floor(min(values)) - 2, 0) * factor for values in (rows, cols))
    bottom, right = (max(math.ceil(max(values)) + 2, 0) * factor for values in (rows, cols))
    region = gray[top:bottom, left:right]
    rows, cols = region.shape[0] // factor, region.shape[1] // factor
    if rows == 0 or cols == 0:
        return gray.astype(np.float32), _as_matrix(turn, shift)
    region = region[: rows * factor, : cols * factor]
    if factor > 1:
        region = cv2.resize(region, (cols, rows), interpolation=cv2.INTER_AREA)
    # The centre of small pixel j is image pixel factor * j + (factor - 1) / 2.
    shift += turn * complex(left + (factor - 1) / 2, top + (factor - 1) / 2)
    return region.astype(np.float32), _as_matrix(turn * factor, shift)


def _as_matrix(turn: complex, shift: complex) -> NDArray[np.float64]:
    """Matrix on (col, row, 1), shape (2, 3), of a similarity in complex numbers col + i row."""
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])
