"""What became of each picture that a camera sent: a ledger that a person and a program can read.

Belongs here: counting, and one line of JSON for each thing that happens. Stays out: what happens (``recorder``).

A ledger says when a camera was recorded, and nothing of what it saw: a clip's name and content stay out of it.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

_KEPT_DAYS = 30


@dataclass
class Counts:
    """Pictures of a camera since its recorder started: ``received`` are ``written`` or ``dropped``, by reason.

    Attributes
    ----------
    missing : int
        Pictures that never came, by the time that passed without any: an estimate.
    """

    received: int = 0
    written: int = 0
    dropped: Counter[str] = field(default_factory=Counter[str])
    clips: int = 0
    connections: int = 0
    gaps: int = 0
    missing: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Return the counts as JSON values."""
        return {**vars(self), "dropped": dict(self.dropped)}


class Ledger:
    """Files ``DAY.jsonl`` (UTC) in a folder of the camera, kept for 30 days.

    Parameters
    ----------
    folder : Path
        ``recordings/CAMERA`` in the state folder.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.counts = Counts()
        for path in folder.glob("????-??-??.jsonl"):
            if not path.read_bytes().endswith(
                b"\n"
            ):  # its writer was killed: the next line is to be one of its own
                with path.open("a") as file:
                    file.write("\n")

    def note(self, event: str, at: float, **fields: Any) -> None:
        """Write a line: what happened, when (s since the epoch), and whatever belongs to it."""
        moment = datetime.fromtimestamp(at, UTC)
        path = self.folder / f"{moment:%Y-%m-%d}.jsonl"
        if not path.exists():
            self._forget(moment)
        with path.open("a") as file:
            file.write(json.dumps({"at": moment.isoformat(), "event": event, **fields}) + "\n")

    def _forget(self, now: datetime) -> None:
        oldest = f"{now - timedelta(days=_KEPT_DAYS):%Y-%m-%d}"
        for path in self.folder.glob("????-??-??.jsonl"):
            if path.stem < oldest:
                path.unlink()


def read_ledger(folder: Path) -> list[dict[str, Any]]:
    """Return the events of a camera, the oldest first; a line that a kill cut short is passed over."""
    found: list[dict[str, Any]] = []
    for path in sorted(folder.glob("????-??-??.jsonl")):
        for line in path.read_text().splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:  # the last line of a recorder that was killed
                continue
    return found
