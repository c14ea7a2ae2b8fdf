"""Numbers to draw, and how they are read back from the axes."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

FRAMES = np.arange(40)
TRUTH = pd.DataFrame({"onset": [11], "offset": [24]})


def bump(centre: float, height: float) -> np.ndarray:
    return height * np.exp(-(((FRAMES - centre) / 4) ** 2))


def line(axes: Axes, label: str) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y of the one line with this label."""
    found = [each for each in axes.lines if each.get_label() == label]
    assert len(found) == 1, f"{label!r} is not one of {[each.get_label() for each in axes.lines]}"
    return np.asarray(found[0].get_xdata()), np.asarray(found[0].get_ydata())


def curve(axes: Axes, label: str) -> np.ndarray:
    (found,) = [each for each in axes.lines if each.get_label() == label]
    return np.asarray(found.get_ydata())


def mark(axes: Axes, marker: str) -> tuple[float, float]:
    (found,) = [each for each in axes.lines if each.get_marker() == marker]
    return float(np.ravel(found.get_xdata())[0]), float(np.ravel(found.get_ydata())[0])
