"""The warehouse: one DuckDB file built from the lake by running the files under ``sql/``.

Belongs here: which relations there are and in which order they are built, running SQL files by name with bound
parameters, building aside and renaming, the checks. Stays out: what a relation says (``sql/``), the lake's columns
and which of them are mirrored (``assets.lake.schemas``), Dagster.

Everything is materialised: a reader needs the one file, opened read-only, and neither the lake nor an
extension. Relations for readers lie in schema ``main``, mirrors of the lake in ``staging``. A reader that has
the old file open keeps it until it opens the new one.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Collection, Generator, Mapping
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from apexline.assets.lake import LAKE_ONLY, TABLES, WITHOUT_CAMERA_DAY, scratch_folder
from apexline.features.spotting import SegmentConfig

Folder = Literal["schema", "staging", "marts", "checks"]

SCHEMA = ("staging", "frame_iou", "overlap", "emotions")
# In the order of building: each may read what stands before it.
MARTS = (
    "clips",
    "champions",
    "promotions",
    "model_versions",
    "score_history",
    "verdicts",
    "segments",
    "reviews",
    "review_summary",
    "track_quality",
    "camera_day_summary",
    "emotion_by_hour",
    "quarantine",
    "spotting_truth",
    "spotting_summary",
    "answers_against_truth",
)
# A hit needs this intersection over union; up to this length an expression is micro (algorithms, section 4).
PARAMETERS: Mapping[str, Any] = {"min_iou": 0.5, "micro_s": SegmentConfig().micro_s}

_QUARANTINE = "quarantine_records"
STAGING = tuple(f"staging.{name}" for name in sorted([*TABLES, _QUARANTINE]))
_EMPTY_DAY = "camera_day=none"


def read_sql(folder: Folder, name: str) -> str:
    """Return the text of ``sql/<folder>/<name>.sql``.

    Raises
    ------
    KeyError
        Where there is no such file.
    """
    file = resources.files("apexline.sql") / folder / f"{name}.sql"
    if not file.is_file():
        msg = f"sql/{folder} holds no {name!r}; it holds {sql_names(folder)}"
        raise KeyError(msg)
    return file.read_text(encoding="utf-8")


def sql_names(folder: Folder) -> list[str]:
    """Return the names of the relations under ``sql/<folder>``, sorted."""
    files = (resources.files("apexline.sql") / folder).iterdir()
    return sorted(file.name.removesuffix(".sql") for file in files if file.name.endswith(".sql"))


def build_warehouse(
    lake_root: Path | UPath,
    target: Path | UPath,
    *,
    quarantine_root: Path | UPath | None = None,
    left_out: Collection[str] = (),
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
    left_out : collection of str
        Damaged files of the lake, as `assets.lake.storage.Lake.damaged_files` finds them.

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
    with _replacing(UPath(target)) as aside, duckdb.connect(str(aside)) as connection:
        # Days and hours are UTC wherever the warehouse is built.
        connection.execute("set TimeZone = 'UTC'")
        for source in (lake, records):
            _make_readable(connection, source)
        # One transaction: each of some two hundred statements would otherwise wait for the disk.
        connection.begin()
        for name in SCHEMA:
            connection.execute(read_sql("schema", name))
        _build_staging(connection, lake, records, left_out)
        _describe_staging(connection)
        for name in MARTS:
            _create(connection, name, read_sql("marts", name), PARAMETERS)
        as_of = read_sql("marts", "scores_as_of")
        connection.execute(f"create macro scores_as_of(moment) as table {as_of}")
        connection.commit()
        # Closing would do it too, and keep silent about a full disk: the log that then stays is no part of the file.
        connection.execute("checkpoint")
        return count_rows(connection)


def run_checks(connection: duckdb.DuckDBPyConnection) -> dict[str, pd.DataFrame]:
    """Run every check on an open warehouse.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse; read-only is enough.

    Returns
    -------
    dict of str to DataFrame
        Offending rows by check; an empty frame is a check that holds.
    """
    return {name: _frame(connection, read_sql("checks", name)) for name in sql_names("checks")}


def count_rows(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Return the rows of every relation of an open warehouse, mirrors of the lake as ``staging.<table>``."""
    # The names come from this project's own code.
    return {name: connection.sql(f"select * from {name}").shape[0] for name in (*MARTS, *STAGING)}


