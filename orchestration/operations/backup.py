"""Copies of a home that are whole: made while it works, each file with its hash.

Belongs here: what is copied, in which order, and the list of it. Stays out: making a home of a copy (``restore``).

The order lets a home go on working meanwhile: what refers comes before what it refers to. Scores name model versions,
so the lake is copied before MLflow's database, and that before its artifacts; the lake follows from clips, which come
last. Nothing is erased while a backup is made.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from apexline.orchestration.occupancy import working
from apexline.orchestration.settings import Settings

OnStep = Callable[[str, int, int], None]

MANIFEST = "backup.json"
PARTS = ("home", "state")
_SQLITE = b"SQLite format 3\0"
# Of SQLite the copy has its own; what is unfinished or built from the rest is not needed.
_JOURNALS = ("-wal", "-shm", "-journal")
_LEFT_OUT = ("tmp", "warehouse.duckdb", "warehouse.duckdb.wal", "warehouse.json", ".occupied")
_ORDER = ("dagster", "lake", "mlflow.db", "mlartifacts", "quarantine", "clips", "landing")
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Copied:
    """A file of a backup: its size, time of change (ns) and content hash; those of the original but for databases."""

    size: int
    mtime_ns: int
    sha256: str


def back_up(settings: Settings, folder: Path, *, on_step: OnStep) -> dict[str, Any]:
    """Copy the home into a new folder below `folder`.

    A file that has not changed since the backup before is not copied again: both share it (a hard link).

    Returns
    -------
    dict
        Folder, files, bytes altogether and newly written, and what belongs to the installation and is not in it.

    Raises
    ------
    ValueError
        Where the home is an object store, or `folder` lies in the home.
    """
    home = settings.home_path
    if not isinstance(home, Path):
        msg = f"{home} is an object store; let the store keep versions or replicate it, and back up the state folder"
        raise ValueError(msg)
    roots = {"home": home.resolve(), "state": settings.state_path.resolve()}
    folder = folder.resolve()
    if any(folder.is_relative_to(root) for root in roots.values()):
        msg = f"{folder} lies in the home that it is to keep; give a folder elsewhere, best on another disk"
        raise ValueError(msg)
    if roots["home"] == roots["state"]:
        del roots["state"]
    folder.mkdir(parents=True, exist_ok=True)
    before = latest_backup(folder)
    moment = datetime.now(UTC)
    aside = folder / f".apexline-{moment:%Y%m%dT%H%M%S%fZ}.part"
    target = folder / aside.name.removeprefix(".").removesuffix(".part")
    with working(settings, patience_s=25):
        files = _copy_all(roots, aside, before, on_step)
    manifest = {
        "apexline": version("apexline"),
        "made_at": moment.isoformat(timespec="seconds"),
        "parts": list(roots),
        "files": {name: asdict(each) for name, (each, _) in files.items()},
    }
    (aside / MANIFEST).write_text(json.dumps(manifest, indent=0))
    aside.rename(target)
    return {
        "backup": str(target),
        "files": len(files),
        "bytes": sum(each.size for each, _ in files.values()),
        "bytes written": sum(each.size for each, is_new in files.values() if is_new),
        "not in it": elsewhere(settings),
    }


def latest_backup(folder: Path) -> Path | None:
    """Return the newest whole backup below a folder."""
    found = sorted(each for each in folder.glob("apexline-*") if (each / MANIFEST).is_file())
    return found[-1] if found else None


def read_manifest(backup: Path) -> dict[str, Any]:
    """Return what a backup says about itself.

    Raises
    ------
    FileNotFoundError
        Where it is none.
    """
    path = backup / MANIFEST
    if not path.is_file():
        msg = f"{backup} is no backup: it has no {MANIFEST}; expected a folder that `apexline backup` made"
        raise FileNotFoundError(msg)
    return json.loads(path.read_text())


def elsewhere(settings: Settings) -> list[str]:
    """Name what belongs to an installation and lies outside its folders."""
    found: list[str] = []
    if settings.config is not None and not settings.config.resolve().is_relative_to(
        settings.state_path.resolve()
    ):
        found.append(f"the parameter file {settings.config}")
    if settings.mlflow_tracking_uri:
        found.append("MLflow's server and its artifacts")
    instance = settings.dagster_home / "dagster.yaml"
    if instance.is_file() and any(
        word in instance.read_text() for word in ("postgres", "mysql")
    ):  # as its storages are called
        found.append("Dagster's database server")
    return found


def _copy_all(
    roots: dict[str, Path], aside: Path, before: Path | None, on_step: OnStep
) -> dict[str, tuple[Copied, bool]]:
    """Copy what lies in the roots; returns for each file what it is, and whether it was written anew."""
    known = {} if before is None else read_manifest(before)["files"]
    files: dict[str, tuple[Copied, bool]] = {}
    for part, root in roots.items():
        for path in _files_of(root):
            name = f"{part}/{path.relative_to(root).as_posix()}"
            on_step(f"copying {part}", len(files), len(known))
            target = aside / name
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                files[name] = _copy(path, target, before, known.get(name), name)
            except FileNotFoundError:  # taken in, computed anew or rotated since the folder was listed
                continue
    return files


def _copy(
    path: Path, target: Path, before: Path | None, known: dict[str, Any] | None, name: str
) -> tuple[Copied, bool]:
    found = path.stat()
    is_database = _is_sqlite(path)
    is_same = known is not None and (known["size"], known["mtime_ns"]) == (found.st_size, found.st_mtime_ns)
    if is_same and before is not None and known is not None and not (is_database and _has_journal(path)):
        try:
            os.link(before / name, target)
        except OSError:  # another disk, or a file system without links: it is copied
            pass
        else:
            return Copied(**known), False
    if is_database:
        _copy_database(path, target)
        # Its time and size tell, with no journal beside it, whether it is the same at the next backup.
        return Copied(target.stat().st_size, found.st_mtime_ns, _hash(target)), True
    digest = copy_and_hash(path, target)
    os.utime(target, ns=(found.st_mtime_ns, found.st_mtime_ns))
    return Copied(target.stat().st_size, found.st_mtime_ns, digest), True


def copy_and_hash(source: Path, target: Path) -> str:
    """Copy a file; returns the SHA-256 of what was written."""
    digest = hashlib.sha256()
    with source.open("rb") as file, target.open("wb") as copy:
        while block := file.read(_BLOCK):
            digest.update(block)
            copy.write(block)
    shutil.copymode(source, target)
    return digest.hexdigest()


def _copy_database(path: Path, target: Path) -> None:
    """Copy a SQLite file as it is at one moment, whoever writes into it."""
    with (
        closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=60)) as source,
        closing(sqlite3.connect(target)) as copy,
    ):
        source.backup(copy)
    shutil.copymode(path, target)


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _files_of(root: Path) -> Iterator[Path]:
    """Yield the files of a root in the order that lets it go on working; links aren't followed."""
    entries = {entry.name: entry for entry in root.iterdir() if entry.name not in _LEFT_OUT}
    first = [name for name in entries if name not in _ORDER]
    for name in [*sorted(first), *(each for each in _ORDER if each in entries)]:
        entry = entries[name]
        found = sorted(entry.rglob("*")) if entry.is_dir() and not entry.is_symlink() else [entry]
        yield from (
            each
            for each in found
            if each.is_file() and not each.is_symlink() and not each.name.endswith(_JOURNALS)
        )


def _is_sqlite(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_SQLITE)) == _SQLITE


def _has_journal(path: Path) -> bool:
    """Tell whether a SQLite file has changes beside it."""
    journals = (path.with_name(path.name + each) for each in ("-wal", "-journal"))
    return any(each.exists() and each.stat().st_size for each in journals)
