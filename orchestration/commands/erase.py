"""Erase a clip everywhere, with a receipt."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from upath import UPath

from apexline.assets.lake import TABLES, Lake, find_clip, forget_failure, recorded_failures
from apexline.assets.semantics import survey_files
from apexline.orchestration.jobs import CLIP_ASSETS
from apexline.orchestration.line import Line, open_line
from apexline.orchestration.settings import Settings


def erase(settings: Settings, clip_id: str, *, by: str) -> dict[str, Any]:
    """Delete a clip and what was derived from it: file, tables, crops, ratings, scores, drawings, warehouse, reports.

    What the PAD space and the models learned from it goes with the next training. Dagster keeps drawings with the
    record of a run, so the runs that drew the clip's camera-day go too, and what remains is recorded anew.

    Returns
    -------
    dict
        The receipt: what was asked, when, by whom, how many files and rows went, and whether models learned
        from the clip. It is kept under ``receipts/`` and holds no pixels and no measurements.

    Raises
    ------
    LookupError
        Where no such clip is stored.
    """
    with open_line(settings) as line:
        record = find_clip(line.lake, clip_id)
        if record is None:
            msg = f"no clip {clip_id!r} is stored; clip ids stand in the warehouse table `segments`"
            raise LookupError(msg)
        camera_day = record.parent.name
        own = {clip_id, *_tracks(line.lake, camera_day, clip_id)}
        learned = _drop_rows(line.lake, "training_set", "clip_id", {clip_id})
        removed = {
            "training_set rows": learned,
            "ratings rows": _drop_ratings(line.lake, own),
            "report pages": _drop_pages(line.lake.home / "reports", own),
            "pages of score --plot": _drop_pages(UPath(settings.state_path) / "plots", own),
            "lake files": _drop_files(line.lake, camera_day, clip_id),
            "failure records": _drop_failures(line.lake, clip_id),
            "clip files": _drop_clip(line.lake, camera_day, clip_id),
        }
        settings.sweep()
        runs, camera_days = _drop_runs(line, camera_day, learned=bool(learned))
        removed["recorded runs"] = runs
        for day in sorted({camera_day, *camera_days}):
            line.run("process_camera_day", camera_day=day)
        line.run("publish")
        receipt = {
            "clip_id": clip_id,
            "camera_day": camera_day,
            "erased_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "asked_by": by,
            **removed,
            "models_learned_from_it": bool(learned),
        }
        with line.lake.replacing(line.lake.home / "receipts" / f"{clip_id}.json") as file:
            file.write(json.dumps(receipt, indent=1).encode())
    _compact(settings.dagster_home / "history")
    return receipt


def _drop_clip(lake: Lake, camera_day: str, clip_id: str) -> int:
    files = list((lake.home / "clips" / camera_day).glob(f"{clip_id}.*"))
    for path in files:
        path.unlink()
    return len(files)


def _drop_files(lake: Lake, camera_day: str, clip_id: str) -> int:
    count = 0
    for table in TABLES:
        for name in lake.names(table, camera_day=camera_day):
            if name == clip_id or name.startswith(f"{clip_id}-"):  # scores: <clip_id>-v<version>-<stamp>
                count += lake.remove(table, name, camera_day=camera_day)
    return count


def _drop_failures(lake: Lake, clip_id: str) -> int:
    """Delete what is kept of stages that could not compute the clip: it names clip and camera-day."""
    failures = recorded_failures(lake, clip_id=clip_id)
    for each in failures:
        forget_failure(lake, each)
    return len(failures)


def _tracks(lake: Lake, camera_day: str, clip_id: str) -> set[str]:
    rows = lake.read_all("face_tracks", camera_days=[camera_day], columns=["clip_id", "track_id"])
    return set(rows.filter(pc.field("clip_id") == clip_id)["track_id"].to_pylist())


def _drop_ratings(lake: Lake, own: set[str]) -> int:
    """Drop ratings of stimuli named ``<clip_id>-a<index>`` or ``<track_id>-<onset>``, in the lake and its sources."""

    def is_own(segment: str) -> bool:
        return segment.rpartition("-")[0] in own

    count = 0
    for name in lake.names("ratings"):
        rated = set(lake.read("ratings", name, columns=["segment"])["segment"].to_pylist())
        count += _drop_rows(lake, "ratings", "segment", set(filter(is_own, rated)))
    for path in survey_files(lake):
        answers = pd.read_csv(path, dtype=str, keep_default_na=False)
        kept = answers[~answers["segment"].map(is_own).astype(bool)]
        if len(kept) < len(answers):
            with lake.replacing(path) as file:
                file.write(kept.to_csv(index=False).encode())
    return count


def _drop_pages(folder: UPath, own: set[str]) -> int:
    """Delete the pages that show the clip or its tracks; publishing writes a new report without them."""
    pages = list(folder.rglob("*.html")) if folder.is_dir() else []
    shown = [page for page in pages if any(ident in page.read_text(encoding="utf-8") for ident in own)]
    for page in shown:
        page.unlink()
    return len(shown)


def _drop_runs(line: Line, camera_day: str, *, learned: bool) -> tuple[int, set[str]]:
    """Delete the runs whose record may show the clip; return how many, and the camera-days that they recorded."""
    days: dict[str, set[str]] = defaultdict(set)
    for asset in CLIP_ASSETS:
        for run_id, day in _materialisations(line.instance, asset):
            days[run_id].add(day)
    runs = {run_id for run_id, recorded in days.items() if camera_day in recorded}
    again = set[str]().union(*(days[run_id] for run_id in runs))
    if learned:
        runs |= {run_id for run_id, _ in _materialisations(line.instance, "training_set")}
        line.instance.wipe_assets([dg.AssetKey("training_set")])
    for run_id in runs:
        line.instance.delete_run(run_id)
    return len(runs), again


def _materialisations(instance: dg.DagsterInstance, asset: str) -> Iterator[tuple[str, str]]:
    """Yield the run and the partition (or nothing) of everything recorded of an asset."""
    cursor: str | None = None
    while True:
        found = instance.fetch_materializations(dg.AssetKey(asset), limit=1000, cursor=cursor)
        yield from ((record.run_id, record.partition_key or "") for record in found.records)
        if not found.has_more:
            return
        cursor = found.cursor


def _compact(history: Path) -> None:
    """Rewrite Dagster's SQLite files: deleted rows stay readable in them until then. A server does this by itself."""
    for path in history.rglob("*.db"):
        with closing(sqlite3.connect(path, timeout=60)) as connection:
            connection.execute("vacuum")


def _drop_rows(lake: Lake, table: str, column: str, values: set[str]) -> int:
    count = 0
    for name in lake.names(table):
        rows: pa.Table = lake.read(table, name)
        kept = rows.filter(~pc.field(column).isin(pa.array(sorted(values), pa.string())))
        if kept.num_rows < rows.num_rows:
            stamp = lake.fingerprint_of(table, name) or ""
            lake.write(table, name, kept.replace_schema_metadata(None), stamp=stamp)
            count += rows.num_rows - kept.num_rows
    return count
