"""Where a face goes from one frame to the next, by optical flow of points around eyes and nose.

Belongs here: the motion between two frames. Stays out: when faces are looked for, and what becomes of a face
that is lost (``tracker``).

References
----------
.. [1] Kalal, Mikolajczyk, Matas: Forward-backward error: automatic detection of tracking failures. ICPR 2010.
"""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from apexline.features.faces import Window, crop_similarity

# Tracked points, col + i row in the aligned crop: a band from the eyes to the tip of the nose. The mouth and,
# less so, the brows move with expression, the outline with the background: a taller band takes up 1.5 times
# as much of a synthetic smile. Points twice as dense steady the crops no further.
_POINTS = np.add.outer(1j * np.arange(42.0, 67.0, 8.0), np.arange(34.0, 95.0, 8.0)).ravel()
# The surroundings of a face, in box sides, are shrunken by a whole factor to about this many px before
# following: the cost hardly depends on the face's size, and a face may move by a third of itself from frame to
# frame.
_PATCH_MARGIN = 1.7
_PATCH_SIDE = 128
_LK_WINDOW = (11, 11)
_NUM_PYRAMID_LEVELS = 3
# px of the patch: a point whose way there and back ends elsewhere has slipped [1]_.
_MAX_FORWARD_BACKWARD_ERROR = 0.3
# px of the patch: distance of a point from the fitted similarity up to which RANSAC counts it as an inlier.
_MAX_RESIDUAL = 0.6
_MIN_INLIER_SHARE = 0.35
# A face does not grow or shrink by more from one frame to the next.
_MAX_ZOOM = 1.25


def track_landmarks(
    previous: NDArray[np.uint8],
    current: NDArray[np.uint8],
    landmarks: NDArray[np.float64],
    box: NDArray[np.float64],
) -> NDArray[np.float64] | None:
    """Rigid motion of a face from one frame to the next, from points around eyes and nose.

    Parameters
    ----------
    previous, current : ndarray, shape (M, N), uint8
        Successive grey frames.
    landmarks : ndarray, shape (5, 2)
        (row, col) in `previous`, px.
    box : ndarray, shape (4,)
        Left, top, width, height in `previous`, px.

    Returns
    -------
    ndarray, shape (2, 3), or None
        Similarity on (col, row, 1), px; None where too few points agree.
    """
    side = float(max(box[2:])) * _PATCH_MARGIN
    factor = max(1, round(side / _PATCH_SIDE))
    window = _window(landmarks, side, previous.shape)
    rows, cols = (window.bottom - window.top) // factor, (window.right - window.left) // factor
    if rows < _LK_WINDOW[0] or cols < _LK_WINDOW[1]:
        return None
    turn, shift = crop_similarity(landmarks)
    # px of the frame -> px of the patch, whose pixel centres scale about their edges; (K,) -> (K, 2) col, row
    origin = np.array([window.left, window.top]) + (factor - 1) / 2
    points = ((_POINTS - shift) / turn - complex(*origin)) / factor
    start = points.view(np.float64).reshape((-1, 2)).astype(np.float32)
    before, after = (_shrink(image[window.slices], rows, cols, factor) for image in (previous, current))
    end, agree = _track_points(before, after, start)
    if np.count_nonzero(agree) < _MIN_INLIER_SHARE * len(_POINTS):
        return None
    # OpenCV seeds this random sampling itself, always alike: the same frames give the same bytes.
    fitted, inliers = cast(
        "tuple[NDArray[np.float64] | None, NDArray[np.uint8]]",
        cv2.estimateAffinePartial2D(
            start[agree], end[agree], method=cv2.RANSAC, ransacReprojThreshold=_MAX_RESIDUAL
        ),
    )
    if fitted is None or inliers.sum() < _MIN_INLIER_SHARE * len(_POINTS):
        return None
    zoom = float(np.hypot(fitted[0, 0], fitted[1, 0]))
    if not 1 / _MAX_ZOOM < zoom < _MAX_ZOOM:
        return None
    # Patch px back to frame px: p -> origin + p * factor on both sides of the motion.
    linear, offset = fitted[:, :2], fitted[:, 2]
    moved = np.empty((2, 3))
    moved[:, :2], moved[:, 2] = linear, offset * factor + origin - linear @ origin
    return moved


def _window(landmarks: NDArray[np.float64], side: float, shape: tuple[int, ...]) -> Window:
    """Square about eyes and nose, as far as it lies in the frame."""
    # Plain numbers: on three points array functions take ten times as long.
    (top, left), (bottom, right) = (
        [round(sum(values) / 3 + reach) for values in zip(*landmarks[:3].tolist(), strict=True)]
        for reach in (-side / 2, side / 2)
    )
    return Window(max(top, 0), min(bottom, shape[0]), max(left, 0), min(right, shape[1]))


def _shrink(region: NDArray[np.uint8], rows: int, cols: int, factor: int) -> NDArray[np.uint8]:
    """Part of an image, shrunken by a whole factor: several times faster than by any other."""
    region = region[: rows * factor, : cols * factor]
    if factor == 1:
        return np.ascontiguousarray(region)
    return cv2.resize(region, (cols, rows), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _track_points(
    previous: NDArray[np.uint8], current: NDArray[np.uint8], start: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Pyramidal Lucas-Kanade there and back; which points return to where they started."""
    forward, found, _ = cv2.calcOpticalFlowPyrLK(
        previous, current, start, start.copy(), winSize=_LK_WINDOW, maxLevel=_NUM_PYRAMID_LEVELS - 1
    )
    backward, found_backward, _ = cv2.calcOpticalFlowPyrLK(
        current, previous, forward, forward.copy(), winSize=_LK_WINDOW, maxLevel=_NUM_PYRAMID_LEVELS - 1
    )
    error = np.hypot(*(backward - start).T)
    agree = (found[:, 0] > 0) & (found_backward[:, 0] > 0) & (error < _MAX_FORWARD_BACKWARD_ERROR)
    return forward.astype(np.float32, copy=False), agree
