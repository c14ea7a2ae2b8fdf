"""How a face looks, in words: scores of expression words for each crop of a track."""

from apexline.features.expression.network import (
    LABELS_WORDS,
    RATERS_WORDS,
    WEIGHTS,
    WordNetwork,
    shipped_network,
)
from apexline.features.expression.stream import ExpressionRow, ExpressionStream

__all__ = [
    "LABELS_WORDS",
    "RATERS_WORDS",
    "WEIGHTS",
    "ExpressionRow",
    "ExpressionStream",
    "WordNetwork",
    "shipped_network",
]
