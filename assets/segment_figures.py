"""Curves of one segment, drawn from the lake: what a person looks at to understand a decision.

Belongs here: choosing the rows and calling ``figures``. Stays out: drawing itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from assets import figures
from assets.crops import crops_at
from assets.lake import Lake
from assets.parameters import Parameters
from assets.training_set import camera_days, track_of
from features.curves import change_threshold, smooth

TEXTURE_SHOWN = ("sl", "sr")


@dataclass(frozen=True)
class ShownSegment:
    """A segment to draw: where it lies, its row of ``expression_segments``, and whether the clip is synthetic."""

    camera_day: str
    row: dict[str, Any]
    synthetic: bool

    @property
    def clip_id(self) -> str:
        """Clip of the segment."""
        return self.row["clip_id"]

    @property
    def track_id(self) -> str:
        """Track of the segment."""
        return self.row["track_id"]


def strongest_segments(lake: Lake, camera_day: str, *, limit: int) -> list[ShownSegment]:
    """Return a camera-day's segments with the highest scores."""
    rows = lake.read_all("expression_segments", camera_days=[camera_day]).to_pylist()
    rows.sort(key=lambda row: -row["score"])
    return [
        ShownSegment(
            camera_day,
            row,
            bool(lake.read("clip_manifest", row["clip_id"], camera_day=camera_day)["synthetic"][0].as_py()),
        )
        for row in rows[:limit]
    ]


def example_segment(lake: Lake) -> ShownSegment | None:
    """Return the strongest segment of all, for the report; None where none was found."""
    best = [each for day in camera_days(lake) for each in strongest_segments(lake, day, limit=1)]
    return max(best, key=lambda each: each.row["score"], default=None)


def curve_figures(lake: Lake, shown: ShownSegment, parameters: Parameters) -> list[tuple[str, str, Figure]]:
    """Draw Figures 5 to 7, the polar map of eq. 22 and the face at onset, apex and offset.

    Returns
    -------
    list of (number in the paper or "", title, Figure)
    """
    texture, flow = (_of_track(lake, table, shown) for table in ("texture_features", "flow_features"))
    texture = texture.loc[texture["kind"].isin(TEXTURE_SHOWN)]
    segments = _of_track(lake, "expression_segments", shown)
    truth = _truth(lake, shown)
    synthetic = shown.synthetic
    roi = shown.row["roi"] or str(flow.loc[flow["magnitude"].idxmax(), "roi"])
    return [
        (
            "5",
            "Texture change",
            figures.texture_curves(
                texture,
                thresholds=_thresholds(texture, parameters),
                segments=segments,
                truth=truth,
                synthetic=synthetic,
            ),
        ),
        (
            "6",
            "Module and angle of the flow",
            figures.flow_curves(flow, roi=roi, segments=segments, truth=truth, synthetic=synthetic),
        ),
        (
            "7",
            "Texture and flow together",
            figures.fused_curves(flow, texture, segments=segments, truth=truth, synthetic=synthetic),
        ),
        ("", "Polar map", figures.polar_map(flow, roi=roi, segments=segments, synthetic=synthetic)),
        ("", "Onset, apex, offset", _strip(lake, shown)),
    ]


def _of_track(lake: Lake, table: str, shown: ShownSegment) -> pd.DataFrame:
    rows = lake.read(table, shown.clip_id, camera_day=shown.camera_day).to_pandas()
    return rows[rows["track_id"] == shown.track_id]


def _truth(lake: Lake, shown: ShownSegment) -> pd.DataFrame:
    tracks = lake.read("face_tracks", shown.clip_id, camera_day=shown.camera_day)
    labels = lake.read("annotations", shown.clip_id, camera_day=shown.camera_day).to_pylist()
    own = [e for e in labels if e["emotion"] != "calm" and track_of(tracks, e) == shown.track_id]
    return pd.DataFrame(own, columns=["onset", "offset"])


def _thresholds(texture: pd.DataFrame, parameters: Parameters) -> dict[str, float]:
    delta = parameters.features.segments.delta
    return {
        str(kind): change_threshold(smooth(rows["difference"].to_numpy(np.float64)), delta=delta)
        for kind, rows in texture.groupby("kind")
    }


def _strip(lake: Lake, shown: ShownSegment) -> Figure:
    moments = ("onset", "apex", "offset")
    wanted = [(shown.track_id, shown.row[moment]) for moment in moments]
    crops = crops_at(lake, shown.camera_day, shown.clip_id, wanted)
    faces = [
        (f"{moment} (frame {shown.row[moment]})", crops[key])
        for moment, key in zip(moments, wanted, strict=True)
        if key in crops
    ]
    return figures.face_strip(faces, synthetic=shown.synthetic)
