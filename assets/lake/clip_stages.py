"""The stages of one clip, from its pixels to its segments: a file of the lake from those of the stage before.

Belongs here: what the assets compute for a clip in the installation's lake, and the same for a clip that is only
asked about, in a lake that lives as long as the question. Stays out: Dagster and which clips are out of date
(``camera_days``), the layout of crops and the features made of them (``crops``), what a model says
(``assets.scoring``).
"""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
from upath import UPath

from apexline.assets.lake.clips import hash_file
from apexline.assets.lake.crops import (
    TrackRows,
    frames_of_tracks,
    row_groups,
    rows_table,
    write_all_features,
)
from apexline.assets.lake.pictures import PictureMeter
from apexline.assets.lake.storage import Lake
from apexline.features import DECIDING_COLUMNS, LONGEST_STRETCH, Columns, FeatureConfig, find_segments
from apexline.features.expression import ExpressionStream
from apexline.features.flow import FlowStream
from apexline.features.modc import TextureStream
from apexline.features.tracking import TrackedFace, track_faces
from apexline.features.video import read_frames

# Faces that become a table together: as rows they take more memory.
_FACES_AT_ONCE = 256
# A clip that is only asked about belongs to no camera; its lake holds nothing else.
_NO_CAMERA_DAY = "none"


@dataclass(frozen=True)
class LakeClip:
    """A clip whose files lie in a lake."""

    lake: Lake
    camera_day: str
    clip_id: str


@contextmanager
def process_clip(clip: Path, *, features: FeatureConfig) -> Generator[LakeClip]:
    """Take a clip from its pixels to its segments as the assets do; its files are gone when the block ends.

    The clip is decoded and tracked once. Memory does not grow with its length: crops and features lie in a temporary
    folder.

    Parameters
    ----------
    clip : Path
        Video file.
    features : FeatureConfig

    Yields
    ------
    LakeClip
        With the tables from ``clip_manifest`` to ``expression_segments``.

    Raises
    ------
    features.video.reader.UnreadableVideo
        If the file cannot be read.
    """
    sha256 = hash_file(clip)
    with tempfile.TemporaryDirectory(prefix="apexline-") as folder:
        # Packing takes a fiftieth of the time, and what is packed is gone in a moment.
        lake, clip_id = Lake(UPath(folder), compression="none"), sha256[:16]
        at = {"camera_day": _NO_CAMERA_DAY, "clip_id": clip_id, "stamp": ""}
        manifest = {"clip_id": clip_id, "sha256": sha256, "path": str(clip.absolute()), "synthetic": False}
        lake.write("clip_manifest", clip_id, [manifest], stamp="", camera_day=_NO_CAMERA_DAY)
        lake.write("annotations", clip_id, [], stamp="", camera_day=_NO_CAMERA_DAY)
        write_tracks(lake, features, **at)
        streams = {
            "texture_features": partial(TextureStream, features.texture, features.device),
            "flow_features": partial(FlowStream, features.flow, features.device),
            "expression_features": ExpressionStream,
        }
        write_all_features(lake, streams, **at)
        write_segments(lake, features, **at)
        yield LakeClip(lake, _NO_CAMERA_DAY, clip_id)


def write_tracks(lake: Lake, features: FeatureConfig, camera_day: str, clip_id: str, stamp: str) -> None:
    """Track the faces of a clip into ``face_crops`` and ``face_tracks``, the tracks last, and count its frames."""
    manifest = lake.read("clip_manifest", clip_id, camera_day=camera_day).to_pylist()[0]
    with (
        lake.local_copy(lake.home / manifest["path"]) as local,
        row_groups(lake, "face_tracks", camera_day, clip_id, stamp) as tracks,
        row_groups(lake, "face_crops", camera_day, clip_id, stamp) as crops,
    ):
        frames, meter = read_frames(local), PictureMeter()
        faces = track_faces(
            meter.watch(frames), faces=features.faces, tracks=features.tracks, clip_key=manifest["sha256"]
        )
        faceless = True
        track_rows: list[dict[str, Any]] = []
        crop_rows: list[dict[str, Any]] = []
        for face in faces:
            faceless = False
            track_rows.append(_track_row(clip_id, face))
            if face.crop is not None:
                crop_rows.append(_crop_row(clip_id, face))
            if len(track_rows) >= _FACES_AT_ONCE:
                tracks.write_table(rows_table("face_tracks", track_rows))
                crops.write_table(rows_table("face_crops", crop_rows))
                track_rows, crop_rows = [], []
        tracks.write_table(rows_table("face_tracks", track_rows))
        crops.write_table(rows_table("face_crops", crop_rows))
        tracks.file.add_key_value_metadata(meter.footer(faceless=faceless))
        row = {
            "clip_id": clip_id,
            "frames_read": frames.num_read,
            "frames_lost": frames.num_corrupt,
            "reasons": [f"{count} x {reason}" for reason, count in frames.reasons.most_common()],
        }
        lake.write("clip_frames", clip_id, [row], stamp=stamp, camera_day=camera_day)


