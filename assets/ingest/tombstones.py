"""Tombstones: what tells that a clip was erased, without telling which clips were.

Belongs here: the home's secret, marking a content as erased, asking, and letting a content in again. Stays out: what
erasing deletes (``orchestration.erasure``), what becomes of a clip that comes again (``intake``).

A tombstone is named by an HMAC of the content hash. Whoever holds the file and the home's secret can ask whether it was
erased; from the name alone nobody gets back to the hash, and a list of hashes can't be tried without the secret.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from datetime import UTC, datetime
from pathlib import Path

from upath import UPath

from apexline.assets.lake import Lake

_SECRET, _FOLDER = "erasure.key", "tombstones"
_SECRET_BYTES = 32


def home_secret(lake: Lake) -> bytes:
    """Return the home's secret, 32 bytes; it is made where nothing was erased yet.

    Raises
    ------
    FileNotFoundError
        Where it is gone though there are tombstones, which mean nothing without it.
    """
    path = lake.home / _SECRET
    if not path.exists():
        if (lake.home / _FOLDER).is_dir():
            msg = (
                f"{path} is gone, and with it the meaning of {_FOLDER}/; put it back from a copy of the home"
            )
            raise FileNotFoundError(msg)
        with lake.replacing(path) as file:
            file.write(secrets.token_hex(_SECRET_BYTES).encode())
        if isinstance(path, Path):
            path.chmod(0o600)  # under any umask
    return bytes.fromhex(path.read_text())


def keyed_digest(lake: Lake, sha256: str) -> str:
    """Return the HMAC of a content hash under the home's secret, 64 hex digits."""
    return hmac.new(home_secret(lake), b"tombstone:" + sha256.encode(), hashlib.sha256).hexdigest()


def bury(lake: Lake, sha256: str) -> None:
    """Mark a content as erased, now."""
    _write(lake, sha256, {"erased_at": _now()})


def is_erased(lake: Lake, sha256: str) -> bool:
    """Tell whether a content was erased, and nobody has let it in again since."""
    if not has_tombstones(lake):
        return False
    path = _path(lake, sha256)
    return path.exists() and "let_in_by" not in json.loads(path.read_text())


def has_tombstones(lake: Lake) -> bool:
    """Tell whether anything was erased in this home."""
    return (lake.home / _FOLDER).is_dir()


def let_in(lake: Lake, sha256: str, *, by: str) -> None:
    """Let an erased content in again, and keep who said so."""
    erased = json.loads(_path(lake, sha256).read_text())
    _write(lake, sha256, {**erased, "let_in_at": _now(), "let_in_by": by})


def _path(lake: Lake, sha256: str) -> UPath:
    return lake.home / _FOLDER / f"{keyed_digest(lake, sha256)}.json"


def _write(lake: Lake, sha256: str, fields: dict[str, str]) -> None:
    with lake.replacing(_path(lake, sha256)) as file:
        file.write(json.dumps(fields).encode())


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
