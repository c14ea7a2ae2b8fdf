"""Rows of one track, as the lake stores them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.assets.figures.drawn import FRAMES, bump


@pytest.fixture
def texture() -> pd.DataFrame:
    left = pd.DataFrame({"frame": FRAMES, "kind": "sl", "difference": 0.1 + bump(15, 0.4)})
    right = pd.DataFrame({"frame": FRAMES, "kind": "sr", "difference": 0.2 + bump(16, 0.3)})
    # The order of the rows must not matter.
    return pd.concat([left, right]).sample(frac=1, random_state=0)


@pytest.fixture
def flow() -> pd.DataFrame:
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    brow = pd.DataFrame({"frame": FRAMES, "roi": "left_brow", "magnitude": bump(15, 2.0), "angle": angle})
    mouth = pd.DataFrame({"frame": FRAMES, "roi": "left_mouth", "magnitude": bump(30, 1.0), "angle": angle})
    return pd.concat([mouth, brow])
