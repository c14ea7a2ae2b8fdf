"""Where a frame is worth a search for new faces: everywhere now and then, sooner where something has moved.

Belongs here: when and where. Stays out: the search itself (``features.faces.detectors``) and what becomes of
faces (``tracker``).
"""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from apexline.features.faces import Box, Window

# Cells to the side of the smallest face. What changes fewer cells than a quarter of that face is no face.
_CELLS_PER_FACE = 4
_MIN_CELLS = 4
# Grey levels by which the mean of a cell differs where something has moved: far above the noise of a camera.
_MIN_DIFFERENCE = 8
# Hair and shoulders move with a face: so many box sides around it are its own.
_OWN_MARGIN = 0.5
# s: timestamps are rounded, and a frame that comes a little early is on time.
TIME_TOLERANCE_S = 1e-3


class MotionSearch:
    """Keeps the frame as it looked when it was searched, and says where it differs since (frame differencing).

    Parameters
    ----------
    min_face_px : float
        Smallest face, px.
    search_s : float
        s from one search of the whole frame to the next while all of it moves; for a part of the frame, that
        part of the time, so that the cost per second stays the same.
    still_search_s : float
        s from one search of the whole frame to the next where faces are known and nothing else moves.
    """

    def __init__(self, *, min_face_px: float, search_s: float, still_search_s: float) -> None:
        self._min_face_px = min_face_px
        self._search_s = search_s
        self._still_search_s = still_search_s
        self._reference: NDArray[np.uint8] | None = None
        self._full_time_s = self._time_s = 0.0

    def window(self, gray: NDArray[np.uint8], time_s: float, faces: Iterable[Box]) -> Window | None:
        """Part of a frame to be searched now.

        Parameters
        ----------
        gray : ndarray, shape (M, N), uint8
        time_s : float
            Not smaller than before.
        faces : iterable of Box
            Known faces, px: what moves there is explained.

        Returns
        -------
        Window or None
            None where nothing is due. The caller searches what it is given.
        """
        rows, cols = gray.shape
        cell = self._min_face_px / _CELLS_PER_FACE
        size = max(1, round(cols / cell)), max(1, round(rows / cell))
        cells = cv2.resize(gray, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
        boxes = list(faces)
        longest_s = self._still_search_s if boxes else self._search_s
        late_s = time_s - self._full_time_s + TIME_TOLERANCE_S
        if self._reference is None or late_s >= longest_s:
            self._reference = cells
            self._full_time_s = self._time_s = time_s
            return Window.whole(gray)
        # Where known faces are, the reference is kept up to date: what they uncover as they go is no news.
        per_px = np.array(cells.shape) / gray.shape
        for box in boxes:
            own = _cells_of(box, per_px)
            self._reference[own] = cells[own]
        moved = cv2.absdiff(cells, self._reference) >= _MIN_DIFFERENCE
        moved_rows, moved_cols = np.nonzero(moved)
        if moved_rows.size < _MIN_CELLS:
            return None
        # A face may stand still for the most part, and the smallest one is as large as this margin.
        first = np.maximum([moved_rows.min() - _CELLS_PER_FACE, moved_cols.min() - _CELLS_PER_FACE], 0)
        end = np.array([moved_rows.max(), moved_cols.max()]) + 1
        last = np.minimum(end + _CELLS_PER_FACE, cells.shape)
        share = float(np.prod(last - first)) / cells.size
        if time_s - self._time_s + TIME_TOLERANCE_S < share * self._search_s:
            return None
        self._time_s = time_s
        part = slice(first[0], last[0]), slice(first[1], last[1])
        self._reference[part] = cells[part]
        top, left = np.floor(first / per_px).astype(int).tolist()
        bottom, right = np.ceil(last / per_px).astype(int).tolist()
        return Window(top, min(bottom, rows), left, min(right, cols))


def _cells_of(box: Box, per_px: NDArray[np.float64]) -> tuple[slice, slice]:
    """Cells that a face and its surroundings touch."""
    left, top, width, height = box
    margin = _OWN_MARGIN * max(width, height)
    first = np.maximum(np.floor(np.array([top - margin, left - margin]) * per_px), 0).astype(int)
    end = np.array([top + height + margin, left + width + margin])
    last = np.maximum(np.ceil(end * per_px), 0).astype(int)
    return slice(first[0], last[0]), slice(first[1], last[1])
