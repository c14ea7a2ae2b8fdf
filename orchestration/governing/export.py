"""What is stored of one person's track, to hand out to that person (GDPR Art. 15): data and video without the others.

Belongs here: finding a track's rows, writing the video. Stays out: who may have it, which a person decides.

Nobody else is shown: every picture is made coarse as a whole, and only the track's own face is put back, less what
another face covers of it. So a face that was never found is coarse too, which blurring the found ones would not give.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from apexline.assets.lake import TABLES, WITHOUT_CAMERA_DAY, DamagedFile, Lake, listed_camera_days, read_clip
from apexline.features.video import probe_video, read_frames, write_video
from apexline.governance import governance_folder, opaque, record

# Vectors that are no data about what they did; pixels, all columns of bytes, stay in the video.
_LEFT_OUT = ("block_differences", "hoof", "landmarks", "texture", "flow")
_BLOCKS = 20  # across the shorter side: a face that fills half the picture has ten
_MARGIN = 0.15  # of the face box, to each side


@dataclass(frozen=True)
class Box:
    """A face in a picture: left, top, right, bottom, px."""

    left: int
    top: int
    right: int
    bottom: int


def export_track(
    lake: Lake, track_id: str, folder: Path, *, by: str, why: str, now: datetime
) -> dict[str, Any]:
    """Write what is stored of a track into a folder.

    Returns
    -------
    dict
        Rows by table, and whether there is a video: without it (kept for a shorter time) the rest is handed out alone.

    Raises
    ------
    LookupError
        Where no such track is stored.
    """
    camera_day, clip_id = _find(lake, track_id)
    folder.mkdir(parents=True, exist_ok=True)
    rows = _rows(lake, camera_day, clip_id, track_id)
    (folder / "data.json").write_text(json.dumps(rows, indent=1, default=str), encoding="utf-8")
    with_video = _write_video(lake, camera_day, clip_id, track_id, folder / "video.mp4")
    hidden = opaque(governance_folder(lake.home), track_id)
    record(lake.home, "export", who=by, why=why, now=now, track=hidden, video=with_video)
    return {"track": track_id, **{table: len(each) for table, each in rows.items()}, "video": with_video}


def _find(lake: Lake, track_id: str) -> tuple[str, str]:
    for day in listed_camera_days(lake):
        found = lake.read_all("face_tracks", camera_days=[day], columns=["clip_id", "track_id"])
        own = found.filter(pc.field("track_id") == track_id)
        if own.num_rows:
            return day, own["clip_id"][0].as_py()
    msg = f"no track {track_id!r} is stored; tracks stand in the warehouse table `segments`"
    raise LookupError(msg)


def _rows(lake: Lake, camera_day: str, clip_id: str, track_id: str) -> dict[str, list[dict[str, Any]]]:
    """Return the track's rows of each table, those that models learned from among them, and the clip's manifest."""
    found: dict[str, list[dict[str, Any]]] = {}
    for table, schema in TABLES.items():
        day = None if table in WITHOUT_CAMERA_DAY else camera_day
        columns = [
            each.name
            for each in schema
            if each.name not in _LEFT_OUT and not pa.types.is_fixed_size_binary(each.type)
        ]
        if "track_id" not in columns and table != "clip_manifest":
            continue  # of everybody in the clip, or of nobody
        for name in lake.names(table, camera_day=day):
            if day and name != clip_id and not name.startswith(f"{clip_id}-"):
                continue
            rows = lake.read(table, name, camera_day=day, columns=columns)
            if "track_id" in columns:
                rows = rows.filter(pc.field("track_id") == track_id)
            if rows.num_rows:
                found.setdefault(table, []).extend(rows.to_pylist())
    return found


def _write_video(lake: Lake, camera_day: str, clip_id: str, track_id: str, target: Path) -> bool:
    try:
        path = read_clip(lake, camera_day, clip_id).path
    except DamagedFile:
        return False
    if not path.is_file():
        return False
    tracks = lake.read("face_tracks", clip_id, camera_day=camera_day).to_pandas()
    with lake.local_copy(path) as local:
        write_video(target, _frames(local, tracks, track_id), fps=probe_video(local).fps or 25)
    return True


def _frames(path: Path, tracks: pd.DataFrame, track_id: str) -> Generator[NDArray[np.uint8]]:
    own = _boxes(tracks[tracks["track_id"] == track_id])
    others = [_boxes(rows) for name, rows in tracks.groupby("track_id") if name != track_id]
    for frame in read_frames(path):
        rows, cols = (side // 2 * 2 for side in frame.image.shape[:2])  # the encoder takes even sides
        covered = [boxes[frame.index] for boxes in others if frame.index in boxes]
        yield without_others(frame.image[:rows, :cols], own.get(frame.index), covered)


def without_others(image: NDArray[np.uint8], own: Box | None, others: list[Box]) -> NDArray[np.uint8]:
    """Return a picture, shape (M, N, 3), in which only one face can be seen; none where `own` is None."""
    rows, cols = image.shape[:2]
    scale = _BLOCKS / min(rows, cols)
    small = cv2.resize(
        image, (max(1, round(cols * scale)), max(1, round(rows * scale))), interpolation=cv2.INTER_AREA
    )
    coarse = cv2.resize(small, (cols, rows), interpolation=cv2.INTER_LINEAR)
    shown = np.zeros((rows, cols), bool)
    if own is not None:
        shown[max(0, own.top) : own.bottom, max(0, own.left) : own.right] = True
        for each in others:
            shown[max(0, each.top) : each.bottom, max(0, each.left) : each.right] = False
    return np.where(shown[..., None], image, coarse).astype(np.uint8)


def _boxes(rows: pd.DataFrame) -> dict[int, Box]:
    """Return the boxes of a track by frame, with a margin; between frames that are stored they are interpolated."""
    rows = rows.sort_values("frame")
    frames = rows["frame"].to_numpy()
    between = np.arange(frames[0], frames[-1] + 1)
    x, y, w, h = (np.interp(between, frames, rows[name].to_numpy()) for name in "xywh")
    left, top = x - _MARGIN * w, y - _MARGIN * h
    right, bottom = x + (1 + _MARGIN) * w, y + (1 + _MARGIN) * h
    return {
        int(frame): Box(*(int(value[k]) for value in (left, top, right, bottom)))
        for k, frame in enumerate(between)
    }
