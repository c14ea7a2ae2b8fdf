"""The folder in which a home keeps its records of governance, and files there that only grow.

Belongs here: where the folder is, appending a line, opaque ids. Stays out: what the lines say.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict
from upath import UPath

_SECRET = "opaque.key"
_SECRET_BYTES = 32
_DIGITS = 20  # hex digits of an opaque id


class _State(BaseSettings):
    """The environment's part of where the folder is; see ``orchestration.settings``."""

    model_config = SettingsConfigDict(env_prefix="APEXLINE_")
    home: str = "data"
    state: str = ""


def governance_folder(home: UPath | Path) -> Path:
    """Return the folder for a home: in it where it is local, else in the state folder of this machine.

    Lines are appended under a lock, which an object store has not.
    """
    if isinstance(home, Path):
        return home / "governance"
    return Path(_State().state or "data").absolute() / "governance"


def home_of_environment() -> UPath:
    """Return the home that the environment names: that of a program which is given no settings."""
    home = UPath(_State().home)
    return home.absolute() if isinstance(home, Path) else home


@contextmanager
def locked(folder: Path) -> Generator[None]:
    """Keep other writers of the folder out for the block."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / ".lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def append_line(path: Path, line: str) -> None:
    """Append a line to a file of this user alone, on the disk when this returns; where there is no room, nothing."""
    with open(path, "ab", buffering=0, opener=_private) as file:  # noqa: PTH123  (Path.open takes no opener)
        size = os.fstat(file.fileno()).st_size
        try:
            _write_all(file.fileno(), f"{line}\n".encode())
            os.fsync(file.fileno())
        except OSError:  # a part of a line would spoil the next one
            os.ftruncate(file.fileno(), size)
            raise


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _write_all(descriptor: int, data: bytes) -> None:
    """Write all of it: a disk that is nearly full takes a part first, and refuses the rest."""
    while data:
        data = data[os.write(descriptor, data) :]


def opaque(folder: Path, name: str) -> str:
    """Return what stands for the id of a clip, track or rater in records that outlive it, 20 hex digits.

    It is an HMAC under a secret of the home: from it nobody gets back to the id, and who knows the id can look for it.
    """
    return hmac.new(_secret(folder), name.encode(), hashlib.sha256).hexdigest()[:_DIGITS]


def _secret(folder: Path) -> bytes:
    path = folder / _SECRET
    if not path.exists():
        with locked(folder):
            if not path.exists():
                aside = path.with_suffix(f".{os.getpid()}")
                append_line(aside, secrets.token_hex(_SECRET_BYTES))
                aside.replace(path)
    return bytes.fromhex(path.read_text())
