"""What Dagster keeps of clips: runs with their drawings and checks, logs, ticks of sensors.

Belongs here: finding and deleting those, rewriting SQLite files. Stays out: recording anew what remains (``erasing``).

Drawings of faces carry no names, so every run that recorded a camera-day of the clips goes, and every run that drew the
training set where they are a part of it; beside them each run whose events name a clip.
"""

import shutil
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import dagster as dg
from dagster._core.scheduler.instigation import InstigatorState, InstigatorType, SensorInstigatorData
from dagster._core.storage.event_log.schema import (
    AssetCheckExecutionsTable,
    AssetKeyTable,
    SqlEventLogStorageTable,
)
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from sqlalchemy import select
from upath import UPath

from apexline.orchestration.erasure.files import Found
from apexline.orchestration.erasure.search import files_in
from apexline.orchestration.erasure.traces import Traces
from apexline.orchestration.jobs import CLIP_ASSETS
from apexline.orchestration.line import Line

# Tag of the runs that record anew what remains after an erasure, with its name; there is nothing erased in them.
AFTERWARDS = "apexline/after_erasure"


def runs_of(line: Line, traces: Traces) -> Found:
    """Find runs whose record may show or name what is erased."""
    days = recorded_days(line.instance)
    runs = {run for run, recorded in days.items() if recorded & set(traces.camera_days)}
    runs -= {each.run_id for each in line.instance.get_runs(dg.RunsFilter(tags={AFTERWARDS: traces.erasure}))}
    if traces.learned:
        runs |= {run for run, _ in _materialisations(line.instance, "training_set")}
    runs |= {run for run, texts in _events(line.instance) if any(traces.found_in(text) for text in texts)}
    return dict.fromkeys(sorted(runs), 1)


def recorded_days(instance: dg.DagsterInstance) -> dict[str, set[str]]:
    """Return the camera-days that each run recorded."""
    days: dict[str, set[str]] = defaultdict(set)
    for asset in CLIP_ASSETS:
        for run_id, day in _materialisations(instance, asset):
            days[run_id].add(day)
    return days


def drop_runs(line: Line, traces: Traces, found: Found) -> None:
    """Delete runs with their events, checks and logs, and what assets keep of their last materialisation."""
    del traces
    storage = _storage(line.instance)
    for run_id in found:
        line.instance.delete_run(run_id)
        line.instance.compute_log_manager.delete_logs(prefix=[run_id])
        for path in (line.settings.dagster_home / "history" / "runs").glob(f"{run_id}.db*"):
            path.unlink()
    checks, assets = AssetCheckExecutionsTable.c, AssetKeyTable.c
    with storage.index_connection() as connection:
        for run_id in found:
            connection.execute(AssetCheckExecutionsTable.delete().where(checks.run_id == run_id))
        for key, text in connection.execute(select(assets.asset_key, assets.last_materialization)).fetchall():
            if text and any(run_id in text for run_id in found):
                blank = {"last_materialization": None, "last_run_id": None, "cached_status_data": None}
                connection.execute(AssetKeyTable.update().where(assets.asset_key == key).values(**blank))


def ticks_of(line: Line, traces: Traces) -> Found:
    """Find the ticks of sensors: those of version 0.1.0 kept the names of what waited in the landing folder."""
    if not traces.clips:
        return {}
    return {
        f"{state.instigator_name}: {tick.tick_id}": 1
        for state in line.instance.all_instigator_state()
        for tick in line.instance.get_ticks(state.instigator_origin_id, state.selector_id)
    }


def drop_ticks(line: Line, traces: Traces, found: Found) -> None:
    """Delete the ticks that are over; what is on its way ends by itself."""
    del traces, found
    now = datetime.now(UTC).timestamp()
    for state in line.instance.all_instigator_state():
        line.instance.purge_ticks(state.instigator_origin_id, state.selector_id, before=now)


def drop_unfinished_runs(instance: dg.DagsterInstance, erasure: str) -> None:
    """Delete runs of an erasure that was killed while it recorded anew what remains."""
    for run in instance.get_runs(dg.RunsFilter(tags={AFTERWARDS: erasure})):
        if not run.is_finished:
            instance.delete_run(run.run_id)


