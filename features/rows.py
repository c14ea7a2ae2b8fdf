"""Rows of the feature streams: as columns for a block of crops, as objects for one crop.

Belongs here: the form in which streams hand rows on. Stays out: what a row holds (the stream of its table), and what
is made of stored rows (``stored_rows``).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

Row = TypeVar("Row")
Columns = Mapping[str, NDArray[Any]]


class Block(NamedTuple):
    """Rows that a block of crops made final, in order.

    Attributes
    ----------
    columns : dict of str to ndarray, shape (N,) or (N, K)
        By the names of the table's columns.
    final_at : ndarray, shape (N,), int
        Which crop of the block made each row final: rows of several tracks can be brought into one order, whatever
        the blocks were.
    """

    columns: dict[str, NDArray[Any]]
    final_at: NDArray[np.intp]


class BlockStream(ABC, Generic[Row]):
    """Turns the crops of one track into rows; the bits of a row do not depend on how crops are cut into blocks."""

    row_type: type[Row]

    @abstractmethod
    def push_block(
        self, crops: NDArray[np.uint8], frames: NDArray[np.int64], times_s: NDArray[np.float64]
    ) -> Block:
        """Take the next crops.

        Parameters
        ----------
        crops : ndarray, shape (N, 128, 128), uint8
        frames : ndarray, shape (N,)
            Frame indices, 0-based; ascending.
        times_s : ndarray, shape (N,)
            Presentation times, s.

        Returns
        -------
        Block
            The rows that became final.
        """

    @abstractmethod
    def flush_block(self) -> Block:
        """Return the rows still held back."""

    def push(self, crop: NDArray[np.uint8], frame: int, time_s: float) -> list[Row]:
        """Take the next crop, shape (128, 128), uint8; return the rows that became final."""
        return self._rows(self.push_block(crop[None], np.array([frame]), np.array([time_s])))

    def flush(self) -> list[Row]:
        """Return the rows still held back."""
        return self._rows(self.flush_block())

    def _rows(self, block: Block) -> list[Row]:
        names = [each.name for each in fields(self.row_type)]  # pyright: ignore[reportArgumentType]
        # (N, K) -> N tuples; numbers become Python's own
        listed = [block.columns[name].tolist() for name in names]
        values = zip(
            *([tuple(v) if isinstance(v, list) else v for v in each] for each in listed), strict=True
        )
        return [self.row_type(*each) for each in values]


def join_columns(columns: list[dict[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """Columns of several blocks, of one at least, one after another."""
    return {name: np.concatenate([each[name] for each in columns]) for name in columns[0]}
