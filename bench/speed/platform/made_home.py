"""A home of many camera-days whose rows are made, not computed: what the platform does with much of them.

Belongs here: records and tables of clips that nobody filmed, of the size that a clip of three seconds and one face has.
Stays out: measuring, pixels and results: no number in these rows means anything.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from apexline.assets.lake import TABLES, Lake, Manifest
from apexline.features.registration import face_regions
from apexline.ml import EMOTIONS

NUM_FRAMES = 75
_FPS = 25.0
_FIRST_DAY = datetime(2026, 1, 1, 8, tzinfo=UTC)
_BOX = ("x", "y", "w", "h")


def make_days(lake: Lake, numbers: range, *, cameras: int) -> list[str]:
    """Write camera-days of one clip each into a lake, scored by version 1.

    Parameters
    ----------
    numbers : range
        Which ones, counted day by day and within a day camera by camera.
    cameras : int
        Of a day.

    Returns
    -------
    list of str
        The camera-days.
    """
    names: list[str] = []
    for number in numbers:
        day, camera = divmod(number, cameras)
        manifest = Manifest(
            camera=f"gate-{camera:04d}",
            captured_at=_FIRST_DAY + timedelta(days=day),
            purpose="benchmark",
            legal_basis="no person is in it",
            synthetic=True,
        )
        _write_clip(lake, manifest, hashlib.sha256(f"{number}/0".encode()).hexdigest())
        names.append(manifest.camera_day)
    return names


def crown(lake: Lake) -> None:
    """Put a decision into the lake that made version 1 champion."""
    row = dict.fromkeys(TABLES["promotions"].names) | {
        "decided_at": _FIRST_DAY,
        "model_version": 1,
        "promoted": True,
        "approved_by": "benchmark",
    }
    lake.write("promotions", "v1", [row], stamp="v1")


def _write_clip(lake: Lake, manifest: Manifest, sha256: str) -> None:
    clip_id, camera_day = sha256[:16], manifest.camera_day
    folder = lake.home / "clips" / camera_day
    folder.mkdir(parents=True, exist_ok=True)
    record = {"sha256": sha256, "file": f"{clip_id}.mp4", "manifest": manifest.model_dump(mode="json")}
    (folder / f"{clip_id}.json").write_text(json.dumps(record))
    stored: dict[str, Any] = {**manifest.model_dump(exclude={"annotations"}), "sha256": sha256}
    tables = _tables(sha256, stored)
    tables["segment_scores"] = _scores(sha256, manifest.captured_at)
    names = {**dict.fromkeys(tables, clip_id), "segment_scores": f"{clip_id}-v1-{sha256[:8]}"}
    for table, rows in tables.items():
        lake.write(table, names[table], rows, stamp=sha256[:32], camera_day=camera_day)


def _tables(sha256: str, stored: dict[str, Any]) -> dict[str, pa.Table]:
    """Return the tables of a clip, from its manifest to its segment."""
    clip_id = sha256[:16]
    manifest = stored | {
        "clip_id": clip_id,
        "path": "",
        "codec": "h264",
        "width": 320,
        "height": 240,
        "num_frames": NUM_FRAMES,
        "fps": _FPS,
        "duration_s": NUM_FRAMES / _FPS,
    }
    frames = {"clip_id": clip_id, "frames_read": NUM_FRAMES, "frames_lost": 0, "reasons": []}
    return {
        "clip_manifest": pa.Table.from_pylist([manifest], schema=TABLES["clip_manifest"]),
        "annotations": TABLES["annotations"].empty_table(),
        "clip_frames": pa.Table.from_pylist([frames], schema=TABLES["clip_frames"]),
        "face_tracks": _rows("face_tracks", sha256, {"kept": [True], "drop_reason": [""]}),
        "face_crops": _rows("face_crops", sha256),
        "texture_features": _rows("texture_features", sha256, {"kind": ["sl", "sr"]}, lists=16),
        "flow_features": _rows("flow_features", sha256, {"roi": list(face_regions())}, lists=8),
        "expression_features": _rows("expression_features", sha256, lists=15),
        "expression_segments": _segments(sha256),
    }


def _rows(
    table: str, sha256: str, told_apart: dict[str, list[Any]] | None = None, lists: int = 10
) -> pa.Table:
    """Return the rows of a table by frame: one for each value of `told_apart`, noise in the numbers."""
    known = told_apart or {}
    each = len(next(iter(known.values()), [None]))
    count = NUM_FRAMES * each
    noise = np.random.default_rng(int(sha256[:8], 16)).random(count * lists, np.float32)
    frame = np.repeat(np.arange(NUM_FRAMES, dtype=np.int32), each)
    columns: list[pa.Array] = []
    for field in TABLES[table]:
        if field.name in known:
            column = pa.array(known[field.name] * NUM_FRAMES)
        elif field.name in ("clip_id", "track_id"):
            column = pa.array([sha256[:16] if field.name == "clip_id" else sha256[16:28]] * count)
        elif field.name in ("frame", "time_s"):
            column = pa.array(frame if field.name == "frame" else frame / _FPS)
        elif pa.types.is_list(field.type):
            offsets = pa.array(np.arange(0, count * lists + 1, lists, dtype=np.int32))
            column = pa.ListArray.from_arrays(offsets, pa.array(noise))
        elif pa.types.is_fixed_size_binary(field.type):
            column = pa.array([bytes(field.type.byte_width)] * count)
        elif pa.types.is_boolean(field.type):
            column = pa.array([True] * count)
        else:
            scale = 100.0 if field.name in _BOX or field.name == "size_px" else 1.0
            column = pa.array(np.roll(noise, len(field.name))[:count] * scale)
        columns.append(column.cast(field.type))
    return pa.table(columns, schema=TABLES[table])


def _segments(sha256: str) -> pa.Table:
    frames = {"onset": 20, "apex": 30, "offset": 45}
    row = dict.fromkeys(TABLES["expression_segments"].names) | {
        "clip_id": sha256[:16],
        "track_id": sha256[16:28],
        "segment_id": f"{sha256[16:28]}-{frames['onset']}",
        **frames,
        **{f"{name}_s": frame / _FPS for name, frame in frames.items()},
        "length": "macro",
        "score": 1.0,
        "source": "learned",
        "roi": "lips",
    }
    return pa.Table.from_pylist([row], schema=TABLES["expression_segments"])


def _scores(sha256: str, moment: datetime) -> pa.Table:
    drawn = np.random.default_rng(int(sha256[8:16], 16)).dirichlet(np.ones(len(EMOTIONS) + 1))
    probabilities = dict(zip((*EMOTIONS, "other"), drawn.tolist(), strict=True))
    emotion = max(probabilities, key=lambda name: probabilities[name])
    row = dict.fromkeys(TABLES["segment_scores"].names) | {
        "clip_id": sha256[:16],
        "track_id": sha256[16:28],
        "segment_id": f"{sha256[16:28]}-20",
        "model_version": 1,
        "version": "baseline",
        "scored_at": moment + timedelta(minutes=5),
        "emotion": emotion,
        "confidence": probabilities[emotion],
        **{f"p_{name}": value for name, value in probabilities.items()},
        **{
            axis: float(value)
            for axis, value in zip(("pleasure", "arousal", "dominance"), drawn, strict=False)
        },
        "adjectives": ["calm"],
        "abstained": False,
        "reasons": [],
        "synthetic": True,
    }
    return pa.Table.from_pylist([row], schema=TABLES["segment_scores"])
