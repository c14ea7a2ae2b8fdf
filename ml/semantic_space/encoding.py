"""Arrays, tuples and NaN as plain JSON values, and back.

Belongs here: what a stored dataclass of arrays needs, whichever it is. Stays out: its fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


def to_plain(value: Any) -> Any:
    """Return a value as what JSON can hold: arrays with their shape, tuples as lists, NaN as null."""
    if isinstance(value, np.ndarray):
        # The shape is kept: a list cannot tell (L, 0) from (L,).
        return {"shape": list(value.shape), "values": [to_plain(each) for each in value.ravel().tolist()]}
    if isinstance(value, Mapping):
        return {"mapping": {key: to_plain(each) for key, each in value.items()}}
    if isinstance(value, tuple):
        return list(value)
    # JSON has no NaN.
    return None if isinstance(value, float) and np.isnan(value) else value


def from_plain(value: Any) -> Any:
    """Return what `to_plain` was given; lists come back as tuples, null as NaN."""
    if isinstance(value, list):
        return tuple(value)
    if isinstance(value, dict):
        if "mapping" in value:
            return {key: from_plain(each) for key, each in value["mapping"].items()}
        values = np.array([np.nan if each is None else each for each in value["values"]], np.float64)
        return values.reshape(value["shape"])
    return np.nan if value is None else value


def rounded(value: Any) -> Any:
    """Return plain values with every float rounded to 8 decimals."""
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    if isinstance(value, list):
        return [rounded(each) for each in value]
    # + 0.0 turns -0.0 into 0.0
    return round(value, 8) + 0.0 if isinstance(value, float) else value
