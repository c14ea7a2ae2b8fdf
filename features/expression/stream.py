"""Scores of expression words over the crops of one track.

Belongs here: its rows, the value columns of the table ``expression_features``. Stays out: the network (``network``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from apexline.features.expression.network import LABELS_WORDS, RATERS_WORDS, WordNetwork, shipped_network
from apexline.features.rows import Block, BlockStream


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


class ExpressionStream(BlockStream[ExpressionRow]):
    """Scores each crop on its own: nothing is held back.

    Parameters
    ----------
    network : WordNetwork, optional
        The shipped one where left out.
    """

    row_type = ExpressionRow

    def __init__(self, network: WordNetwork | None = None) -> None:
        self._network = shipped_network() if network is None else network

    def push_block(
        self, crops: NDArray[np.uint8], frames: NDArray[np.int64], times_s: NDArray[np.float64]
    ) -> Block:
        """Take the next crops, shape (N, 128, 128), uint8; return their rows."""
        columns = {"frame": frames, "time_s": times_s, "words": self._network(crops)}
        return Block(columns, np.arange(len(crops)))

    def flush_block(self) -> Block:
        """Return the rows still held back: none."""
        words = np.empty((0, len(RATERS_WORDS) + len(LABELS_WORDS)), np.float32)
        return Block(
            {"frame": np.empty(0, np.int64), "time_s": np.empty(0), "words": words}, np.empty(0, np.intp)
        )

    def _rows(self, block: Block) -> list[ExpressionRow]:
        columns = block.columns
        values = zip(columns["frame"].tolist(), columns["time_s"].tolist(), columns["words"], strict=True)
        return [ExpressionRow(*each) for each in values]
