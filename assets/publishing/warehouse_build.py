"""The warehouse: one DuckDB file built from the lake by running the files under ``sql/``.

Belongs here: building aside and renaming, what of an old file still holds, mirrors of the lake, marts day by day, all
within a limit of memory. Stays out: what a relation says (``sql/``), which there are (``relations``), which files
changed (``lake_files``), reading (``warehouse_read``), Dagster.

Everything is materialised: a reader needs the one file, opened read-only, and neither the lake nor an
extension. Relations for readers lie in schema ``main``, mirrors of the lake in ``staging``. A reader that has
the old file open keeps it until it opens the new one.

Rows of a camera-day follow from that camera-day's files and from who was champion when. So a camera-day that changed
is built anew in a copy of the old file, and everything is where the champions changed. The first build is the same
with all camera-days, some at a time: what is held in memory at once does not grow with the lake.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from apexline.assets.lake import LAKE_ONLY, TABLES, scratch_folder
from apexline.assets.publishing.lake_files import SHARED, LakeFiles, list_files
from apexline.assets.publishing.relations import (
    BY_DAY,
    DAY_MIRRORS,
    FIRST,
    LAST,
    MARTS,
    MIRRORS,
    PARAMETERS,
    PICTURES,
    QUARANTINE,
    SCHEMA,
    read_sql,
)
from apexline.assets.publishing.warehouse_read import count_rows, foreign_log

DEFAULT_MEMORY_MB = 256
_LEAST_MB_A_THREAD = 128  # DuckDB's own rule of thumb
_FILES_AT_ONCE = 64  # DuckDB keeps a reader with the footer of each file that a query names
_DAYS_AT_ONCE = 250
_EMPTY_DAY = "camera_day=none"
_OF_DAYS = "of_days"
_SOURCES = {PICTURES: "face_tracks"}  # mirrors of what stands in the files of another table


def build_warehouse(
    lake_root: Path | UPath,
    target: Path | UPath,
    *,
    quarantine_root: Path | UPath | None = None,
    memory_mb: int = DEFAULT_MEMORY_MB,
) -> dict[str, int]:
    """Build the warehouse aside and put it in the place of the old one.

    Parameters
    ----------
    lake_root : path
        Folder of the lake's tables: ``<table>/camera_day=<key>/<clip_id>.parquet`` or
        ``<table>/<name>.parquet``. Tables without a file become empty relations.
    target : path
        The ``.duckdb`` file to write.
    quarantine_root : path, optional
        Folder of the quarantine's JSON records; by default ``quarantine`` beside the lake.
    memory_mb : int
        What DuckDB may hold at once, MB; what is more goes to temporary files.

    Returns
    -------
    dict of str to int
        Rows of every relation: marts by name, mirrors of the lake as ``staging.<table>``.

    Raises
    ------
    duckdb.Error
        Where a file of the lake can't be read as its table; the old warehouse then stays in place.
    """
    lake = UPath(lake_root)
    records = lake.parent / "quarantine" if quarantine_root is None else UPath(quarantine_root)
    return write_warehouse(list_files(lake, records), UPath(target), memory_mb=memory_mb)


def write_warehouse(
    files: LakeFiles,
    target: Path | UPath,
    *,
    camera_days: Collection[str] | None = None,
    memory_mb: int = DEFAULT_MEMORY_MB,
) -> dict[str, int]:
    """Build a warehouse, or some camera-days of one and what no camera-day owns.

    Parameters
    ----------
    files : LakeFiles
        As `list_files` finds them.
    target : path
    camera_days : collection of str, optional
        Those that came, changed or went, where `target` is a local warehouse of the present relations. All others, and
        the decisions about the champion, must be as they were when it was built. By default all is built.
    memory_mb : int

    Returns
    -------
    dict of str to int
        As `build_warehouse`; raises as that does.
    """
    with _aside(UPath(target), memory_mb, is_copy=camera_days is not None) as connection:
        _make_readable(connection, files.root)
        with _transaction(connection):
            if camera_days is None:
                _create_relations(connection)
            else:
                _delete(connection, camera_days)
        _fill(connection, files, files.camera_days if camera_days is None else sorted(camera_days))
        return count_rows(connection)


@contextmanager
def _aside(target: UPath, memory_mb: int, *, is_copy: bool) -> Generator[duckdb.DuckDBPyConnection]:
    """Open a file beside the warehouse, empty or a copy of it; when the block ends well it takes its place."""
    with _replacing(target) as aside:
        if is_copy:
            shutil.copyfile(str(target), aside)
        spilled = aside.with_name("spilled")
        with duckdb.connect(str(aside), config=_limits(memory_mb, spilled)) as connection:
            # Days and hours are UTC wherever the warehouse is built.
            connection.execute("set TimeZone = 'UTC'")
            yield connection
            # Closing would do it too, and keep silent about a full disk: the log that then stays is no part of the
            # file.
            connection.execute("checkpoint")


def _limits(memory_mb: int, spilled: Path) -> dict[str, str | bool | int | float | list[str]]:
    cores = len(os.sched_getaffinity(0))
    return {
        "memory_limit": f"{memory_mb}MB",
        "threads": str(max(1, min(cores, memory_mb // _LEAST_MB_A_THREAD))),
        "temp_directory": str(spilled),
    }


def _create_relations(connection: duckdb.DuckDBPyConnection) -> None:
    """Create every relation, empty: as files that hold no rows give them."""
    for name in SCHEMA:
        connection.execute(read_sql("schema", name))
    with _empty_files() as empty:
        for mirror in MIRRORS:
            _create(connection, f"staging.{mirror}", *_reading(mirror, [empty[mirror]]))
    _describe_staging(connection)
    for name in MARTS:
        _create(connection, name, read_sql("marts", name), PARAMETERS)
    as_of = read_sql("marts", "scores_as_of")
    connection.execute(f"create macro scores_as_of(moment) as table {as_of}")


def _fill(connection: duckdb.DuckDBPyConnection, files: LakeFiles, camera_days: Sequence[str]) -> None:
    """Fill relations in which no row of `camera_days`, and none that belongs to no camera-day, is yet."""
    with _empty_files() as empty, _transaction(connection):
        for mirror in MIRRORS:
            days = [SHARED, *camera_days] if mirror in DAY_MIRRORS else [SHARED]
            named = files.records if mirror == QUARANTINE else files.of(_SOURCES.get(mirror, mirror), days)
            for start in range(0, max(1, len(named)), _FILES_AT_ONCE):
                # A file from before a column was added gives nulls: one with the full schema always takes part.
                some = [empty[mirror], *named[start : start + _FILES_AT_ONCE]]
                _insert(connection, f"staging.{mirror}", *_reading(mirror, some))
        for name in FIRST:
            _insert(connection, name, read_sql("marts", name), PARAMETERS)
    for start in range(0, len(camera_days), _DAYS_AT_ONCE):
        _add_marts_of(connection, camera_days[start : start + _DAYS_AT_ONCE])
    with _transaction(connection):
        for name in LAST:
            _insert(connection, name, read_sql("marts", name), PARAMETERS)


def _reading(mirror: str, files: list[str]) -> tuple[str, dict[str, Any]]:
    """Return query and parameters that read files into a mirror of the lake."""
    return read_sql("staging", mirror if mirror not in TABLES else "table"), {
        "files": files,
        "by_camera_day": mirror in DAY_MIRRORS,
        "lake_only": sorted(LAKE_ONLY.get(mirror, ())),
    }


def _add_marts_of(connection: duckdb.DuckDBPyConnection, camera_days: Sequence[str]) -> None:
    """Run the marts' files where they see these camera-days alone, and add what they give to the warehouse."""
    [(warehouse,)] = connection.execute("select current_database()").fetchall()
    connection.execute(f"attach ':memory:' as {_OF_DAYS}")
    connection.execute(f"use {_OF_DAYS}")
    for name in SCHEMA:
        connection.execute(read_sql("schema", name))
    connection.execute(
        "create table chosen as select unnest($days) as camera_day", {"days": list(camera_days)}
    )
    for mirror in MIRRORS:
        those = " semi join chosen using (camera_day)" if mirror in DAY_MIRRORS else ""
        view = f'select * from "{warehouse}".staging.{mirror}{those}'
        connection.execute(f"create view staging.{mirror} as {view}")
    for name in FIRST:
        connection.execute(f'create view {name} as select * from "{warehouse}".main.{name}')
    for name in BY_DAY:
        _create(connection, name, read_sql("marts", name), PARAMETERS)
    connection.execute(f'use "{warehouse}"')
    with _transaction(connection):
        for name in BY_DAY:
            connection.execute(f"insert into {name} by name select * from {_OF_DAYS}.{name}")
    connection.execute(f"detach {_OF_DAYS}")


