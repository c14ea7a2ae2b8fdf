"""Curves of one segment, drawn from the lake: what a person looks at to understand a decision.

Belongs here: choosing the rows and calling ``figures``. Stays out: drawing itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.compute as pc
from matplotlib.figure import Figure

from assets import figures
from assets.crops import crops_at
from assets.lake import Lake
from assets.parameters import Parameters
from assets.training_set import camera_days, track_of
from features.curves import change_threshold, smooth

TEXTURE_SHOWN = ("sl", "sr")
_NO_SEGMENTS = pd.DataFrame({"onset": [], "apex": [], "offset": []})


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
    return [_shown(lake, camera_day, row) for row in rows[:limit]]


def example_segment(lake: Lake) -> ShownSegment | None:
    """Return the strongest segment of all, for the report; None where none was found."""
    best = [each for day in camera_days(lake) for each in strongest_segments(lake, day, limit=1)]
    return max(best, key=lambda each: each.row["score"], default=None)


def longest_track(lake: Lake, camera_day: str) -> ShownSegment | None:
    """Return the camera-day's track with most kept frames, to show features before segments are known."""
    rows = lake.read_all("face_tracks", camera_days=[camera_day], columns=["clip_id", "track_id", "kept"])
    counts = rows.filter(pc.field("kept")).group_by(["clip_id", "track_id"]).aggregate([([], "count_all")])
    best = max(counts.to_pylist(), key=lambda row: (row["count_all"], row["track_id"]), default=None)
    return None if best is None else _shown(lake, camera_day, best)


def faces_figure(lake: Lake, camera_day: str, *, limit: int = 8) -> list[tuple[str, Figure]]:
    """Draw one aligned face per track, at the middle of the track."""
    rows = lake.read_all(
        "face_tracks", camera_days=[camera_day], columns=["clip_id", "track_id", "frame", "kept"]
    )
    kept = rows.filter(pc.field("kept")).to_pandas()
    if kept.empty:
        return []
    crops: list[tuple[str, Any]] = []
    for (clip_id, track_id), frames in list(kept.groupby(["clip_id", "track_id"])["frame"])[:limit]:
        key = (str(track_id), int(frames.median()))
        found = crops_at(lake, camera_day, str(clip_id), [key])
        crops.append((f"track {str(track_id)[:6]}, frame {key[1]}", found[key]))
    synthetic = all(lake.read_all("clip_manifest", camera_days=[camera_day])["synthetic"].to_pylist())
    return [("Aligned faces", figures.face_strip(crops, synthetic=synthetic))]


def texture_figure(lake: Lake, camera_day: str, parameters: Parameters) -> list[tuple[str, Figure]]:
    """Draw Figure 5 for the camera-day's longest track."""
    shown = longest_track(lake, camera_day)
    if shown is None:
        return []
    every = _of_track(lake, "texture_features", shown)
    rows = pd.DataFrame(every[every["kind"].isin(TEXTURE_SHOWN)])
    return [
        (
            "Texture change of the longest track",
            figures.texture_curves(
                rows,
                thresholds=_thresholds(rows, parameters),
                segments=_NO_SEGMENTS,
                truth=_truth(lake, shown),
                synthetic=shown.synthetic,
            ),
        )
    ]


def flow_figure(lake: Lake, camera_day: str) -> list[tuple[str, Figure]]:
    """Draw Figure 6 for the camera-day's longest track and its region that moves most."""
    shown = longest_track(lake, camera_day)
    if shown is None:
        return []
    rows = _of_track(lake, "flow_features", shown)
    roi = str(rows.loc[rows["magnitude"].idxmax(), "roi"])
    truth = _truth(lake, shown)
    figure = figures.flow_curves(rows, roi=roi, segments=_NO_SEGMENTS, truth=truth, synthetic=shown.synthetic)
    return [("Module and angle of the longest track", figure)]


def _shown(lake: Lake, camera_day: str, row: dict[str, Any]) -> ShownSegment:
    clip = lake.read("clip_manifest", row["clip_id"], camera_day=camera_day, columns=["synthetic"])
    return ShownSegment(camera_day, row, bool(clip["synthetic"][0].as_py()))


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
