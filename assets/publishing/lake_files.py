"""The files that the warehouse is built from, by camera-day, and what tells that they changed.

Belongs here: listing files of the lake and of the quarantine without opening any. Stays out: reading them
(``warehouse_build``).
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple, Self

from upath import UPath

from apexline.assets.lake import TABLES, fingerprint

SHARED = ""  # in place of a camera-day: what none owns
REIGNS = "promotions"  # in the stamps: those of its files that decide about the rows of every camera-day
_PARTITION = "camera_day="


class _File(NamedTuple):
    """A file as DuckDB names it: a plain path, or the URL of an object store; size, bytes, and time of change, s."""

    name: str
    size: int
    changed_at: float


@dataclass(frozen=True)
class LakeFiles:
    """Files of the lake and records of the quarantine.

    Attributes
    ----------
    root : UPath
        Folder of the tables.
    tables : dict
        Names by camera-day, `SHARED` for none, and table.
    records : list of str
        JSON records of what was refused, unreadable ones left out.
    stamps : dict of str to str
        Fingerprint of a camera-day's files by name, size and time of change; `REIGNS` has that of the decisions about
        the champion, `SHARED` that of all others, the quarantine's among them.
    """

    root: UPath
    tables: dict[str, dict[str, list[str]]] = field(default_factory=dict[str, dict[str, list[str]]])
    records: list[str] = field(default_factory=list[str])
    stamps: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def camera_days(self) -> list[str]:
        """Camera-days that have files, sorted."""
        return sorted(set(self.tables) - {SHARED})

    def of(self, table: str, camera_days: Collection[str]) -> list[str]:
        """Return the names of a table's files, camera-day by camera-day."""
        return [name for day in camera_days for name in self.tables.get(day, {}).get(table, [])]

    def without(self, damaged: Collection[str]) -> Self:
        """Return the same with some files left out; they count in the stamps: once mended they are read."""
        tables = {
            day: {table: [name for name in names if name not in damaged] for table, names in found.items()}
            for day, found in self.tables.items()
        }
        return replace(self, tables=tables)


def list_files(lake: UPath, quarantine: UPath) -> LakeFiles:
    """List what the warehouse is built from; where a folder is missing nothing is in it."""
    tables: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    stamps: dict[str, list[_File]] = defaultdict(list)
    for table in TABLES:
        for day, file in _files_of_table(lake / table):
            stamps[REIGNS if table == REIGNS else day].append(file)
            tables[day][table].append(file.name)
    records = _files_in(quarantine, ".json")
    stamps[SHARED] += records
    return LakeFiles(
        root=lake,
        tables={day: {name: sorted(files) for name, files in found.items()} for day, found in tables.items()},
        # The list of what was refused says which record can't be read.
        records=sorted(file.name for file in records if _is_json(UPath(file.name))),
        stamps={day: fingerprint(sorted(files)) for day, files in stamps.items()},
    )


def day_of(path: UPath) -> str:
    """Return the camera-day that a file of the lake belongs to; `SHARED` for none."""
    folder = path.parent.name
    return folder.removeprefix(_PARTITION) if folder.startswith(_PARTITION) else SHARED


def _files_of_table(folder: UPath) -> Iterator[tuple[str, _File]]:
    if folder.is_dir():
        yield from ((SHARED, file) for file in _files_in(folder, ".parquet"))
        for name in _folders_in(folder):
            if name.startswith(_PARTITION):
                yield from (
                    (name.removeprefix(_PARTITION), file) for file in _files_in(folder / name, ".parquet")
                )


def _folders_in(folder: UPath) -> list[str]:
    if not isinstance(folder, Path):
        return [each.name for each in folder.iterdir() if each.is_dir()]
    with os.scandir(folder) as entries:
        return [each.name for each in entries if each.is_dir()]


def _files_in(folder: UPath, suffix: str) -> list[_File]:
    """List the files of a folder; hidden ones are left out, and what is no file: a pipe would be waited for."""
    if isinstance(folder, Path):
        if not folder.is_dir():
            return []
        with os.scandir(folder) as entries:
            named = [each for each in entries if _is_named(each.name, suffix) and each.is_file()]
            return [_File(each.path, each.stat().st_size, each.stat().st_mtime) for each in named]
    inside = folder.iterdir() if folder.is_dir() else ()
    found = [each for each in inside if _is_named(each.name, suffix) and each.is_file()]
    stats = [each.stat() for each in found]
    return [
        _File(f"{folder.protocol}://{each.path}", stat.st_size, stat.st_mtime)
        for each, stat in zip(found, stats, strict=True)
    ]


def _is_named(name: str, suffix: str) -> bool:
    return name.endswith(suffix) and not name.startswith(".")


def _is_json(record: UPath) -> bool:
    try:
        return isinstance(json.loads(record.read_bytes()), dict)
    except (ValueError, RecursionError, OSError):
        return False