def _delete(connection: duckdb.DuckDBPyConnection, camera_days: Collection[str]) -> None:
    """Delete the rows of camera-days, and those that belong to none."""
    days = {"days": sorted(camera_days)}
    for name, camera_day in reversed(list(BY_DAY.items())):
        connection.execute(f"delete from {name} where list_contains($days, {camera_day})", days)
    for mirror in DAY_MIRRORS:
        connection.execute(f"delete from staging.{mirror} where list_contains($days, camera_day)", days)
    for name in (*(f"staging.{mirror}" for mirror in MIRRORS if mirror not in DAY_MIRRORS), *FIRST, *LAST):
        connection.execute(f"delete from {name}")


@contextmanager
def _transaction(connection: duckdb.DuckDBPyConnection) -> Generator[None]:
    """Wait for the disk once, and not at each statement of the block; where it fails, the whole file is given up."""
    connection.begin()
    yield
    connection.commit()


@contextmanager
def _replacing(target: UPath) -> Generator[Path]:
    """Give a path to build at; when the block ends well, what lies there becomes `target` at once."""
    if not isinstance(target, Path):  # an object store publishes an object when it is closed
        with tempfile.TemporaryDirectory() as folder:
            aside = Path(folder) / target.name
            yield aside
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(aside.read_bytes())
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with scratch_folder(target.parent / "tmp") as folder:
        aside = folder / target.name
        yield aside
        # First the log: whatever comes between, it never lies beside the file of another build.
        foreign_log(target).unlink(missing_ok=True)
        aside.replace(target)


