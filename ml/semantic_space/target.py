"""The target that factors are turned to: its directions by pair, and whether a rotation can use it.

Belongs here: checking and aligning targets. Stays out: turning (``rotation``), word norms (``ml.norms``).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from apexline.ml import norms
from apexline.ml.emotions import PAD_AXES

Rotation = Literal["procrustes", "varimax"]


def target_directions(
    table: pd.DataFrame, target: pd.DataFrame | ArrayLike | None, midpoint: pd.DataFrame | None
) -> tuple[pd.DataFrame | None, pd.DataFrame | None, tuple[str, ...]]:
    """Target directions and midpoints by pair, and the names of the target's axes."""
    if target is None:
        if not set(table.columns) <= set(norms.pair_ids()):
            return None, None, ()
        highest = float(np.nanmax(np.abs(table.to_numpy(np.float64)), initial=0.0))
        if highest > 1 + 1e-9:
            msg = f"saw a score of magnitude {highest:g}, expected -1..1; see ml.surveys.ratings.level_scores"
            raise ValueError(msg)
        pairs = norms.select_pairs(table.columns)
        return norms.target_of(pairs), norms.midpoint_of(pairs), PAD_AXES
    if isinstance(target, pd.DataFrame):
        missing = [name for name in table.columns if name not in target.index]
        if missing:
            msg = f"the target has no rows for the pairs {missing}; give every pair a row, NaN where unknown"
            raise ValueError(msg)
        directions = target.loc[table.columns].astype(np.float64)
        return directions, midpoint, tuple(str(name) for name in target.columns)
    values = np.asarray(target, np.float64)
    if values.ndim != 2 or values.shape[0] != table.shape[1]:
        msg = f"saw a target of shape {values.shape}, expected ({table.shape[1]}, axes): a row for each pair"
        raise ValueError(msg)
    num = values.shape[1]
    axes = PAD_AXES if num == len(PAD_AXES) else tuple(f"axis_{i}" for i in range(1, num + 1))
    return pd.DataFrame(values, index=table.columns, columns=list(axes)), None, axes


def check_rotation(rotation: Rotation, directions: pd.DataFrame | None, n_factors: int) -> None:
    """Raise ValueError for an unknown rotation, or one that needs a target of `n_factors` axes and has none."""
    if rotation not in ("procrustes", "varimax"):
        msg = f"saw rotation {rotation!r}, expected 'procrustes' or 'varimax'"
        raise ValueError(msg)
    if rotation == "varimax":
        return
    if directions is None:
        msg = (
            "rotation 'procrustes' needs a target, and not all columns are pairs of the project; "
            "pass target= or use rotation='varimax'"
        )
        raise ValueError(msg)
    if directions.shape[1] != n_factors:
        msg = (
            f"saw {n_factors} factors and a target of {directions.shape[1]} axes, expected as many; "
            "change n_factors or use rotation='varimax'"
        )
        raise ValueError(msg)
