"""Aligned face crops in the lake: how they are written, streamed and looked up.

Belongs here: the layout of the table ``face_crops``. Stays out: how a crop is made or described.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from apexline.assets.lake.schemas import TABLES
from apexline.assets.lake.storage import Lake
from apexline.features.faces import CROP_SIZE

_ROWS_AT_ONCE = 256


class TrackStream(Protocol):
    """Turns the crops of one track into feature rows with bounded memory."""

    def push(self, crop: NDArray[np.uint8], frame: int, time_s: float) -> list[Any]:
        """Take the next crop, (128, 128) uint8; return the rows that are final."""
        ...

    def flush(self) -> list[Any]:
        """Return the rows still held back."""
        ...


def as_crop(data: bytes) -> NDArray[np.uint8]:
    """Return stored bytes as a (128, 128) uint8 array."""
    return np.frombuffer(data, np.uint8).reshape(CROP_SIZE, CROP_SIZE)


def iter_crops(
    lake: Lake, camera_day: str, clip_id: str
) -> Iterator[tuple[str, int, float, NDArray[np.uint8]]]:
    """Yield (track_id, frame, time_s, crop) of a clip in frame order, a row group at a time."""
    for batch in lake.iter_batches("face_crops", clip_id, camera_day=camera_day):
        columns = [batch.column(name) for name in ("track_id", "frame", "time_s", "crop")]
        for track_id, frame, time_s, crop in zip(*columns, strict=True):
            yield track_id.as_py(), frame.as_py(), time_s.as_py(), as_crop(crop.as_py())


def write_track_features(
    lake: Lake,
    table: str,
    make_stream: Callable[[], TrackStream],
    camera_day: str,
    clip_id: str,
    stamp: str,
) -> None:
    """Stream a clip's crops through one feature stream per track into `table`.

    A track's stream is closed at its last crop, so memory follows the number of faces in view, not the
    length of the clip.
    """
    last = _last_frames(lake, camera_day, clip_id)
    streams: dict[str, TrackStream] = {}
    with lake.writer(table, clip_id, stamp=stamp, camera_day=camera_day) as writer:
        rows: list[dict[str, Any]] = []
        for track_id, frame, time_s, crop in iter_crops(lake, camera_day, clip_id):
            if track_id not in streams:
                streams[track_id] = make_stream()
            found = streams[track_id].push(crop, frame, time_s)
            if frame == last[track_id]:
                found = [*found, *streams.pop(track_id).flush()]
            rows.extend({"clip_id": clip_id, "track_id": track_id, **asdict(row)} for row in found)
            if len(rows) >= _ROWS_AT_ONCE:
                writer.write_table(rows_table(table, rows))
                rows = []
        writer.write_table(rows_table(table, rows))


def rows_table(table: str, rows: list[dict[str, Any]]) -> pa.Table:
    """Build an Arrow table with the lake schema of `table`."""
    return pa.Table.from_pylist(rows, schema=TABLES[table])


def _last_frames(lake: Lake, camera_day: str, clip_id: str) -> dict[str, int]:
    index = lake.read("face_crops", clip_id, camera_day=camera_day, columns=["track_id", "frame"])
    grouped = index.group_by("track_id").aggregate([("frame", "max")])
    return dict(zip(grouped["track_id"].to_pylist(), grouped["frame_max"].to_pylist(), strict=True))


def crops_at(
    lake: Lake, camera_day: str, clip_id: str, wanted: Iterable[tuple[str, int]]
) -> dict[tuple[str, int], NDArray[np.uint8]]:
    """Look up crops by (track_id, frame); where a frame was dropped, the track's nearest kept one is given.

    Returns
    -------
    dict
        Crop (128, 128) uint8 by the (track_id, frame) asked for; a track without crops is absent.
    """
    index = lake.read("face_crops", clip_id, camera_day=camera_day, columns=["track_id", "frame"])
    tracks = np.asarray(index["track_id"].to_pylist(), dtype=object)
    frames = index["frame"].to_numpy()
    nearest: dict[tuple[str, int], list[tuple[str, int]]] = {}
    for track_id, frame in wanted:
        kept = frames[tracks == track_id]
        if kept.size:
            found = int(kept[np.argmin(np.abs(kept - frame))])
            nearest.setdefault((track_id, found), []).append((track_id, frame))
    crops: dict[tuple[str, int], NDArray[np.uint8]] = {}
    for batch in lake.iter_batches("face_crops", clip_id, camera_day=camera_day):
        chosen = pa.Table.from_batches([batch])
        chosen = chosen.filter(pc.field("frame").isin(pa.array([key[1] for key in nearest], pa.int32())))
        for row in chosen.to_pylist():
            for key in nearest.get((row["track_id"], row["frame"]), []):
                crops[key] = as_crop(row["crop"])
    return crops
