"""Annotations that came with clips, and the tracks that they belong to.

Belongs here: looking labels up in the lake. Stays out: what is learned from them (``assets.training``).
"""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from apexline.assets.lake.storage import Lake
from apexline.features.faces import Box, box_iou

_PREFIX = "camera_day="


def listed_camera_days(lake: Lake) -> list[str]:
    """Return the camera-days that have a manifest, sorted."""
    folder = lake.home / "lake" / "clip_manifest"
    named = (each for each in folder.iterdir() if each.name.startswith(_PREFIX)) if folder.is_dir() else ()
    return sorted(each.name.removeprefix(_PREFIX) for each in named if each.is_dir())


def track_of(tracks: pa.Table, label: dict[str, Any]) -> str | None:
    """Return the track whose box at the label's apex overlaps the labelled box most; None where none does."""
    at_apex = tracks.filter(pc.field("frame") == label["apex"]).to_pylist()
    labelled = _box_of(label)
    overlaps = {row["track_id"]: box_iou(_box_of(row), labelled) for row in at_apex}
    best = max(overlaps, key=overlaps.__getitem__, default=None)
    return best if best is not None and overlaps[best] > 0.2 else None


def _box_of(row: dict[str, Any]) -> Box:
    return Box(row["x"], row["y"], row["w"], row["h"])