class LostFrames(NamedTuple):
    """Frames of a clip, those that were lost among them."""

    num_read: int
    num_lost: int
    reasons: tuple[str, ...]

    def __str__(self) -> str:
        """Return how many of how many, and why."""
        total = self.num_read + self.num_lost
        return f"{self.num_lost} of {total} frames are lost ({'; '.join(self.reasons)})"


def lost_frames(lake: Lake, camera_days: Iterable[str]) -> dict[tuple[str, str], LostFrames]:
    """Return what each tracked clip that lost frames has lost, by camera-day and clip."""
    return {
        (camera_day, row["clip_id"]): LostFrames(
            row["frames_read"], row["frames_lost"], tuple(row["reasons"])
        )
        for camera_day in camera_days
        for row in lake.read_all("clip_frames", camera_days=[camera_day]).to_pylist()
        if row["frames_lost"]
    }


def deciding_columns(lake: Lake, camera_day: str, clip_id: str) -> Iterator[tuple[str, list[Columns]]]:
    """Yield the columns that segments of each track are found in, `LONGEST_STRETCH` of its frames at a time.

    Yields
    ------
    track_id : str
    columns : list
        Of texture, flow and words, as `features.find_segments` takes them. Those of the stretches that begin within
        as many frames of the clip are in memory together, however long it is.
    """
    stretches = [
        (start, track_id)
        for track_id, frames in frames_of_tracks(lake, "flow_features", camera_day, clip_id).items()
        for start in frames[::LONGEST_STRETCH]
    ]
    for _, begun in groupby(sorted(stretches), key=lambda stretch: stretch[0] // LONGEST_STRETCH):
        together = list(begun)
        held = range(together[0][0], together[-1][0] + LONGEST_STRETCH)
        tables = [
            TrackRows(
                lake.read(table, clip_id, camera_day=camera_day, columns=["track_id", *columns], frames=held)
            )
            for table, columns in DECIDING_COLUMNS.items()
        ]
        for start, track_id in together:
            frames = range(start, start + LONGEST_STRETCH)
            yield track_id, [table.of(track_id, frames=frames) for table in tables]
        del tables
        pa.default_memory_pool().release_unused()


def write_segments(lake: Lake, features: FeatureConfig, camera_day: str, clip_id: str, stamp: str) -> None:
    """Find the segments of a clip's tracks in their stored features, into ``expression_segments``."""
    rows: list[dict[str, Any]] = []
    for track_id, columns in deciding_columns(lake, camera_day, clip_id):
        found = find_segments(*columns, track_id=track_id, config=features)
        rows.extend(
            {**asdict(each), "clip_id": clip_id, "segment_id": f"{track_id}-{each.onset}"} for each in found
        )
    rows.sort(key=lambda row: (row["track_id"], row["onset"]))
    lake.write("expression_segments", clip_id, rows, stamp=stamp, camera_day=camera_day)


def _track_row(clip_id: str, face: TrackedFace) -> dict[str, Any]:
    x, y, w, h = (float(value) for value in face.box)
    return {
        "clip_id": clip_id,
        "track_id": face.track_id,
        "frame": face.frame,
        "time_s": face.time_s,
        "x": x,
        "y": y,
        "w": w,
        "h": h,
        "landmarks": face.landmarks.ravel().tolist(),  # (5, 2) -> (10,)
        "detector_score": face.detector_score,
        "detected": face.detected,
        "size_px": face.quality.size_px,
        "blur": face.quality.blur,
        "yaw": face.quality.yaw,
        "roll_deg": face.quality.roll_deg,
        "kept": face.kept,
        "drop_reason": face.drop_reason,
    }


def _crop_row(clip_id: str, face: TrackedFace) -> dict[str, Any]:
    return {
        "clip_id": clip_id,
        "track_id": face.track_id,
        "frame": face.frame,
        "time_s": face.time_s,
        "crop": face.crop.tobytes() if face.crop is not None else None,
    }
