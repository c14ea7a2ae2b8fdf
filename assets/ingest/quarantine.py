"""The quarantine: what was refused, kept as it was, with a record of why.

Belongs here: what lies in ``quarantine/`` and how it gets there. Stays out: what is refused (``intake``).

A refused entry is recorded first and moved then: a kill between the two leaves it where it was, to be refused again.
Its sidecar goes along, whatever it holds.
"""

from __future__ import annotations

import errno
import hashlib
import json
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

from pydantic import TypeAdapter, ValidationError
from upath import UPath

from apexline.assets.ingest.entries import kind_of, printable, shares_sidecar
from apexline.assets.lake import Lake, hash_file

# Readers of the records take these for patterns, or can't take them at all.
_UNFIT_FOR_KEYS = re.compile(r"[^\w.:()+@,=~ -]")
# With hash, ending and the name of an unfinished file it has to stay below 255 bytes.
_KEY_BYTES = 150
_DETAIL_CHARACTERS = 1000
_RECORD = TypeAdapter(dict[str, str])


def quarantine(
    lake: Lake, clip: UPath, *, reason: str, detail: str, sidecar: UPath | None = None, move: bool = False
) -> None:
    """Put an entry into ``quarantine/`` with a JSON record of name, reason and detail; its sidecar goes along.

    The record is named by content and by name, so that the same bad file is recorded once. What is no file is never
    opened or followed: it is moved as it is, or only recorded where `move` is false.

    Parameters
    ----------
    sidecar : UPath, optional
        What lies beside it as its sidecar.
    move : bool
        Take entry and sidecar away from where they lie; otherwise files are copied.
    """
    content = _content_hash(clip)
    digest = content or hashlib.sha256(_identity(clip).encode()).hexdigest()
    key = f"{digest[:12]}-{_shortened(_UNFIT_FOR_KEYS.sub('_', clip.name))}"
    folder = lake.home / "quarantine"
    beside = None if sidecar is None else folder / f"{key}.{_sidecar_digest(sidecar)[:8]}.sidecar"
    record = {
        "name": printable(clip.name),
        "reason": reason,
        "detail": printable(detail)[:_DETAIL_CHARACTERS],
        "sha256": content,
        "seen_at": datetime.now(UTC).isoformat(),
    }
    if beside is not None:
        record["sidecar"] = beside.name
    with lake.replacing(folder / f"{key}.json") as target:
        target.write(json.dumps(record, indent=1).encode())
    if sidecar is not None and beside is not None and _content_hash(sidecar):
        _copy(lake, sidecar, beside)
    if not move:
        if content:
            _copy(lake, clip, folder / f"{key}.quarantined")
        return
    shared = sidecar is not None and shares_sidecar(clip)
    _move(lake, clip, folder / f"{key}.quarantined")
    # The sidecar leaves last: without it the clip would be refused again for another reason.
    if sidecar is not None and beside is not None and not shared:
        _move(lake, sidecar, beside)


def record_erased(lake: Lake, digest: str) -> None:
    """Record that an erased clip came again: neither its bytes nor its name are kept.

    Parameters
    ----------
    digest : str
        Its keyed digest, so that the same clip is recorded once.
    """
    record = {
        "name": "(an erased clip)",
        "reason": "erased",
        "detail": "it was erased on request and came again; `apexline ingest FILE --despite-erasure NAME` takes it in",
        "sha256": "",
        "seen_at": datetime.now(UTC).isoformat(),
    }
    with lake.replacing(lake.home / "quarantine" / f"erased-{digest[:12]}.json") as target:
        target.write(json.dumps(record, indent=1).encode())


def quarantined(lake: Lake) -> list[dict[str, str]]:
    """Return the quarantine's records, by file name; one that can't be read says that."""
    folder = lake.home / "quarantine"
    paths = [path for path in sorted(folder.glob("*.json")) if path.is_file()] if folder.is_dir() else []
    return sorted(map(_read_record, paths), key=lambda record: record["name"])


def _read_record(path: UPath) -> dict[str, str]:
    unread = {"name": path.stem, "reason": "damaged_record", "detail": "why it was refused can't be read"}
    try:
        return {**unread, **_RECORD.validate_json(path.read_bytes())}
    except (ValidationError, OSError) as error:
        return {**unread, "detail": f"{unread['detail']}: {type(error).__name__}"}


def _content_hash(entry: UPath) -> str:
    """Return the content hash of a file; nothing for what is no file, and for a file that can't be read."""
    if kind_of(entry) != "file":
        return ""
    try:
        return hash_file(entry)
    except OSError:  # the record says so: that is a reason to be here
        return ""


def _sidecar_digest(sidecar: UPath) -> str:
    return _content_hash(sidecar) or hashlib.sha256(_identity(sidecar).encode()).hexdigest()


def _identity(entry: UPath) -> str:
    found = entry.lstat() if isinstance(entry, Path) else entry.stat()
    return f"{found.st_ino}:{found.st_mtime}"


def _shortened(name: str) -> str:
    return name.encode()[:_KEY_BYTES].decode(errors="ignore")


def _copy(lake: Lake, source: UPath, target: UPath) -> None:
    with source.open("rb") as file, lake.replacing(target) as copy:
        shutil.copyfileobj(file, copy)


def _move(lake: Lake, source: UPath, target: UPath) -> None:
    kind = kind_of(source)
    if isinstance(source, Path) and isinstance(target, Path):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            # Within a file system a name is moved: nothing is opened, a writer goes on writing into it.
            source.rename(target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
        else:
            return
    if kind == "file":
        _copy(lake, source, target)
        source.unlink()
    elif kind in ("folder", "symbolic link"):
        shutil.move(str(source), str(target))
    else:
        source.unlink()  # a pipe, socket or device holds nothing that could be kept
