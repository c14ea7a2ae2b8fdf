"""Legal holds: what must not be deleted though it is due, why, and until when.

Belongs here: placing, releasing and asking. Stays out: what a purge or an erasure does about them
(``orchestration``).

``holds.jsonl`` of the home's governance only grows, and names clips by opaque ids.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from pydantic import TypeAdapter
from upath import UPath

from apexline.governance.audit import record
from apexline.governance.folder import append_line, governance_folder, locked, opaque

_FILE = "holds.jsonl"


@dataclass(frozen=True)
class Hold:
    """What is held.

    Attributes
    ----------
    hold : str
        Name of the hold; random.
    by, reason : str
    at, until : str
        ISO 8601, UTC.
    clips : tuple of str
        Opaque ids; empty where a whole camera or day is held.
    camera, day : str
        All clips of a camera, of a UTC day, or of a camera on a day.
    released : str
        Why it was released; empty while it stands.
    """

    hold: str
    by: str
    reason: str
    at: str
    until: str
    clips: tuple[str, ...] = ()
    camera: str = ""
    day: str = ""
    released: str = ""

    def covers(self, clip: str, camera_day: str) -> bool:
        """Tell whether it is about a clip, given by its opaque id."""
        day, _, camera = camera_day.partition("_")
        if self.clips:
            return clip in self.clips
        return self.camera in ("", camera) and self.day in ("", day)


_HOLD = TypeAdapter(Hold)


def place_hold(
    home: UPath | Path,
    *,
    by: str,
    reason: str,
    now: datetime,
    until: datetime,
    clips: tuple[str, ...] = (),
    camera: str = "",
    day: str = "",
) -> Hold:
    """Hold clips (by their ids), or a camera's, a day's, or both.

    Raises
    ------
    ValueError
        Without a reason, an end that is to come, or anything to hold.
    """
    if not reason.strip() or until <= now:
        msg = (
            f"saw the reason {reason!r} until {until:%Y-%m-%d}, expected a reason and an end that is to come"
        )
        raise ValueError(msg)
    if bool(clips) == bool(camera or day):
        msg = "expected clip ids, or --camera, --day or both"
        raise ValueError(msg)
    folder = governance_folder(home)
    hidden = tuple(opaque(folder, each) for each in clips)
    times = {"at": _iso(now), "until": _iso(until)}
    hold = Hold(secrets.token_hex(6), by, reason, **times, clips=hidden, camera=camera, day=day)
    _append(home, hold)
    record(
        home,
        "hold",
        who=by,
        why=reason,
        now=now,
        **{k: v for k, v in asdict(hold).items() if k != "by" and v},
    )
    return hold


def release_hold(home: UPath | Path, name: str, *, by: str, reason: str, now: datetime) -> Hold:
    """End a hold before its time.

    Raises
    ------
    LookupError
        Where no hold of that name stands.
    """
    standing = {each.hold: each for each in standing_holds(home, now)}
    if name not in standing:
        msg = f"no hold {name!r} stands; they are {sorted(standing) or 'none'}"
        raise LookupError(msg)
    released = replace(standing[name], released=reason)
    _append(home, released)
    record(home, "release", who=by, why=reason, now=now, hold=name)
    return released


def standing_holds(home: UPath | Path, now: datetime) -> list[Hold]:
    """Return the holds that are in force at a moment."""
    path = governance_folder(home) / _FILE
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    lines = [json.loads(line) for line in text.split("\n") if line]
    last = {each["hold"]: _HOLD.validate_python(each) for each in lines}
    return [each for each in last.values() if not each.released and each.until > _iso(now)]


def held_by(home: UPath | Path, clip_id: str, camera_day: str, now: datetime) -> Hold | None:
    """Return the hold that keeps a clip; None where none does."""
    standing = standing_holds(home, now)
    hidden = opaque(governance_folder(home), clip_id) if standing else ""
    return next((each for each in standing if each.covers(hidden, camera_day)), None)


def _append(home: UPath | Path, hold: Hold) -> None:
    folder = governance_folder(home)
    with locked(folder):
        append_line(folder / _FILE, json.dumps(asdict(hold)))


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
