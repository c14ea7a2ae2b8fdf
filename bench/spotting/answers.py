"""What the shipped model says of every face of a track.

Belongs here: its logits frame by frame. Stays out: what is made of them (``bench.line.run``).
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from apexline.ml.datasets import face_image
from apexline.ml.deepid import ExpressionModel, load_pretrained


@dataclass(frozen=True)
class AnswerRow:
    """Logits of the four emotions, shape (4,), in a frame."""

    frame: int
    logits: NDArray[np.float32]


class AnswerStream:
    """Asks the shipped model about each crop of a track."""

    def push(self, crop: NDArray[np.uint8], frame: int, time_s: float) -> list[AnswerRow]:  # noqa: ARG002
        """Take the next crop, shape (128, 128), uint8; return its row."""
        logits, _ = _model().logits(face_image(crop[None]))
        return [AnswerRow(frame, logits[0])]

    def flush(self) -> list[AnswerRow]:
        """Return the rows still held back: none."""
        return []


@lru_cache(maxsize=1)
def _model() -> ExpressionModel:
    return load_pretrained().model
