"""One track whose motion is made by hand, and what was decided on it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from apexline.assets.figures.decision import TrackView
from apexline.features.spotting.config import SegmentConfig
from apexline.features.spotting.decisions import Decision, TrackCurves, explain

FPS = 25.0
TRACK = "bbbb00001111"
CONFIG = SegmentConfig(
    rule="curves",
    regions=("left_mouth", "left_brow"),
    apex_fraction=0.25,
    min_motion_px=0.7,
    repeat_fraction=0.25,
)
NO_TRUTH = pd.DataFrame({"onset": [], "offset": []})


def bump(onset: int, apex: int, offset: int, height: float) -> np.ndarray:
    return np.interp(np.arange(100), [onset, apex, offset], [0.0, height, 0.0])


def decision(mouth: np.ndarray, texture: np.ndarray | None = None, **options: object) -> Decision:
    displacement = np.zeros((100, 2, 2))
    displacement[:, 0, 1] = mouth  # to the right
    displacement[:, 1, 0] = mouth / 10  # down
    frames = np.arange(100)
    changed = np.zeros(100) if texture is None else texture
    curves = TrackCurves(frames, frames / FPS, displacement, changed)
    return explain(curves, track_id=TRACK, config=replace(CONFIG, **options))  # type: ignore[arg-type]


def view(*decisions: Decision, truth: pd.DataFrame = NO_TRUTH, synthetic: bool = False) -> TrackView:
    times = np.arange(100) / FPS
    texture = pd.DataFrame({"time_s": times, "kind": "sl", "difference": 0.1 + bump(30, 40, 50, 0.2)})
    return TrackView(decisions, texture, truth, CONFIG, synthetic)
