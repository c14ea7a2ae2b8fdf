"""A search of everything in a home for what should be gone: the proof of an erasure.

Belongs here: reading bytes, Parquet, SQLite, DuckDB and archives, independently of how they came to be written.
Stays out: deleting. What is found fails the erasure.

The videos of clips that stay are not read: their names are their content hashes.
"""

from __future__ import annotations

import gzip
import json
import os
import sqlite3
import zipfile
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from apexline.assets.lake import hash_file
from apexline.ml.surveys import plain, without_rows
from apexline.orchestration.erasure.traces import Traces, pixel_digest
from apexline.orchestration.settings import Settings

_BLOCK, _OVERLAP = 8 << 20, 4096
_PEOPLE = ("rater", "reviewer")  # columns that hold codes of people
_SQLITE, _GZIP, _ZIP, _PARQUET, _DUCKDB = b"SQLite format 3\0", b"\x1f\x8b", b"PK\x03\x04", b"PAR1", b"DUCK"


def roots_of(settings: Settings) -> list[UPath]:
    """Return the folders in which a home keeps anything."""
    home, state = settings.home_path, UPath(settings.state_path)
    return [home] if home == state else [home, state]


def files_in(root: UPath) -> Iterator[UPath]:
    """Yield every file below a folder, sorted within each; links are yielded and never followed."""
    if isinstance(root, Path):
        for folder, _, names in os.walk(root):
            yield from (root.joinpath(os.path.relpath(folder, root), name) for name in sorted(names))
    elif root.is_dir():
        yield from (path for path in sorted(root.rglob("*"), key=str) if path.is_file())


def search_home(settings: Settings, traces: Traces, *, spare: Iterable[UPath] = ()) -> tuple[int, list[str]]:
    """Look for traces in every file of a home.

    Parameters
    ----------
    spare : iterable of UPath
        Files that may hold them: the record of the erasure itself.

    Returns
    -------
    num_files : int
        Files that were looked at.
    remains : list of str
        Where something was found, and what.
    """
    spared = {str(path) for path in spare}
    stored = _stored_ids(settings)
    remains: list[str] = []
    count = 0
    for root in roots_of(settings):
        for path in files_in(root):
            if str(path) in spared:
                continue
            name = str(path).removeprefix(f"{root}/")
            count += 1
            try:
                found = _found_in(path, name, traces, stored)
            except FileNotFoundError:  # a living writer was done with it
                continue
            remains += [f"{name}: {each}" for each in found]
    return count, remains


def _stored_ids(settings: Settings) -> set[str]:
    root = settings.home_path / "clips"
    return {record.stem for record in root.glob("*/*.json")} if root.is_dir() else set()


def _found_in(path: UPath, name: str, traces: Traces, stored: set[str]) -> list[str]:
    found: list[str] = []
    if hit := traces.found_in(name.encode("utf-8", "surrogateescape")):
        found.append(f"{hit} in its name")
    if path.is_symlink() or not path.is_file():
        return found
    size = path.stat().st_size
    if traces.may_be(size) and hash_file(path) in traces.hashes:
        found.append("content")
    if path.parent.parent.name == "clips" and path.stem in stored and path.suffix != ".json":
        return found
    with path.open("rb") as file:
        head = file.read(16)
        file.seek(0)
        if head.startswith(_PARQUET):
            own = path.parent.name.startswith("camera_day=") and path.stem.split("-")[0] in stored
            return found + _in_parquet(file, traces, stored, with_pixels=not own)
        if hit := _in_stream(file, traces):
            found.append(hit)
        elif head.startswith(_GZIP):
            with path.open("rb") as packed, gzip.open(packed) as inner:
                found += filter(None, [_in_stream(inner, traces)])
        elif head.startswith(_ZIP):
            found += _in_zip(file, traces)
    if head.startswith(_SQLITE):
        found += _in_cells(_sqlite_cells(Path(str(path))), traces)
    elif head[8:12] == _DUCKDB:
        found += _in_cells(_duckdb_cells(Path(str(path))), traces)
    if traces.rater and "surveys" in path.parts and _names_rater(path, traces.rater):
        found.append("rater")
    return sorted(set(found))


