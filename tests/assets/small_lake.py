"""A small lake written by hand for the warehouse's tests: two cameras, three clips, two models."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from apexline.assets.lake.clips import Manifest
from apexline.assets.lake.schemas import TABLES
from apexline.assets.publishing.warehouse_read import open_warehouse

DAY_1, DAY_2 = "2026-03-02_gate-01", "2026-03-03_gate-02"
A, B, C = "aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb", "cccccccccccccccc"
T1, T2, T3, T4 = "111111111111", "222222222222", "333333333333", "444444444444"
MANIFEST = {
    "camera": "gate-03",
    "captured_at": "2026-03-02T23:30:00-02:00",
    "purpose": "test",
    "legal_basis": "own recording",
}
GOOD = Manifest.model_validate(MANIFEST)


def at(clock: str, day: int = 4) -> datetime:
    """Return a moment in March 2026, UTC."""
    return datetime.fromisoformat(f"2026-03-{day:02d}T{clock}:00+00:00")


def blank(kind: pa.DataType) -> Any:
    if pa.types.is_string(kind):
        return ""
    if pa.types.is_boolean(kind):
        return False
    if pa.types.is_timestamp(kind):
        return at("00:00", 1)
    if pa.types.is_list(kind):
        return []
    if pa.types.is_fixed_size_binary(kind):
        return bytes(kind.byte_width)
    return 0


def row_of(table: str, **values: Any) -> dict[str, Any]:
    """Return a row with the columns of `table`, null where nothing is given."""
    return {**dict.fromkeys(TABLES[table].names), **values}


def put(lake: Path, table: str, name: str, rows: list[dict[str, Any]], day: str | None = None) -> None:
    """Write one lake file; columns that a row leaves out are blank."""
    schema = TABLES[table]
    for row in rows:
        assert set(row) <= set(schema.names), f"{table} has no {set(row) - set(schema.names)}"
    full = [{field.name: row.get(field.name, blank(field.type)) for field in schema} for row in rows]
    folder = lake / table / (f"camera_day={day}" if day else "")
    folder.mkdir(parents=True, exist_ok=True)
    # As the lake writes it: a fingerprint stands in the footer.
    stamped = pa.Table.from_pylist(full, schema=schema).replace_schema_metadata({"apexline.fingerprint": "f"})
    pq.write_table(stamped, folder / f"{name}.parquet")


def clip(clip_id: str, camera: str, captured_at: datetime, **more: Any) -> dict[str, Any]:
    basis = {"purpose": "test", "legal_basis": "consent", "fps": 25.0, "num_frames": 100, "duration_s": 4.0}
    return {"clip_id": clip_id, "camera": camera, "captured_at": captured_at, **basis, **more}


def face(clip_id: str, track: str, frame: int, **more: Any) -> dict[str, Any]:
    box = {"x": 10.0, "y": 10.0, "w": 40.0, "h": 40.0, "size_px": 40.0, "detector_score": 1.0, "kept": True}
    return {"clip_id": clip_id, "track_id": track, "frame": frame, "time_s": frame / 25, **box, **more}


def segment(clip_id: str, track: str, onset: int, apex: int, offset: int, **more: Any) -> dict[str, Any]:
    frames = {"onset": onset, "apex": apex, "offset": offset}
    times = {f"{name}_s": frame / 25 for name, frame in frames.items()}
    length = "micro" if (offset - onset) / 25 <= 0.5 else "macro"
    ids = {"clip_id": clip_id, "track_id": track, "segment_id": f"{track}-{onset}"}
    return {**ids, **frames, **times, "length": length, **more}


def score(
    clip_id: str, track: str, onset: int, model: int, scored_at: datetime, **more: Any
) -> dict[str, Any]:
    ids = {"clip_id": clip_id, "track_id": track, "segment_id": f"{track}-{onset}", "model_version": model}
    said = {
        "emotion": "happy",
        "confidence": 0.7,
        "p_happy": 0.7,
        "p_angry": 0.1,
        "p_calm": 0.1,
        "p_scared": 0.1,
    }
    return {**ids, "scored_at": scored_at, "synthetic": True, **said, **more}


def review(
    clip_id: str, track: str, label: str, reviewer: str, reviewed_at: datetime, **more: Any
) -> dict[str, Any]:
    """Return a row of ``reviews``; a label that is no emotion is the verdict."""
    review_id = f"{clip_id}-r{reviewer}-{reviewed_at:%d%H%M}"
    seen = label not in ("no_expression", "not_a_face", "undo")
    said = {"verdict": "expression" if seen else label, "emotion": label if seen else None, "undoes": None}
    frames = {"onset": 10, "apex": 15, "offset": 20, "segment_id": f"{track}-10"}
    ids = {"review_id": review_id, "clip_id": clip_id, "track_id": track, "reviewer": reviewer}
    return row_of("reviews", **{**ids, **frames, **said, "reviewed_at": reviewed_at, **more})


def promotion(moment: datetime, model: int, **more: Any) -> dict[str, Any]:
    return {"decided_at": moment, "model_version": model, "promoted": True, "approved_by": "ada", **more}


def write_lake(home: Path) -> Path:
    """Two cameras, three clips, two models; no rule is broken but that one segment waits for a score."""
    lake = home / "lake"
    put(lake, "clip_manifest", A, [clip(A, "gate-01", at("08:15", 2), synthetic=True)], DAY_1)
    put(lake, "clip_manifest", B, [clip(B, "gate-01", at("23:59", 2), num_frames=50, duration_s=2.0)], DAY_1)
    put(lake, "clip_manifest", C, [clip(C, "gate-02", at("00:30", 3))], DAY_2)
    first = [face(A, T1, frame, detector_score=0.8) for frame in range(70)]
    first[0].update(kept=False, drop_reason="blurred", detector_score=0.1, size_px=400.0)
    first[1].update(kept=False, drop_reason="blurred")
    first[2].update(kept=False, drop_reason="small", blur=7.0)
    put(lake, "face_tracks", A, [*first, *[face(A, T2, f, x=60.0) for f in range(10, 40)]], DAY_1)
    put(lake, "face_tracks", C, [face(C, T3, frame) for frame in range(100)], DAY_2)
    put(
        lake,
        "expression_segments",
        A,
        [segment(A, T1, 10, 15, 20), segment(A, T1, 40, 50, 60), segment(A, T2, 12, 15, 22)],
        DAY_1,
    )
    put(lake, "expression_segments", C, [segment(C, T3, 5, 9, 20)], DAY_2)
    whole = {"clip_id": A, "frames_read": 100, "frames_lost": 0, "reasons": []}
    put(lake, "clip_frames", A, [whole], DAY_1)
    damaged = {
        "clip_id": C,
        "frames_read": 97,
        "frames_lost": 3,
        "reasons": ["3 x corrupt: parts are missing"],
    }
    put(lake, "clip_frames", C, [damaged], DAY_2)
    box = {"x": 12.0, "y": 12.0, "w": 40.0, "h": 40.0}
    truth = [
        {"annotation_id": f"{A}-a0", "emotion": "happy", "onset": 12, "apex": 15, "offset": 22},
        {"annotation_id": f"{A}-a1", "emotion": "angry", "onset": 70, "apex": 75, "offset": 90},
    ]
    put(lake, "annotations", A, [{"clip_id": A, **row, **box, "synthetic": True} for row in truth], DAY_1)
    calm = {"clip_id": C, "annotation_id": f"{C}-a0", "emotion": "calm", "onset": 0, "apex": 5, "offset": 99}
    put(lake, "annotations", C, [calm], DAY_2)
    put(
        lake,
        "promotions",
        "one",
        [
            promotion(at("10:00"), 1, incumbent_version=None, difference_low=None),
            promotion(
                at("11:00"), 2, incumbent_version=1, promoted=False, approved_by="", difference_low=-0.1
            ),
        ],
    )
    put(lake, "promotions", "two", [promotion(at("12:00"), 2, incumbent_version=1, difference_low=0.02)])
    tested = {"recognition": 0.8, "split_hash": "s", "synthetic": True}
    put(
        lake,
        "model_comparison",
        "latest",
        [
            {"version": "baseline", "model_version": 1, **tested},
            {"version": "semantic", "model_version": 2, **tested},
        ],
    )
    calmly = {"emotion": "calm", "confidence": 0.6, "p_happy": 0.2, "p_calm": 0.6, "arousal": -0.4}
    put(
        lake,
        "segment_scores",
        f"{A}-v1",
        [
            score(A, T1, 10, 1, at("10:05"), arousal=0.7, dagster_run_id="r1"),
            score(A, T1, 40, 1, at("10:05"), arousal=0.2),
            score(A, T2, 12, 1, at("10:05"), arousal=0.9),
        ],
        DAY_1,
    )
    put(
        lake,
        "segment_scores",
        f"{A}-v2",
        [
            score(A, T1, 10, 2, at("12:30"), **calmly),
            score(A, T2, 12, 2, at("12:30"), arousal=0.6),
        ],
        DAY_1,
    )
    put(lake, "segment_scores", f"{C}-v2", [score(C, T3, 5, 2, at("12:30"), synthetic=False)], DAY_2)
    quarantine = home / "quarantine"
    quarantine.mkdir()
    record = {
        "name": "a.mp4",
        "reason": "truncated",
        "detail": "it's cut",
        "sha256": "ab",
        "seen_at": "2026-03-02T08:00:00+00:00",
    }
    (quarantine / "ab-a.mp4.json").write_text(json.dumps(record, indent=1))
    (quarantine / "ab-a.mp4").write_bytes(b"\x00")
    return lake


def ask(path: Path, query: str, **parameters: Any) -> list[tuple[Any, ...]]:
    with open_warehouse(path) as connection:
        return connection.execute(query, parameters or None).fetchall()