def foreign_log(warehouse: Path) -> Path:
    """Return where a program that writes into a warehouse keeps its write-ahead log.

    The build leaves none beside the warehouse. DuckDB replays what lies there, onto whichever file has the name then.
    """
    return warehouse.with_name(f"{warehouse.name}.wal")


def open_warehouse(path: Path) -> duckdb.DuckDBPyConnection:
    """Open a local warehouse read-only, with times in UTC.

    Raises
    ------
    FileNotFoundError
        Where it has not been built.
    ValueError
        Where another program wrote into it and left its log.
    """
    if not path.is_file():
        msg = f"there is no warehouse at {path}; materialise the asset warehouse first"
        raise FileNotFoundError(msg)
    if (log := foreign_log(path)).exists():
        msg = (
            f"{log} is the log of a program that wrote into the warehouse and was killed or still runs; DuckDB would "
            "show its rows as the lake's. Materialise the asset warehouse (job publish): it is built anew without them"
        )
        raise ValueError(msg)
    connection = duckdb.connect(str(path), read_only=True)
    connection.execute("set TimeZone = 'UTC'")
    return connection


def read_relation(connection: duckdb.DuckDBPyConnection, name: str) -> pd.DataFrame:
    """Read a whole relation of the warehouse, such as ``segments`` or ``staging.learning_curves``.

    Raises
    ------
    KeyError
        Where the warehouse has no such relation.
    """
    if name not in (*MARTS, *STAGING):
        msg = f"the warehouse has no relation {name!r}; it has {sorted([*MARTS, *STAGING])}"
        raise KeyError(msg)
    return _frame(connection, f"select * from {name}")


def _frame(connection: duckdb.DuckDBPyConnection, query: str) -> pd.DataFrame:
    return connection.execute(query).to_arrow_table().to_pandas()


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


def _is_json(record: UPath) -> bool:
    """Tell whether a record can be read; the list of what was refused says which one can't."""
    try:
        return isinstance(json.loads(record.read_bytes()), dict)
    except (ValueError, RecursionError, OSError):
        return False


def _files(folder: UPath, suffix: str) -> list[str]:
    """List files as DuckDB names them: plain paths, or URLs of an object store; hidden ones are left out.

    So is what is no file: a folder can't be read, and a pipe would be waited for.
    """
    if not folder.is_dir():
        return []
    named = (file for file in folder.rglob(f"*{suffix}") if not file.name.startswith("."))
    files = sorted((file for file in named if file.is_file()), key=str)
    if isinstance(folder, Path):
        return [str(file) for file in files]
    return [f"{folder.protocol}://{file.path}" for file in files]


def _build_staging(
    connection: duckdb.DuckDBPyConnection, lake: UPath, records: UPath, left_out: Collection[str]
) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        _stage(connection, lake, records, Path(scratch), left_out)


def _stage(
    connection: duckdb.DuckDBPyConnection,
    lake: UPath,
    records: UPath,
    scratch: Path,
    left_out: Collection[str],
) -> None:
    query = read_sql("staging", "table")
    for table, schema in TABLES.items():
        # An empty file with the full schema always takes part: a lake without files gives an empty table, and
        # a file from before a column was added gives nulls.
        empty = scratch / table / _EMPTY_DAY / "empty.parquet"
        empty.parent.mkdir(parents=True)
        pq.write_table(schema.empty_table(), empty)
        parameters = {
            "files": [str(empty), *(f for f in _files(lake / table, ".parquet") if f not in left_out)],
            "by_camera_day": table not in WITHOUT_CAMERA_DAY,
            "lake_only": sorted(LAKE_ONLY.get(table, ())),
        }
        _create(connection, f"staging.{table}", query, parameters)
    nothing = scratch / "empty.json"
    nothing.write_text("")
    # Records stand beside each other; folders among them are what was refused, with files of their own.
    own = [path for path in _files(records, ".json") if UPath(path).parent.name == records.name]
    files = [str(nothing), *(path for path in own if _is_json(UPath(path)))]
    _create(connection, f"staging.{_QUARANTINE}", read_sql("staging", _QUARANTINE), {"files": files})


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
    """Materialise a query; only the parameters that it names are bound (DuckDB refuses others)."""
    named = connection.extract_statements(query)[0].named_parameters
    bound = {name: parameters[name] for name in named}
    connection.execute(f"create table {relation} as {query}", bound)