def _make_readable(connection: duckdb.DuckDBPyConnection, folder: UPath) -> None:
    """Let DuckDB read an object store through the file system that the settings already configured."""
    if not isinstance(folder, Path) and not connection.filesystem_is_registered(folder.protocol):
        connection.register_filesystem(folder.fs)


@contextmanager
def _empty_files() -> Generator[Mapping[str, str]]:
    """Give a file without rows for each table, and for the records of the quarantine."""
    with tempfile.TemporaryDirectory() as scratch:
        found: dict[str, str] = {}
        for table, schema in TABLES.items():
            file = Path(scratch) / table / _EMPTY_DAY / "empty.parquet"
            file.parent.mkdir(parents=True)
            pq.write_table(schema.empty_table(), file)
            found[table] = str(file)
        nothing = Path(scratch) / "empty.json"
        nothing.write_text("")
        yield {**found, QUARANTINE: str(nothing), PICTURES: found[_SOURCES[PICTURES]]}


def _describe_staging(connection: duckdb.DuckDBPyConnection) -> None:
    """Carry each column's description and unit into the file, where ``duckdb_columns()`` shows them."""
    for table, schema in TABLES.items():
        stored = {row[0] for row in connection.execute(f"describe staging.{table}").fetchall()}
        for field in schema:
            if field.name in stored:
                text = _description(field).replace("'", "''")
                connection.execute(f"comment on column staging.{table}.\"{field.name}\" is '{text}'")


def _description(field: pa.Field) -> str:
    metadata = field.metadata or {}
    unit = metadata.get(b"unit", b"").decode()
    return metadata.get(b"description", b"").decode() + (f" [{unit}]" if unit else "")


def _create(
    connection: duckdb.DuckDBPyConnection, relation: str, query: str, parameters: Mapping[str, Any]
) -> None:
    connection.execute(f"create table {relation} as {query}", _bound(connection, query, parameters))


def _insert(
    connection: duckdb.DuckDBPyConnection, relation: str, query: str, parameters: Mapping[str, Any]
) -> None:
    connection.execute(f"insert into {relation} by name {query}", _bound(connection, query, parameters))


def _bound(
    connection: duckdb.DuckDBPyConnection, query: str, parameters: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the parameters that a query names: DuckDB refuses others."""
    named = connection.extract_statements(query)[0].named_parameters
    return {name: parameters[name] for name in named}