def _in_stream(file: IO[bytes] | gzip.GzipFile, traces: Traces) -> str:
    rest = b""
    while block := file.read(_BLOCK):
        if hit := traces.found_in(rest + block):
            return hit
        rest = (rest + block)[-_OVERLAP:]
    return ""


def _in_zip(file: IO[bytes], traces: Traces) -> list[str]:
    with zipfile.ZipFile(file) as archive:
        hits = [
            traces.found_in(member.filename.encode()) or _in_stream(inner, traces)
            for member in archive.infolist()
            for inner in [archive.open(member)]
        ]
    return [hit for hit in hits if hit]


def _in_parquet(file: IO[bytes], traces: Traces, stored: set[str], *, with_pixels: bool) -> list[str]:
    """Look into texts of a Parquet file, and into pixels that are not those of a clip that stays."""
    parquet = pq.ParquetFile(file)
    found = [traces.found_in(key + b" " + value) for key, value in (parquet.metadata.metadata or {}).items()]
    schema = parquet.schema_arrow
    texts = [field.name for field in schema if _holds_text(field.type)]
    pixels = [field.name for field in schema if with_pixels and _holds_bytes(field.type)]
    for batch in parquet.iter_batches(columns=[*texts, *pixels], use_threads=False):
        for name in texts:
            column = batch[name]
            distinct = column.to_pylist() if pa.types.is_nested(column.type) else column.unique().to_pylist()
            values = {str(value) for value in distinct if value is not None}
            found.append(traces.found_in("\n".join(values).encode("utf-8", "surrogateescape")))
            if traces.rater and name in _PEOPLE and traces.rater in values:
                found.append("rater")
        owners = batch["clip_id"].to_pylist() if "clip_id" in texts else [""] * batch.num_rows
        for name in pixels:
            for owner, value in zip(owners, batch[name].to_pylist(), strict=True):
                if owner not in stored and value is not None and pixel_digest(value) in traces.pixels:
                    found.append("pixels")
    return sorted(set(filter(None, found)))


def _holds_text(kind: pa.DataType) -> bool:
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _holds_text(kind.value_type)
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind)


def _holds_bytes(kind: pa.DataType) -> bool:
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind)


def _in_cells(cells: Iterable[tuple[str, bytes]], traces: Traces) -> list[str]:
    hits = {f"{hit} in {where}" for where, value in cells if (hit := traces.found_in(value))}
    return sorted(hits)


def _sqlite_cells(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield table and value of every cell with text or bytes: long ones are not in one piece in the file."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=60)) as connection:
        connection.text_factory = bytes
        tables = connection.execute("select name from sqlite_master where type = 'table'").fetchall()
        for (raw,) in tables:
            table = raw.decode()
            quoted = table.replace('"', '""')
            for row in connection.execute(f'select * from "{quoted}"'):  # noqa: S608  (a name from the file itself)
                yield from ((table, value) for value in row if isinstance(value, bytes))


def _duckdb_cells(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the values of every column: they are compressed in the file."""
    with _opened(path) as connection:
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() where not internal"
        ).fetchall()
        for schema, table in tables:
            rows = connection.execute(f'select * from "{schema}"."{table}"')  # noqa: S608
            while chunk := rows.fetchmany(10_000):
                yield f"{schema}.{table}", "\n".join(map(str, chunk)).encode("utf-8", "surrogateescape")


@contextmanager
def _opened(path: Path) -> Generator[Any]:
    with closing(duckdb.connect(str(path), read_only=True)) as connection:
        yield connection


def _names_rater(path: UPath, rater: str) -> bool:
    """Tell whether a file of surveys has a rater's code in a column of raters, or as a value of JSON."""
    if path.suffix == ".csv":
        try:
            return bool(without_rows(Path(str(path)), "rater", lambda value, _: plain(value) == rater)[1])
        except ValueError:  # no table of raters
            return False
    return json.dumps(rater) in path.read_bytes().decode("utf-8", "replace")
