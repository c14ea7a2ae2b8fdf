"""What a person looks at next: where the model is unsure, where versions differ, and a draw at random.

Belongs here: orders. Stays out: pages (``app``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from apexline.review.archive import Row

_EMOTIONS = ("happy", "angry", "calm", "scared")


def waiting(rows: Sequence[Row], order: str, reviewer: str) -> list[Row]:
    """Return the segments that a person has not reviewed, those to look at first first.

    Parameters
    ----------
    rows : sequence of dict
        A day's segments.
    order : str
        ``uncertain``: no answer, then the smallest lead of the most probable emotion over the next; ``disagreement``:
        versions say different emotions, or reviewers do; ``audit``: a random order, the same for everybody, by which
        the share of errors can be told without bias.
    reviewer : str

    Raises
    ------
    ValueError
        For another order.
    """
    if order not in ORDERS:
        msg = f"saw the order {order!r}, expected one of {', '.join(ORDERS)}"
        raise ValueError(msg)
    chosen, key = _HOW[order]
    own = [row for row in rows if not row["drawn"] and reviewer not in row["reviewed_as"] and chosen(row)]
    return sorted(own, key=key)


def _lead(row: Row) -> float:
    if row["answer"] == "abstained":
        return -1.0
    first, second = sorted((row[f"p_{name}"] for name in _EMOTIONS), reverse=True)[:2]
    return first - second


def _draw(row: Row) -> bytes:
    return hashlib.sha256(row["segment_id"].encode()).digest()


_HOW: Mapping[str, tuple[Callable[[Row], bool], Callable[[Row], Any]]] = {
    "uncertain": (lambda row: row["answer"] != "unscored", _lead),
    "disagreement": (lambda row: row["disagree"] or row["reviewed"] == "disputed", _draw),
    "audit": (lambda row: True, _draw),
}
ORDERS = tuple(_HOW)
