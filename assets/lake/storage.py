"""The lake: Parquet files that are the truth of the platform, and how they come and go.

Belongs here: where a file lies, writing it whole or not at all, fingerprints, the lake's content hash.
Stays out: what the columns mean (``schemas``), what is computed (``features``, ``ml``), Dagster.

A file is written under ``tmp/`` (``unfinished``) and renamed into place, so that a reader never sees half a file
and a killed run leaves nothing in the lake. Its fingerprint (inputs, code version, parameters) travels in the
Parquet footer: a rerun skips the file while the fingerprint stands.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray
from upath import UPath

from apexline.assets.lake.schemas import TABLES
from apexline.assets.lake.unfinished import scratch_folder

_FINGERPRINT = b"apexline.fingerprint"
# When a thing was decided or scored is no part of what the lake says about the clips.
_WALL_CLOCK_COLUMNS = ("scored_at", "decided_at", "dagster_run_id")


def fingerprint(*parts: object) -> str:
    """Hash what a result depends on.

    Parameters
    ----------
    *parts
        JSON-serialisable values: fingerprints of inputs, code versions, parameter hashes.

    Returns
    -------
    str
        32 hex digits.
    """
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Lake:
    """Files below one home folder, local or on an object store.

    Parameters
    ----------
    home : UPath
        ``APEXLINE_HOME``: ``lake/``, ``clips/``, ``quarantine/``, ``landing/`` and ``tmp/`` lie in it.
    """

    home: UPath

    def path(self, table: str, name: str, *, camera_day: str | None = None) -> UPath:
        """Return where the file `name` of `table` lies; raises ``KeyError`` for an unknown table."""
        if table not in TABLES:
            msg = f"no lake table is called {table!r}; the tables are {sorted(TABLES)}"
            raise KeyError(msg)
        folder = self.home / "lake" / table
        if camera_day is not None:
            folder = folder / f"camera_day={camera_day}"
        return folder / f"{name}.parquet"

    def names(self, table: str, *, camera_day: str | None = None) -> list[str]:
        """Return the names of a table's files, sorted; of one camera-day where one is given."""
        folder = self.path(table, "_", camera_day=camera_day).parent
        if not folder.is_dir():
            return []
        return sorted(file.stem for file in folder.iterdir() if file.suffix == ".parquet")

    def fingerprint_of(self, table: str, name: str, *, camera_day: str | None = None) -> str | None:
        """Return the fingerprint of a stored file, or None where there is no such file."""
        if not self.path(table, name, camera_day=camera_day).exists():
            return None
        return self.footer(table, name, camera_day=camera_day).get(_FINGERPRINT, b"").decode()

    def footer(self, table: str, name: str, *, camera_day: str | None = None) -> dict[bytes, bytes]:
        """Return what the footer of one file says beside its schema; raises ``FileNotFoundError`` without a file."""
        with self.path(table, name, camera_day=camera_day).open("rb") as file:
            return dict(pq.read_metadata(file).metadata or {})

    def read(
        self, table: str, name: str, *, camera_day: str | None = None, columns: list[str] | None = None
    ) -> pa.Table:
        """Read one file; raises ``FileNotFoundError`` where it does not exist."""
        with self.path(table, name, camera_day=camera_day).open("rb") as file:
            return _read(file, columns)

    def read_all(
        self, table: str, *, camera_days: Sequence[str] | None = None, columns: list[str] | None = None
    ) -> pa.Table:
        """Read every file of a table (of some camera-days where they are given) as one; empty where there is none."""
        schema = TABLES[table] if columns is None else pa.schema([TABLES[table].field(c) for c in columns])
        if camera_days is None:
            folder = self.home / "lake" / table
            files = sorted(folder.rglob("*.parquet")) if folder.is_dir() else []
        else:
            files = [
                self.path(table, name, camera_day=day)
                for day in camera_days
                for name in self.names(table, camera_day=day)
            ]
        tables: list[pa.Table] = []
        for path in files:
            with path.open("rb") as file:
                tables.append(_read(file, columns).replace_schema_metadata(None))
        # Files from before a column was added give nulls there: scores are appended, never written anew.
        joined = pa.concat_tables([schema.empty_table(), *tables], promote_options="default")
        return joined.replace_schema_metadata(None)

    def iter_batches(
        self, table: str, name: str, *, camera_day: str | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Yield the row groups of one file, so that memory does not grow with its length."""
        with self.path(table, name, camera_day=camera_day).open("rb") as file:
            parquet = pq.ParquetFile(file)
            for group in range(parquet.num_row_groups):
                yield from parquet.read_row_group(group, use_threads=False).to_batches()

    @contextmanager
    def writer(
        self, table: str, name: str, *, stamp: str, camera_day: str | None = None
    ) -> Generator[pq.ParquetWriter]:
        """Open a Parquet writer whose file appears in the lake only when the block ends well.

        Parameters
        ----------
        stamp : str
            Fingerprint to store in the footer.
        """
        schema = TABLES[table].with_metadata({_FINGERPRINT: stamp.encode()})
        target = self.path(table, name, camera_day=camera_day)
        with self.replacing(target) as file, pq.ParquetWriter(file, schema, compression="zstd") as writer:
            yield writer

    def write(
        self,
        table: str,
        name: str,
        rows: pa.Table | Iterable[dict[str, Any]],
        *,
        stamp: str,
        camera_day: str | None = None,
    ) -> None:
        """Write one file from a table or from rows (dicts with the schema's columns)."""
        if isinstance(rows, pa.Table):
            # pyarrow ships no types, so that the test above narrows nothing.
            data = cast("pa.Table", rows).cast(TABLES[table])
        else:
            data = pa.Table.from_pylist(list(rows), schema=TABLES[table])
        with self.writer(table, name, stamp=stamp, camera_day=camera_day) as writer:
            writer.write_table(data.replace_schema_metadata(writer.schema.metadata))

    def remove(self, table: str, name: str, *, camera_day: str | None = None) -> bool:
        """Delete one file; return whether there was one."""
        path = self.path(table, name, camera_day=camera_day)
        existed = path.exists()
        if existed:
            path.unlink()
        return existed

    @contextmanager
    def replacing(self, target: UPath) -> Generator[IO[bytes]]:
        """Open `target` for writing such that readers see the old file or the new one, never a part."""
        target.parent.mkdir(parents=True, exist_ok=True)
        if not isinstance(target, Path):  # an object store publishes an object when it is closed
            with target.open("wb") as file:
                yield file
            return
        with scratch_folder(Path(str(self.home)) / "tmp") as folder:
            aside = folder / "unfinished"  # names of files may be as long as the file system allows
            with aside.open("wb") as file:
                yield file
            aside.replace(target)

    @contextmanager
    def local_copy(self, path: UPath) -> Generator[Path]:
        """Give a local path for `path`: itself, or a copy that lives as long as the block (decoders need one)."""
        if isinstance(path, Path):
            yield path
            return
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / path.name
            with path.open("rb") as source, copy.open("wb") as target:
                shutil.copyfileobj(source, target)
            yield copy

    def content_hash(self) -> str:
        """Hash what the lake says: every table's rows, without wall-clock columns and run ids.

        Two lakes made from the same clips by the same code have the same hash, however often the work was
        interrupted.
        """
        digest = hashlib.sha256()
        root = self.home / "lake"
        for path in sorted(root.rglob("*.parquet")) if root.is_dir() else []:
            table = (
                path.relative_to(str(root)).parts[0] if isinstance(path, Path) else path.parent.parent.name
            )
            # The file name of scores and promotions carries their time; their rows do not need it.
            digest.update(table.encode())
            digest.update(path.parent.name.encode())
            with path.open("rb") as file:
                parquet = pq.ParquetFile(file)
                keep = [c for c in parquet.schema_arrow.names if c not in _WALL_CLOCK_COLUMNS]
                for batch in parquet.iter_batches(columns=keep, use_threads=False):
                    for row in batch.to_pylist():
                        digest.update(repr(row).encode())
        return digest.hexdigest()[:32]


def columns_of_track(table: pa.Table, track_id: str) -> dict[str, NDArray[Any]]:
    """Return a feature table's columns for one track, as arrays by name; list columns become 2-D."""
    chosen = table.filter(pc.field("track_id") == track_id)
    columns: dict[str, NDArray[Any]] = {}
    for name in chosen.column_names:
        column = chosen[name]
        if pa.types.is_list(column.type):
            columns[name] = np.asarray(column.to_pylist(), dtype=np.float32)
        else:
            columns[name] = column.to_numpy()
    return columns


def _read(file: IO[bytes], columns: list[str] | None) -> pa.Table:
    # Arrow's own threads may still hold a Python file when the interpreter ends, and then abort the process.
    return pq.ParquetFile(file).read(columns=columns, use_threads=False)
