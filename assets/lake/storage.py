"""The lake: Parquet files that are the truth of the platform, and how they come and go.

Belongs here: where a file lies, writing it whole or not at all, fingerprints, the lake's content hash.
Stays out: what the columns mean (``schemas``), what is computed (``features``, ``ml``), Dagster.

A file is written under ``tmp/`` (``unfinished``) and renamed into place, or sent whole to an object store, so that a
reader never sees half a file and a killed run leaves nothing in the lake. Its fingerprint (inputs, code version,
parameters) travels in the Parquet footer: a rerun skips the file while the fingerprint stands.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import tempfile
from bisect import bisect_left, bisect_right
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from apexline.assets.lake.schemas import TABLES, WITHOUT_CAMERA_DAY
from apexline.assets.lake.unfinished import scratch_file
from apexline.assets.lake.workers import is_of_the_machine

_log = logging.getLogger(__name__)

_FINGERPRINT = b"apexline.fingerprint"
# When a thing was decided or scored is no part of what the lake says about the clips.
_WALL_CLOCK_COLUMNS = ("scored_at", "decided_at", "reviewed_at", "dagster_run_id")


class DamagedFile(Exception):  # noqa: N818  (as `UnreadableVideo`: it says what is there)
    """A stored file is there and can't be read, or holds something else than it should.

    Parameters
    ----------
    path : UPath
    detail : str
        What was seen.
    """

    def __init__(self, path: UPath, detail: str) -> None:
        super().__init__(f"{path} can't be read: {detail}")
        self.path = path


def fingerprint(*parts: object) -> str:
    """Hash what a result depends on, to 32 hex digits.

    Parameters
    ----------
    *parts
        JSON-serialisable values: fingerprints of inputs, code versions, parameter hashes.
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
    scratch : Path, optional
        Local folder for what is not finished where the home is an object store; by default the system's.
    compression : str, optional
        Parquet's name of how columns are packed.
    """

    home: UPath
    scratch: Path | None = None
    compression: str = "zstd"

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
        return sorted(path.stem for path in _files_in(folder)) if folder.is_dir() else []

    def fingerprint_of(self, table: str, name: str, *, camera_day: str | None = None) -> str | None:
        """Return the fingerprint of a stored file; None where there is no such file, or a damaged one."""
        try:
            footer = self.footer(table, name, camera_day=camera_day)
        except (FileNotFoundError, DamagedFile):  # it has to be made, whichever it is
            return None
        return footer.get(_FINGERPRINT, b"").decode(errors="replace")

    def footer(self, table: str, name: str, *, camera_day: str | None = None) -> dict[bytes, bytes]:
        """Return what the footer of one file says beside its schema; raises as `read`."""
        with _parquet(self.path(table, name, camera_day=camera_day)) as parquet:
            return dict(parquet.metadata.metadata or {})

    def read(
        self,
        table: str,
        name: str,
        *,
        camera_day: str | None = None,
        columns: list[str] | None = None,
        frames: Sequence[int] | None = None,
    ) -> pa.Table:
        """Read one file, or those row groups of it that hold some of these frames, in ascending order.

        Raises
        ------
        FileNotFoundError
            Where it does not exist.
        DamagedFile
            Where it can't be read as a file of `table`.
        """
        return _read(self.path(table, name, camera_day=camera_day), table, columns, frames)

    def read_all(
        self, table: str, *, camera_days: Sequence[str] | None = None, columns: list[str] | None = None
    ) -> pa.Table:
        """Read every file of a table (of some camera-days where they are given) as one; empty where there is none.

        A clip whose file is damaged is left out, and logged: `damaged_files` finds it.

        Raises
        ------
        DamagedFile
            Of a table that belongs to no camera-day: nothing of that can be left out.
        """
        schema = TABLES[table] if columns is None else pa.schema([TABLES[table].field(c) for c in columns])
        tables: list[pa.Table] = []
        for path in self._files(table, camera_days):
            try:
                tables.append(_read(path, table, columns).replace_schema_metadata(None))
            except DamagedFile as error:
                if table in WITHOUT_CAMERA_DAY:
                    raise
                _log.warning("left out: %s", error)
        # Files from before a column was added give nulls there: scores are appended, never written anew.
        joined = pa.concat_tables([schema.empty_table(), *tables], promote_options="default")
        return joined.replace_schema_metadata(None)

    def damaged_files(
        self, *, clip_id: str | None = None, camera_days: Sequence[str] | None = None
    ) -> list[DamagedFile]:
        """Read all files of clips (or of one clip, or some camera-days) and return what is wrong with them."""
        found: list[DamagedFile] = []
        for table in sorted(set(TABLES) - WITHOUT_CAMERA_DAY):
            for path in self._files(table, camera_days):
                if clip_id is None or path.name.startswith(clip_id):
                    try:
                        _read_through(path, table)
                    except DamagedFile as error:
                        found.append(error)
        return found

    def _files(self, table: str, camera_days: Sequence[str] | None) -> list[UPath]:
        if camera_days is not None:
            names = [(day, name) for day in camera_days for name in self.names(table, camera_day=day)]
            return [self.path(table, name, camera_day=day) for day, name in names]
        folder = self.home / "lake" / table
        folders = [folder, *(each for each in folder.iterdir() if each.is_dir())] if folder.is_dir() else []
        return sorted((path for each in folders for path in _files_in(each)), key=str)

    def iter_batches(
        self,
        table: str,
        name: str,
        *,
        camera_day: str | None = None,
        columns: list[str] | None = None,
        frames: Sequence[int] | None = None,
    ) -> Iterator[pa.RecordBatch]:
        """Yield the row groups that `read` would join, so that memory does not grow with their number."""
        with _parquet(self.path(table, name, camera_day=camera_day)) as parquet:
            _check_schema(parquet, self.path(table, name, camera_day=camera_day), table)
            for group in _groups_with(parquet, frames):
                yield from parquet.read_row_group(group, columns=columns, use_threads=False).to_batches()

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
        # Dictionaries of numbers that hardly repeat take memory until they are full, and more bytes on disk than none.
        with (
            self.replacing(target) as file,
            pq.ParquetWriter(file, schema, compression=self.compression, use_dictionary=False) as writer,
        ):
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

    def write_first(self, table: str, name: str, rows: Iterable[dict[str, Any]], *, stamp: str) -> bool:
        """Write one file of a table without camera-days unless it is there; return whether this call wrote it.

        Of several processes and machines that try at once, one does.
        """
        target = self.path(table, name)
        target.parent.mkdir(parents=True, exist_ok=True)
        schema = TABLES[table].with_metadata({_FINGERPRINT: stamp.encode()})
        with self._local_scratch() as whole:
            pq.write_table(
                pa.Table.from_pylist(list(rows), schema=schema), whole, compression=self.compression
            )
            try:
                if isinstance(target, Path):
                    target.hardlink_to(whole)
                else:
                    target.fs.put_file(str(whole), target.path, mode="create")
            except FileExistsError:
                return False
        return True

    def remove(self, table: str, name: str, *, camera_day: str | None = None) -> bool:
        """Delete one file; return whether there was one."""
        path = self.path(table, name, camera_day=camera_day)
        existed = path.is_file()
        if existed:
            path.unlink()
        return existed

    @contextmanager
    def replacing(self, target: UPath) -> Generator[IO[bytes]]:
        """Open `target` for writing such that readers see the old file or the new one, never a part.

        A block that raises, or is killed, leaves the old one.
        """
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(target, Path) and target.is_dir() and not target.is_symlink():
            target.rmdir()  # nobody misses an empty one; raises where something lies in it
        # Under a name of its own: the target's may be as long as the file system allows.
        with self._local_scratch() as aside:
            with aside.open("wb") as file:
                yield file
            if isinstance(target, Path):
                aside.replace(target)
            else:
                # An object is there when all of it has arrived. What is written to it directly would be published by
                # an exception too, as far as it came.
                target.fs.put_file(str(aside), target.path)

    @contextmanager
    def local_copy(self, path: UPath) -> Generator[Path]:
        """Give a local path for a file: itself, or a copy that lives as long as the block (decoders need one).

        Raises
        ------
        FileNotFoundError
            Where there is nothing.
        DamagedFile
            Where a folder, pipe or device lies in its place.
        """
        _check_is_file(path)
        if isinstance(path, Path):
            yield path
            return
        with self._local_scratch(path.suffix) as copy:
            with path.open("rb") as source, copy.open("wb") as target:
                shutil.copyfileobj(source, target)
            yield copy

    @contextmanager
    def _local_scratch(self, suffix: str = "") -> Generator[Path]:
        # On the disk of the target, where that is local; swept by the next process where this one is killed.
        parent = Path(self.home) / "tmp" if isinstance(self.home, Path) else self.scratch
        if parent is not None:
            with scratch_file(parent, suffix=suffix) as file:
                yield file
            return
        with tempfile.TemporaryDirectory(prefix="apexline-") as name:
            yield Path(name, f"scratch{suffix}")

    def content_hash(self) -> str:
        """Hash what the lake says: every table's rows, without wall-clock columns and run ids.

        Two lakes made from the same clips by the same code have the same hash, however often the work was
        interrupted.
        """
        digest = hashlib.sha256()
        for table in sorted(TABLES):
            for path in self._files(table, None):
                # The file name of scores and promotions carries their time; their rows do not need it.
                digest.update(table.encode())
                digest.update(path.parent.name.encode())
                with _parquet(path) as parquet:
                    keep = [c for c in parquet.schema_arrow.names if c not in _WALL_CLOCK_COLUMNS]
                    for batch in parquet.iter_batches(columns=keep, use_threads=False):
                        for row in batch.to_pylist():
                            digest.update(repr(row).encode())
        return digest.hexdigest()[:32]


def _files_in(folder: UPath) -> list[UPath]:
    """Return the Parquet files of a folder; hidden ones, folders and pipes of such a name are none of the lake's."""
    named = (path for path in folder.iterdir() if path.suffix == ".parquet" and not path.name.startswith("."))
    return [path for path in named if path.is_file()]


