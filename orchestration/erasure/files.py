"""What a clip left in files: stored, copied, refused, computed, drawn.

Belongs here: finding and deleting files of clips and rows of the lake. Stays out: ratings (``answers``), MLflow
(``models``), Dagster (``records``).

A finder returns what it would delete, each with how much that is; it is asked before and after a kill alike.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from upath import UPath

from apexline.assets.ingest import sidecar_of_landed
from apexline.assets.lake import TABLES, WITHOUT_CAMERA_DAY, Lake, hash_file
from apexline.orchestration.erasure.search import files_in
from apexline.orchestration.erasure.traces import Traces, own_files
from apexline.orchestration.line import Line

Found = dict[str, int]
# Copies are not looked for where no entry of a home comes to lie as it arrived.
_NO_COPIES = {"clips", "lake", "dagster", "mlartifacts", "quarantine", "reports"}


def stored_clips_of(line: Line, traces: Traces) -> Found:
    """Find the stored video and its record."""
    root = line.lake.home / "clips"
    return {
        _key(line, path): 1 for clip_id in sorted(traces.clip_ids) for path in root.glob(f"*/{clip_id}.*")
    }


def copies_of(line: Line, traces: Traces) -> Found:
    """Find files of the same content anywhere in the home, in the landing folder above all, and their sidecars."""
    found: Found = {}
    for path in _copies(line, traces):
        found[_key(line, path)] = 1
        sidecar = sidecar_of_landed(path)
        if sidecar is not None and sidecar.is_file() and not _is_shared(line, path, traces):
            found[_key(line, sidecar)] = 1
    return found


def quarantined_of(line: Line, traces: Traces) -> Found:
    """Find what intake refused of the same content: file, sidecar and record."""
    folder = line.lake.home / "quarantine"
    found: Found = {}
    for record in sorted(folder.glob("*.json")) if folder.is_dir() else []:
        fields: dict[str, str] = json.loads(record.read_text())
        if fields.get("sha256") in traces.hashes and fields["sha256"]:
            # The record goes last: it says which files are its own.
            beside = [record.with_suffix(".quarantined"), folder / fields.get("sidecar", record.name)]
            found |= {_key(line, path): 1 for path in [*beside, record] if path.exists()}
    return found


def names_of(line: Line, traces: Traces) -> set[str]:
    """Return the names under which the clips arrived, as far as they are kept, but those that other files bear too."""
    folder = line.lake.home / "quarantine"
    records: list[dict[str, Any]] = [json.loads(path.read_text()) for path in folder.glob("*.json")]
    names = {path.name for path in _copies(line, traces)}
    names |= {each["name"] for each in records if each.get("sha256") in traces.hashes and each["sha256"]}
    others = {each["name"] for each in records if each.get("sha256") not in traces.hashes}
    own = {line.lake.home / key for key in copies_of(line, traces)}
    others |= {path.name for path in _loose_files(line.lake) if path not in own}
    return {name for name in names - others if len(name) > len(".mp4")}


def failures_of(line: Line, traces: Traces) -> Found:
    """Find records of stages that could not compute a clip."""
    root = line.lake.home / "failures"
    return {_key(line, path): 1 for each in sorted(traces.clip_ids) for path in root.glob(f"*/*/{each}.json")}


def lake_files_of(line: Line, traces: Traces) -> Found:
    """Find the clips' files in tables that camera-days own."""
    return {
        _key(line, line.lake.path(table, name, camera_day=clip.camera_day)): 1
        for clip in traces.clips
        if clip.camera_day
        for table in TABLES
        if table not in WITHOUT_CAMERA_DAY
        for name in own_files(line.lake, table, clip)
    }


def examples_of(line: Line, traces: Traces) -> Found:
    """Find the clips' rows in the training set."""
    found: Found = {}
    for name in line.lake.names("training_set"):
        owners = line.lake.read("training_set", name, columns=["clip_id"])
        count = owners.filter(_is_among("clip_id", traces.clip_ids)).num_rows
        if count:
            found[name] = count
    return found


def drop_examples(line: Line, traces: Traces, found: Found) -> None:
    """Write the training set anew without the clips' rows."""
    for name in found:
        rewrite(line.lake, "training_set", name, ~_is_among("clip_id", traces.clip_ids))


def rewrite(lake: Lake, table: str, name: str, kept: pc.Expression) -> None:
    """Write a lake file anew with the rows that are kept, under its fingerprint."""
    rows: pa.Table = lake.read(table, name)
    stamp = lake.fingerprint_of(table, name) or ""
    lake.write(table, name, rows.filter(kept).replace_schema_metadata(None), stamp=stamp)


def pages_of(line: Line, traces: Traces) -> Found:
    """Find reports and pages of ``score --plot`` that show the clips; publishing writes a new report without them."""
    roots = [line.lake.home / "reports", UPath(line.settings.state_path) / "plots"]
    return {
        _key(line, path): 1
        for root in roots
        for path in files_in(root)
        if traces.found_in(path.name.encode()) or traces.found_in(path.read_bytes())
    }


def warehouse_of(line: Line, traces: Traces) -> Found:
    """Find the warehouse, which is built anew from the lake."""
    del traces  # it mirrors every clip, and what is deleted in it stays readable
    path = line.settings.warehouse_path
    beside = (path, path.with_name(f"{path.name}.wal"), path.with_suffix(".json"))
    return {_key(line, UPath(each)): 1 for each in beside if each.exists()}


def receipts_of(line: Line, traces: Traces) -> Found:
    """Find receipts of version 0.1.0, which were named by clip."""
    root = line.lake.home / "receipts"
    return {
        _key(line, root / f"{each}.json"): 1 for each in traces.clip_ids if (root / f"{each}.json").exists()
    }


def delete_files(line: Line, traces: Traces, found: Found) -> None:
    """Delete what a finder found, and folders that hold nothing else."""
    del traces
    for key in found:
        path = line.lake.home / key  # an absolute key stays as it is
        path.unlink(missing_ok=True)
        if isinstance(path, Path) and path.parent.parent != line.lake.home:
            _remove_empty(path.parent)


def _remove_empty(folder: Path) -> None:
    if folder.is_dir() and next(folder.iterdir(), None) is None:
        folder.rmdir()


def _key(line: Line, path: UPath) -> str:
    home = line.lake.home
    return path.relative_to(home).as_posix() if path.is_relative_to(home) else str(path)


def _is_among(column: str, values: set[str]) -> pc.Expression:
    return pc.field(column).isin(pa.array(sorted(values), pa.string()))


def _copies(line: Line, traces: Traces) -> Iterator[UPath]:
    for path in _loose_files(line.lake):
        if traces.may_be(path.stat().st_size) and hash_file(path) in traces.hashes:
            yield path


def _loose_files(lake: Lake) -> Iterator[UPath]:
    for entry in sorted(lake.home.iterdir(), key=str):
        if entry.is_dir() and not entry.is_symlink() and entry.name not in _NO_COPIES:
            yield from (path for path in files_in(entry) if path.is_file() and not path.is_symlink())


def _is_shared(line: Line, clip: UPath, traces: Traces) -> bool:
    """Tell whether a clip that stays has the same sidecar."""
    beside = [
        path
        for path in clip.parent.glob(f"{clip.stem}.*")
        if path.suffix.lower() not in (".json", clip.suffix)
    ]
    return any(path.is_file() and hash_file(path) not in traces.hashes for path in beside)
