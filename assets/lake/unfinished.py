"""Files and folders for what is not finished yet, and how they go when their writer was killed.

Belongs here: the one rule by which writers work aside: in a file or folder of their own under a ``tmp/`` on the file
system of the target, locked for as long as they live. Stays out: what is written, and where it goes (``storage``, the
warehouse).
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO
from uuid import uuid4

_LOCK = ".lock"


@contextmanager
def scratch_file(parent: Path, *, suffix: str = "") -> Generator[Path]:
    """Lend a name for a file under `parent` for the block; where the block is killed, `sweep_scratch` deletes it.

    Move it when it is finished: what still lies there when the block ends is deleted.
    """
    with _held_lock(parent, suffix) as lock:
        file = lock.with_suffix("")
        try:
            yield file
        finally:
            file.unlink(missing_ok=True)


@contextmanager
def scratch_folder(parent: Path) -> Generator[Path]:
    """Make a folder under `parent` for the block, as `scratch_file` lends a file: for a writer of several files."""
    with _held_lock(parent, "") as lock:
        folder = lock.with_suffix("")
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder)


def sweep_scratch(parent: Path) -> int:
    """Delete from `parent` what belongs to no living writer; return how many files and folders that were.

    A writer's lock goes with its process, however that ends. So neither age nor process ids, which mean nothing in
    another container, have to be guessed. What has no lock was left by a version before 0.2.0.
    """
    if not parent.is_dir():
        return 0
    found = sorted(entry for entry in parent.iterdir() if entry.suffix != _LOCK)
    count = sum(_is_swept(entry, entry.with_name(entry.name + _LOCK)) for entry in found)
    for lock in parent.glob(f"*{_LOCK}"):  # of a writer that was killed before it made its folder
        _is_swept(lock.with_suffix(""), lock)
    return count


@contextmanager
def _held_lock(parent: Path, suffix: str) -> Generator[Path]:
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # half a face is for its owner alone
    while True:
        lock = parent / f"{uuid4().hex}{suffix}{_LOCK}"
        with lock.open("wb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if os.fstat(file.fileno()).st_nlink == 0:  # a sweep came before the lock
                continue
            try:
                yield lock
            finally:
                lock.unlink(missing_ok=True)
            return


def _is_swept(entry: Path, lock: Path) -> bool:
    """Delete an entry, then its lock, unless a living writer holds that; tell whether there was something to delete."""
    try:
        file = lock.open("r+b")
    except FileNotFoundError:
        return _delete(entry)
    with file:
        if not _is_free(file):
            return False
        deleted = _delete(entry)
        lock.unlink(missing_ok=True)
        return deleted


def _is_free(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _delete(entry: Path) -> bool:
    with suppress(FileNotFoundError):  # its writer came to an end, or another sweep was faster
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
        return True
    return False
