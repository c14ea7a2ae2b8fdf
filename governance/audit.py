"""The audit: who did what, when and why, in a chain of hashes that shows whatever is changed afterwards.

Belongs here: appending, checking, exporting, cutting off what is old. Stays out: what is worth recording (the doors
and commands do that).

Each line of ``audit.jsonl``, in the home's folder ``governance``, carries the hash of the line before it.
``audit.head.json`` says how many lines there are and how the last one hashes, or a cut-off end would leave a chain
that holds. Whoever can write both can rewrite both: hand a head out (`export_head`) and later heads are held against
it. Clips, tracks and raters stand in it as opaque ids alone, so that an erasure leaves it as it is.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from upath import UPath

from apexline.governance.folder import append_line, governance_folder, locked

_LOG, _HEAD = "audit.jsonl", "audit.head.json"
_START = "0" * 64
LEAST_KEPT = timedelta(days=183)  # Art. 26(6): at least six months
ACTIONS = (
    *("register", "notice", "people", "ingest", "refuse", "view", "score", "review"),
    *("approve", "promote", "override", "train", "evidence", "export", "purge", "erase"),
    *("hold", "release", "incident", "stop", "resume", "cut"),
)


class BrokenAudit(ValueError):  # noqa: N818  (it says what is there)
    """The audit was changed after it was written, or a part of it is gone."""


@dataclass(frozen=True)
class Head:
    """Where the chain ends.

    Attributes
    ----------
    count : int
        Number of the last line; the first one ever written has 1.
    hash : str
        Of the last line.
    size : int
        Bytes of the file.
    first : int
        Number of the first line that is still there.
    before : str
        Hash of the line before that.
    file : str
        Name of the file that holds the lines; another one after the oldest were cut off.
    """

    count: int = 0
    hash: str = _START
    size: int = 0
    first: int = 1
    before: str = _START
    file: str = _LOG


def record(
    home: UPath | Path, action: str, *, who: str, why: str = "", now: datetime, **details: Any
) -> None:
    """Append a line.

    Parameters
    ----------
    action : str
        One of `ACTIONS`.
    who : str
        Name of a person, or of the part of Apexline that acted.
    why : str
    now : datetime
    **details
        JSON values; ids of clips, tracks and raters as `governance.folder.opaque` gives them.

    Raises
    ------
    BrokenAudit
        Where the end of the file is not what the head says: nothing is appended to a broken chain.
    """
    if action not in ACTIONS:
        msg = f"saw the action {action!r}, expected one of {ACTIONS}"
        raise ValueError(msg)
    folder = governance_folder(home)
    with locked(folder):
        head = _adopt_tail(folder, _read_head(folder))
        if head == Head():  # before the first line: a head that could not follow would be missed
            _write_head(folder, head)
        at = now.astimezone(UTC).isoformat(timespec="milliseconds")
        fields = {"n": head.count + 1, "at": at, "who": who, "action": action, "why": why, **details}
        line, digest = _linked(head.hash, fields)
        append_line(folder / head.file, line)
        size = head.size + len(line.encode()) + 1
        _write_head(folder, replace(head, count=head.count + 1, hash=digest, size=size))


def verify(home: UPath | Path, *, known: str = "") -> Head:
    """Check every line against the one before it, and the last one against the head.

    Parameters
    ----------
    known : str
        A head that was handed out earlier (`export_head`): its line must still be there.

    Raises
    ------
    BrokenAudit
        Saying at which line the chain breaks.
    """
    return _checked(home, known=known)[0]


def _checked(home: UPath | Path, *, known: str = "") -> tuple[Head, list[bytes]]:
    """Return head and lines of a chain that holds; raises as `verify`."""
    folder = governance_folder(home)
    if not folder.is_dir():
        head, path, data = Head(), folder / _LOG, b""
    else:
        # Between a line and its head a chain looks broken. To a copy on a disk for reading alone nobody writes.
        with locked(folder) if os.access(folder, os.W_OK) else nullcontext():
            head = _adopt_tail(folder, _read_head(folder))
            path = folder / head.file
            data = path.read_bytes() if path.exists() else b""
    lines = data[: head.size].split(b"\n")
    if len(data) != head.size or lines.pop() != b"":
        msg = f"{path} has {len(data)} bytes, expected {head.size} that end with a line"
        raise BrokenAudit(msg)
    number, digest = head.first - 1, head.before
    hashes = {f"{number}:{digest}"}
    for line in lines:
        number += 1
        digest = _check_line(path, line, number, digest)
        hashes.add(f"{number}:{digest}")
    if (number, digest) != (head.count, head.hash):
        msg = f"{path} ends with line {number}, expected line {head.count} as {_HEAD} says"
        raise BrokenAudit(msg)
    if known and known not in hashes:
        msg = f"{path} holds no line with the head {known!r}, expected the one that was handed out"
        raise BrokenAudit(msg)
    return head, lines


def _check_line(path: Path, line: bytes, number: int, before: str) -> str:
    """Return the hash of a line that follows on the one with the hash `before`."""
    try:
        fields: dict[str, Any] = json.loads(line)
        digest = fields.pop("hash")
        rebuilt, expected = _linked(before, {k: v for k, v in fields.items() if k != "before"})
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        msg = f"{path}, line {number}: saw {line[:60]!r}, expected an entry of the audit"
        raise BrokenAudit(msg) from error
    if digest != expected or rebuilt.encode() != line or fields["n"] != number:
        msg = f"{path}, line {number}: it does not follow on the line before it, or was changed"
        raise BrokenAudit(msg)
    return expected


def export_head(home: UPath | Path) -> str:
    """Return ``number:hash`` of the last line, to be kept elsewhere; checks the audit first."""
    head = verify(home)
    return f"{head.count}:{head.hash}"


def audit_lines(
    home: UPath | Path, *, actions: Sequence[str] = (), since: datetime | None = None
) -> list[dict[str, Any]]:
    """Return entries, oldest first: those of some actions, from a moment on; checks the audit first."""
    found = [json.loads(line) for line in _checked(home)[1]]
    earliest = since.astimezone(UTC).isoformat(timespec="milliseconds") if since else ""
    return [
        {k: v for k, v in each.items() if k not in ("before", "hash")}
        for each in found
        if each["at"] >= earliest and (not actions or each["action"] in actions)
    ]


def cut(home: UPath | Path, *, before: datetime, who: str, now: datetime) -> int:
    """Cut off what was recorded before a moment, and record that; return how many lines went.

    Raises
    ------
    ValueError
        Where lines of the last six months would go.
    BrokenAudit
        Where the chain does not hold: then it stays for whoever looks into it.
    """
    if before > now - LEAST_KEPT:
        msg = f"saw {before:%Y-%m-%d}, expected a day more than {LEAST_KEPT.days} days ago: logs are kept so long"
        raise ValueError(msg)
    verify(home)
    folder = governance_folder(home)
    with locked(folder):
        head = _adopt_tail(folder, _read_head(folder))
        path = folder / head.file
        lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
        limit = before.astimezone(UTC).isoformat(timespec="milliseconds")
        gone = next((k for k, each in enumerate(lines) if json.loads(each)["at"] >= limit), len(lines))
        if not gone:
            return 0
        kept = b"".join(lines[gone:])
        first = head.first + gone
        other = folder / f"audit-{first}.jsonl"
        other.write_bytes(kept)
        other.chmod(0o600)
        last_gone = json.loads(lines[gone - 1])["hash"]
        # The head names the file: killed at any moment, one whole chain is in force.
        _write_head(folder, replace(head, size=len(kept), first=first, before=last_gone, file=other.name))
        path.unlink()
    record(home, "cut", who=who, why="older than logs are kept", now=now, lines=gone)
    return gone


def _linked(before: str, fields: dict[str, Any]) -> tuple[str, str]:
    """Return a line that follows on the one with the hash `before`, and its own hash."""
    said = {**fields, "before": before}
    digest = hashlib.sha256(json.dumps(said, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
    return json.dumps({**said, "hash": digest}, ensure_ascii=False), digest


def _read_head(folder: Path) -> Head:
    path = folder / _HEAD
    if not path.exists():
        if (folder / _LOG).exists() and (folder / _LOG).stat().st_size:
            msg = f"{path} is gone, and with it what tells that nothing was cut off; put it back from a copy"
            raise BrokenAudit(msg)
        return Head()
    try:
        return Head(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        msg = f"{path} can't be read: put it back from a copy"
        raise BrokenAudit(msg) from error


def _write_head(folder: Path, head: Head) -> None:
    aside = folder / f"{_HEAD}.{os.getpid()}"
    aside.unlink(missing_ok=True)
    append_line(aside, json.dumps(asdict(head)))
    aside.replace(folder / _HEAD)


def _adopt_tail(folder: Path, head: Head) -> Head:
    """Take up what a writer left that was killed between the line and the head: a whole line counts, a part goes."""
    path = folder / head.file
    size = path.stat().st_size if path.exists() else 0
    if size == head.size:
        return head
    if size > head.size:
        with path.open("r+b") as file:
            file.seek(head.size)
            tail = file.read()
            if tail.endswith(b"\n") and tail.count(b"\n") == 1:
                digest = _check_line(path, tail[:-1], head.count + 1, head.hash)
                return replace(head, count=head.count + 1, hash=digest, size=size)
            if b"\n" not in tail:
                file.truncate(head.size)
                return head
    msg = f"{path} has {size} bytes, expected {head.size}: something was cut off or added"
    raise BrokenAudit(msg)
