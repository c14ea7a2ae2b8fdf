"""Rectangles of an image: a face's box, a window of pixels, and how much two boxes overlap.

Belongs here: geometry of upright rectangles. Stays out: what lies in them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Box(NamedTuple):
    """Where a face is, px; sides may lie between pixels and reach beyond the image."""

    left: float
    top: float
    width: float
    height: float


class Window(NamedTuple):
    """Whole pixels of an image, half open: rows `top` to before `bottom`, columns `left` to before `right`."""

    top: int
    bottom: int
    left: int
    right: int

    @classmethod
    def whole(cls, image: NDArray[Any]) -> Window:
        """All of an image, shape (M, N, ...)."""
        rows, cols = image.shape[:2]
        return cls(0, rows, 0, cols)

    def within(self, other: Window) -> Window:
        """The same pixels, counted from the first one of another window."""
        return Window(
            self.top - other.top, self.bottom - other.top, self.left - other.left, self.right - other.left
        )

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns, as the last two axes of an image are indexed."""
        return slice(self.top, self.bottom), slice(self.left, self.right)


def box_iou(box: Box, other: Box) -> float:
    """Intersection over union of two boxes, 0..1."""
    # Plain numbers: for one pair `box_iou_matrix`, which gives the same bits, takes ten times as long.
    left, top = max(box.left, other.left), max(box.top, other.top)
    right = min(box.left + box.width, other.left + other.width)
    bottom = min(box.top + box.height, other.top + other.height)
    common = max(0.0, right - left) * max(0.0, bottom - top)
    return common / (box.width * box.height + other.width * other.height - common)


def box_iou_matrix(boxes: ArrayLike, others: ArrayLike) -> NDArray[np.float64]:
    """Intersection over union of each box with each other one.

    Parameters
    ----------
    boxes, others : array_like, shape (P, 4) and (Q, 4)
        Left, top, width, height, px.

    Returns
    -------
    ndarray, shape (P, Q)
        0..1.
    """
    first, last, sizes = _edges_and_sizes(boxes)
    other_first, other_last, other_sizes = _edges_and_sizes(others)
    common = _common_areas(first, last, other_first, other_last)
    return common / (np.prod(sizes, axis=1)[:, None] + np.prod(other_sizes, axis=1) - common)


def intersection_over_smaller(
    corners: NDArray[np.float64], others: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Intersection of each box with each other one over the area of the smaller of both: 1 where one is a part.

    Parameters
    ----------
    corners, others : ndarray, shape (P, 4) and (Q, 4)
        Left, top, right, bottom, px.

    Returns
    -------
    ndarray, shape (P, Q)
        0..1.
    """
    common = _common_areas(corners[:, :2], corners[:, 2:], others[:, :2], others[:, 2:])
    areas = np.prod(corners[:, 2:] - corners[:, :2], axis=1)
    other_areas = np.prod(others[:, 2:] - others[:, :2], axis=1)
    return common / np.minimum(areas[:, None], other_areas)


def _edges_and_sizes(
    boxes: ArrayLike,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """First and last corner and size of boxes, (N, 2) each: along columns, along rows."""
    sides = np.asarray(boxes, dtype=np.float64).reshape((-1, 4))
    return sides[:, :2], sides[:, :2] + sides[:, 2:], sides[:, 2:]


def _common_areas(
    first: NDArray[np.float64],
    last: NDArray[np.float64],
    other_first: NDArray[np.float64],
    other_last: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Areas that rectangles share, (P, Q), from their first and last corners, (P, 2) and (Q, 2)."""
    # (P, 1, 2) against (Q, 2)
    common = np.minimum(last[:, None], other_last) - np.maximum(first[:, None], other_first)
    return np.prod(np.maximum(common, 0), axis=2)
