"""MDMD, a published spotter by optical flow, rebuilt from its description [1]_.

The flow of a frame's surroundings is compared: from the frame half a window before to this one, and to the one
half a window after. Where an expression comes and goes within the window, the first is the longer one.

.. [1] Wang, Wu, Qian, Li, Fu (2017). A main directional maximal difference analysis for spotting facial
   movements from long-term videos. Neurocomputing 230.
.. [2] He, Wang, Li, Yap (2020). Spotting macro- and micro-expression intervals in long video sequences. FG,
   whose baseline takes 12 frames at 30 frames/s for half a window.
"""

from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

_GRID = 6
_DIRECTIONS = 4


@dataclass(frozen=True)
class MdmdRow:
    """Difference of one frame: mean over the third of the blocks that differ most, px."""

    frame: int
    time_s: float
    difference: float


class MdmdStream:
    """Maximal differences of one track's crops in their main directions.

    Parameters
    ----------
    half_window_s : float
        Time from the frame to either end of its window, s.
    """

    def __init__(self, *, half_window_s: float = 0.4) -> None:
        self._half_s = half_window_s
        self._held: deque[tuple[int, float, NDArray[np.uint8]]] = deque()
        self._next = 0
        # the paper's robust local flow is not to be had: dense inverse search stands in
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)

    def push(self, crop: NDArray[np.uint8], frame: int, time_s: float) -> list[MdmdRow]:
        """Take the next crop, shape (M, N); return the rows whose window is complete."""
        self._held.append((frame, time_s, crop))
        rows: list[MdmdRow] = []
        while time_s >= self._held[self._next][1] + self._half_s - 1e-6:
            rows.append(self._emit(crop))
        return rows

    def flush(self) -> list[MdmdRow]:
        """Rows of the last half window, which no frame follows: there is no difference."""
        return [MdmdRow(frame, time_s, 0.0) for frame, time_s, _ in list(self._held)[self._next :]]

    def _emit(self, tail: NDArray[np.uint8]) -> MdmdRow:
        frame, time_s, crop = self._held[self._next]
        while len(self._held) > 1 and self._held[1][1] <= time_s - self._half_s + 1e-6:
            self._held.popleft()
            self._next -= 1
        _, head_s, head = self._held[0]
        self._next += 1
        if head_s > time_s - self._half_s + 1e-6:
            return MdmdRow(frame, time_s, 0.0)
        to_current, to_tail = (
            np.asarray(self._flow.calc(head, image, np.empty(0, np.float32))) for image in (crop, tail)
        )
        return MdmdRow(frame, time_s, main_direction_difference(to_current, to_tail))


def main_direction_difference(to_current: NDArray[np.float32], to_tail: NDArray[np.float32]) -> float:
    """Difference of a frame's flow and that of its window's end.

    Parameters
    ----------
    to_current, to_tail : ndarray, shape (M, N, 2), float32
        (col, row) flow from the window's beginning to the frame and to the window's end, px.

    Returns
    -------
    float
        In each block, the third of the largest differences of modules among vectors in the block's main
        direction is averaged; then the third of the blocks that differ most, px.
    """
    module = np.hypot(to_current[..., 0], to_current[..., 1])
    difference = module - np.hypot(to_tail[..., 0], to_tail[..., 1])
    turns = np.arctan2(to_current[..., 1], to_current[..., 0]) / (2 * np.pi) * _DIRECTIONS
    direction = np.floor(turns).astype(int) % _DIRECTIONS
    blocks = [
        _block_difference(differences, directions)
        for differences, directions in zip(_blocks(difference), _blocks(direction), strict=True)
    ]
    return float(_top_third(np.array(blocks)))


def _block_difference(difference: NDArray[np.float32], direction: NDArray[np.int64]) -> float:
    main = np.bincount(direction, minlength=_DIRECTIONS).argmax()
    return float(_top_third(difference[direction == main]))


def _top_third(values: NDArray[np.floating]) -> np.floating:
    count = -(-values.size // 3)
    return np.partition(values, values.size - count)[-count:].mean()


def _blocks(image: NDArray) -> NDArray:
    """Values of each block, (M, N) -> (36, pixels); what is left over below and right is cut off."""
    height, width = image.shape[0] // _GRID, image.shape[1] // _GRID
    cut = image[: height * _GRID, : width * _GRID]
    # (M, N) -> (6, h, 6, w) -> (6, 6, h, w) -> (36, h*w)
    return cut.reshape((_GRID, height, _GRID, width)).transpose((0, 2, 1, 3)).reshape((_GRID**2, -1))
