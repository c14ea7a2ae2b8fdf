"""Incident records: what went wrong, who was told, what was done.

Belongs here: keeping and listing them. Stays out: stopping the processing (``switch``).
"""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

from pydantic import TypeAdapter
from upath import UPath

from apexline.governance.audit import record
from apexline.governance.folder import append_line, governance_folder, locked

Severity = Literal["minor", "major", "serious"]
SEVERITIES: tuple[str, ...] = get_args(Severity)
_FILE = "incidents.jsonl"


@dataclass(frozen=True)
class Incident:
    """A note on an incident; notes with the same name tell one story.

    Attributes
    ----------
    incident : str
    at : str
        ISO 8601, UTC.
    by, what : str
    severity : str
        One of `SEVERITIES`; a serious one is to be reported to the authority (Art. 26(5), 73): check with counsel.
    told : tuple of str
        Who was told.
    closed : bool
    """

    incident: str
    at: str
    by: str
    what: str
    severity: str
    told: tuple[str, ...] = ()
    closed: bool = False


_INCIDENT = TypeAdapter(Incident)


def note_incident(
    home: UPath | Path,
    *,
    by: str,
    what: str,
    severity: Severity,
    now: datetime,
    told: tuple[str, ...] = (),
    follows: str = "",
    closed: bool = False,
) -> Incident:
    """Append a note.

    Raises
    ------
    ValueError
        For an unknown severity, or nothing said.
    LookupError
        Where `follows` names no incident.
    """
    if severity not in SEVERITIES or not what.strip():
        msg = f"saw {severity!r} and {what!r}, expected one of {SEVERITIES} and what happened"
        raise ValueError(msg)
    if follows and follows not in {each.incident for each in incidents_of(home)}:
        msg = f"there is no incident {follows!r}"
        raise LookupError(msg)
    at = now.astimezone(UTC).isoformat(timespec="seconds")
    found = Incident(follows or secrets.token_hex(6), at, by, what, severity, told, closed)
    folder = governance_folder(home)
    with locked(folder):
        append_line(folder / _FILE, json.dumps(asdict(found)))
    record(home, "incident", who=by, why=severity, now=now, incident=found.incident, closed=closed)
    return found


def incidents_of(home: UPath | Path) -> list[Incident]:
    """Return all notes, oldest first."""
    path = governance_folder(home) / _FILE
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return [_INCIDENT.validate_json(line) for line in text.split("\n") if line]
