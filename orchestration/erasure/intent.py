"""The record of an erasure that is under way: what was asked, what gives it away, what was found where.

Belongs here: keeping it, so that a killed erasure can be finished and its receipt counts all that went. Stays out: the
receipt, which is all that remains of it.

Everything is noted before it is deleted. So the counts are those of what was there, however often the work was killed
and begun again; the record itself goes when nothing of it is found any more.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from upath import UPath

from apexline.assets.lake import Lake
from apexline.orchestration.erasure.target import Request
from apexline.orchestration.erasure.traces import Traces

_FOLDER = "erasures"


@dataclass
class Intent:
    """An erasure that has begun.

    Attributes
    ----------
    name : str
        Random; the receipt has it too.
    by, asked_at : str
        Who asked for it, and when (ISO 8601, UTC).
    request : Request
    traces : Traces
    models : list of dict
        Registered versions that learned from it.
    found : dict
        For every place the things that were found there, each with how much it is.
    camera_days : set of str
        Camera-days whose runs are deleted, to be recorded anew.
    """

    name: str
    by: str
    asked_at: str
    request: Request
    traces: Traces
    models: list[dict[str, str | int]] = field(default_factory=list[dict[str, str | int]])
    found: dict[str, dict[str, int]] = field(default_factory=dict[str, dict[str, int]])
    camera_days: set[str] = field(default_factory=set[str])

    def note(self, place: str, found: dict[str, int]) -> dict[str, int]:
        """Add what was found at a place; return all that was ever found there."""
        known = self.found.setdefault(place, {})
        for thing, count in found.items():
            known[thing] = max(count, known.get(thing, 0))
        return known

    def counts(self) -> dict[str, int]:
        """Return how much was found at each place."""
        return {place: sum(things.values()) for place, things in self.found.items()}


def new_intent(request: Request, traces: Traces, *, by: str) -> Intent:
    """Return the record of an erasure that is about to begin; it is kept by `keep`."""
    traces.erasure = secrets.token_hex(8)
    return Intent(traces.erasure, by, now(), request, traces)


def path_of(lake: Lake, intent: Intent) -> UPath:
    """Return where the record of an erasure lies."""
    return lake.home / _FOLDER / f"{intent.name}.json"


def keep(lake: Lake, intent: Intent) -> None:
    """Store the record, whole or not at all."""
    fields: dict[str, Any] = {
        **{name: getattr(intent, name) for name in ("name", "by", "asked_at", "models", "found")},
        "request": intent.request.as_dict(),
        "traces": intent.traces.as_dict(),
        "camera_days": sorted(intent.camera_days),
    }
    with lake.replacing(path_of(lake, intent)) as file:
        file.write(json.dumps(fields, indent=1).encode("utf-8", "surrogateescape"))


def unfinished(lake: Lake) -> list[Intent]:
    """Return the erasures that were begun and have no receipt, oldest first."""
    folder = lake.home / _FOLDER
    records = [json.loads(path.read_text()) for path in folder.glob("*.json")] if folder.is_dir() else []
    return [_from_dict(each) for each in sorted(records, key=lambda each: each["asked_at"])]


def now() -> str:
    """Return the time as records keep it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _from_dict(fields: dict[str, Any]) -> Intent:
    asked: dict[str, Any] = fields["request"]
    request = Request(tuple(asked["clips"]), asked["camera"], asked["day"], asked["rater"])
    given = {name: fields[name] for name in ("name", "by", "asked_at", "models", "found")}
    traces, days = Traces.from_dict(fields["traces"]), set(fields["camera_days"])
    return Intent(**given, request=request, traces=traces, camera_days=days)
