"""Scores of expression words over the crops of one track.

Belongs here: its rows, the value columns of the table ``expression_features``. Stays out: the network (``network``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from apexline.features.expression.network import WordNetwork, shipped_network


@dataclass(frozen=True)
class ExpressionRow:
    """Value columns of the table ``expression_features``.

    Attributes
    ----------
    frame : int
        Frame index, 0-based.
    time_s : float
        Its time, s.
    words : ndarray, shape (W,), float32
        Logits of `features.expression.RATERS_WORDS`, then of `LABELS_WORDS`.
    """

    frame: int
    time_s: float
    words: NDArray[np.float32]


class ExpressionStream:
    """Scores each crop on its own: nothing is held back.

    Parameters
    ----------
    network : WordNetwork, optional
        The shipped one where left out.
    """

    def __init__(self, network: WordNetwork | None = None) -> None:
        self._network = shipped_network() if network is None else network

    def push(self, crop: NDArray[np.uint8], frame: int, time_s: float) -> list[ExpressionRow]:
        """Take the next crop, shape (128, 128), uint8; return its row."""
        return [ExpressionRow(frame, time_s, self._network(crop[None])[0])]

    def flush(self) -> list[ExpressionRow]:
        """Return the rows still held back: none."""
        return []