def _check_is_file(path: UPath) -> None:
    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise DamagedFile(path, "saw a folder, pipe or device; expected a file")


@contextmanager
def _parquet(path: UPath) -> Generator[pq.ParquetFile]:
    """Open a file of the lake; whatever is wrong with the file is a `DamagedFile`, there and in the block."""
    _check_is_file(path)
    try:
        with path.open("rb") as file:
            yield pq.ParquetFile(file)
    except (FileNotFoundError, MemoryError):
        raise
    except (pa.ArrowException, OSError) as error:
        if is_of_the_machine(error):
            raise
        raise DamagedFile(path, f"{type(error).__name__}: {error}") from error


def _read(
    path: UPath, table: str, columns: list[str] | None, frames: Sequence[int] | None = None
) -> pa.Table:
    with _parquet(path) as parquet:
        _check_schema(parquet, path, table)
        # Arrow's own threads may still hold a Python file when the interpreter ends, and then abort the process.
        return parquet.read_row_groups(_groups_with(parquet, frames), columns=columns, use_threads=False)


def _groups_with(parquet: pq.ParquetFile, frames: Sequence[int] | None) -> list[int]:
    """Return the row groups that may hold one of some frames; all where none are named."""
    groups = list(range(parquet.num_row_groups))
    if frames is None:
        return groups
    at = parquet.schema_arrow.names.index("frame")
    ends = [parquet.metadata.row_group(group).column(at).statistics for group in groups]
    return [
        group
        for group, each in enumerate(ends)
        if each is None
        or not each.has_min_max
        or bisect_left(frames, each.min) < bisect_right(frames, each.max)
    ]


def _read_through(path: UPath, table: str) -> None:
    with _parquet(path) as parquet:
        _check_schema(parquet, path, table)
        for _ in parquet.iter_batches(use_threads=False):
            pass


def _check_schema(parquet: pq.ParquetFile, path: UPath, table: str) -> None:
    """Refuse columns that the table does not have; files from before a column was added lack it."""
    known = {field.name: field.type for field in TABLES[table]}
    foreign = [
        f"{each.name} {each.type}" for each in parquet.schema_arrow if known.get(each.name) != each.type
    ]
    if foreign:
        raise DamagedFile(path, f"saw the columns {foreign}, which {table} does not have")
