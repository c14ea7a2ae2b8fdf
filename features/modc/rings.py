"""Where a ring code samples: radii, directions and weights that CPU and GPU code share.

Belongs here: the description of a code. Stays out: computing it (``codes``, ``compiled``, ``cuda``). Kernels that
``compiled`` keeps on disk hold these numbers, and only an edit of that file compiles them again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Unit steps (row, col) of the eight directions: up, then clockwise.
_STEPS = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))


@dataclass(frozen=True)
class Rings:
    """What is sampled, compared and weighed: all that the kernels of the ring descriptors need to know.

    Attributes
    ----------
    radii : (int, int, int)
        Radii of the rings D, E, F, px; not descending.
    turns : tuple of (int, int, int)
        One entry a kind: the directions by which each ring turns clockwise.
    weights : (tuple of 4 int, tuple of 4 int)
        Weights of the two digits of the four directions of a plane.

    Raises
    ------
    ValueError
        If the radii are not positive or descend.
    """

    radii: tuple[int, int, int]
    turns: tuple[tuple[int, int, int], ...]
    weights: tuple[tuple[int, ...], tuple[int, ...]]

    def __post_init__(self) -> None:
        if not (len(self.radii) == 3 and 0 < self.radii[0] <= self.radii[1] <= self.radii[2]):
            message = f"radii are {self.radii}; expected three positive integers that do not descend"
            raise ValueError(message)

    @property
    def reach(self) -> int:
        """Radius of the outer ring: what an image loses at each border, px."""
        return self.radii[2]

    @property
    def num_codes(self) -> int:
        """Codes run from 0 to one less than this: a digit is 3 at most."""
        return 1 + 3 * sum(self.weights[0] + self.weights[1])


def sampling_taps(radius: int, direction: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pixels and weights that sample a circle at one of eight directions.

    Parameters
    ----------
    radius : int
        Radius of the circle, px.
    direction : int
        0 is up, then clockwise in steps of 45 degrees; taken modulo 8.

    Returns
    -------
    offsets : ndarray, shape (4, 2)
        (row, col) steps from the centre, px.
    weights : ndarray, shape (4,)
        Bilinear weights in Q8: integers that sum to 256, by the largest remainder. They are found on one
        quadrant and reflected, so that mirrored directions carry mirrored weights exactly.
    """
    row_step, col_step = _STEPS[direction % 8]
    if direction % 2 == 0:
        offsets = np.array([[row_step * radius, col_step * radius]] * 4, dtype=np.int64)
        return offsets, np.array([256, 0, 0, 0], dtype=np.int64)
    whole, part = divmod(radius * float(np.sqrt(0.5)), 1.0)
    exact = 256.0 * np.array([(1 - part) ** 2, (1 - part) * part, part * (1 - part), part**2])
    weights = np.floor(exact).astype(np.int64)
    largest = np.argsort(-(exact - weights), kind="stable")
    weights[largest[: 256 - int(weights.sum())]] += 1
    corners = ((0, 0), (0, 1), (1, 0), (1, 1))
    offsets = [(row_step * (int(whole) + r), col_step * (int(whole) + c)) for r, c in corners]
    return np.array(offsets, dtype=np.int64), weights