def cursors_of(line: Line, traces: Traces) -> Found:
    """Find cursors of sensors that name a clip's file; those of version 0.1.0 did."""
    return {
        state.instigator_name: 1
        for state in line.instance.all_instigator_state(instigator_type=InstigatorType.SENSOR)
        if traces.found_in(_cursor(state).encode())
    }


def reset_cursors(line: Line, traces: Traces, found: Found) -> None:
    """Let those sensors begin anew: what waits in the landing folder waits once more."""
    del found
    for state in line.instance.all_instigator_state(instigator_type=InstigatorType.SENSOR):
        if traces.found_in(_cursor(state).encode()):
            data = cast("SensorInstigatorData", state.instigator_data)
            line.instance.update_instigator_state(state.with_data(data._replace(cursor=None)))


def _cursor(state: InstigatorState) -> str:
    data = state.instigator_data
    return (data.cursor or "") if isinstance(data, SensorInstigatorData) else ""


def logs_of(line: Line, traces: Traces) -> Found:
    """Find logs of runs and sensors that name a clip."""
    root = UPath(line.settings.dagster_home / "storage")
    named = (path for path in files_in(root) if traces.found_in(path.read_bytes()))
    return {str(path): 1 for path in named}


def compact(databases: Iterable[Path]) -> None:
    """Rewrite SQLite files and empty their write-ahead logs: what was deleted stays readable in them until then.

    Raises
    ------
    TimeoutError
        Where another program works on one of them for a minute.
    """
    for path in databases:
        try:
            with closing(sqlite3.connect(path, timeout=60, isolation_level=None)) as connection:
                connection.execute("vacuum")
                busy = connection.execute("pragma wal_checkpoint(truncate)").fetchone()[0]
        except sqlite3.OperationalError as error:
            msg = (
                f"{path} can't be rewritten: {error}; stop the servers that use it and give the command again"
            )
            raise TimeoutError(msg) from error
        if busy:
            msg = f"{path} is in use and keeps deleted rows; stop the servers that use it and give the command again"
            raise TimeoutError(msg)


def remove_empty_logs(dagster_home: Path) -> None:
    """Delete folders of logs that hold nothing."""
    for folder in sorted((dagster_home / "storage").glob("*")):
        if folder.is_dir() and not any(each.is_file() for each in folder.rglob("*")):
            shutil.rmtree(folder)


def _storage(instance: dg.DagsterInstance) -> SqlEventLogStorage:
    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        msg = f"Dagster keeps its events in a {type(storage).__name__}, expected SQLite or PostgreSQL"
        raise TypeError(msg)
    return storage


def _events(instance: dg.DagsterInstance) -> Iterator[tuple[str, list[bytes]]]:
    """Yield every run with the texts of its events and checks."""
    storage = _storage(instance)
    events, checks = SqlEventLogStorageTable.c, AssetCheckExecutionsTable.c
    for run_id in instance.get_run_ids():
        with storage.run_connection(run_id) as connection:
            texts = connection.execute(select(events.event).where(events.run_id == run_id)).scalars().all()
        with storage.index_connection() as connection:
            mirrored = connection.execute(select(events.event).where(events.run_id == run_id)).scalars().all()
            found = (
                connection.execute(select(checks.evaluation_event).where(checks.run_id == run_id))
                .scalars()
                .all()
            )
        yield run_id, [text.encode() for text in [*texts, *mirrored, *found] if text]


def _materialisations(instance: dg.DagsterInstance, asset: str) -> Iterator[tuple[str, str]]:
    """Yield the run and the partition (or nothing) of everything recorded of an asset."""
    cursor: str | None = None
    while True:
        found = instance.fetch_materializations(dg.AssetKey(asset), limit=1000, cursor=cursor)
        yield from ((record.run_id, record.partition_key or "") for record in found.records)
        if not found.has_more:
            return
        cursor = found.cursor
