"""The kill switch: one file that stops scoring and schedules, and whose going lets them go on.

Belongs here: throwing and releasing it, asking for it. Stays out: what stops (each door, ``orchestration.governing``).
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from upath import UPath

from apexline.governance.audit import record
from apexline.governance.folder import append_line, governance_folder, locked

_FILE = "stopped.json"


@dataclass(frozen=True)
class Stop:
    """Who stopped everything, when (ISO 8601, UTC) and why."""

    by: str
    at: str
    why: str


def stopped(home: UPath | Path) -> Stop | None:
    """Return who stopped the processing of a home; None where it may go on."""
    path = governance_folder(home) / _FILE
    try:
        return Stop(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:  # whoever wrote it meant something
        return Stop("somebody", "", f"{path} is there and can't be read ({type(error).__name__})")


def stop(home: UPath | Path, *, by: str, why: str, now: datetime) -> Stop:
    """Stop the processing of a home; who stopped it first stays on record."""
    folder = governance_folder(home)
    with locked(folder):
        known = stopped(home)
        if known is not None:
            return known
        said = Stop(by, now.astimezone(UTC).isoformat(timespec="seconds"), why)
        aside = folder / f"{_FILE}.{os.getpid()}"
        append_line(aside, json.dumps(asdict(said)))
        aside.replace(folder / _FILE)
    record(home, "stop", who=by, why=why, now=now)
    return said


def resume(home: UPath | Path, *, by: str, why: str, now: datetime) -> None:
    """Let the processing of a home go on.

    Raises
    ------
    LookupError
        Where nobody has stopped it.
    """
    folder = governance_folder(home)
    with locked(folder):
        if stopped(home) is None:
            msg = "nothing is stopped here"
            raise LookupError(msg)
        (folder / _FILE).unlink()
    record(home, "resume", who=by, why=why, now=now)
