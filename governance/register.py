"""The purpose register: which cameras may be processed, why, and until when. What is not in it is refused.

Belongs here: the file of entries, and the one question that each door asks (`permit`). Stays out: what an entry may
hold (``entries``), what a door does with what is refused.

The file ``register.jsonl`` of the home's governance only grows: a change is a further line, and the last one of a
camera is in force.
"""

from __future__ import annotations

import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from upath import UPath

from apexline.governance.audit import record
from apexline.governance.entries import ARTICLE_5, ARTICLE_50, PROHIBITED, Entry, plain
from apexline.governance.folder import append_line, governance_folder, locked
from apexline.governance.people import is_same_person
from apexline.governance.switch import stopped

Door = Literal["landing", "ingest", "score", "serving", "rescoring"]
# The entry of files that a person brings along, rather than a camera.
OWN_RECORDINGS = "own-recordings"
_FILE = "register.jsonl"
_LONGEST = timedelta(days=366)  # nothing is registered for longer: a purpose is looked at once a year


class Refused(ValueError):  # noqa: N818  (it says what happens)
    """A door stays shut.

    Parameters
    ----------
    reason : str
        ``unregistered``, ``lapsed``, ``no_notice``, ``workplace``, ``education``, ``other_purpose``,
        ``other_legal_basis``, ``unreadable_register`` or ``stopped``.
    detail : str
        What was seen, and the remedy.
    """

    def __init__(self, reason: str, detail: str):
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class Version(BaseModel):
    """A line of the register."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    version: int = Field(ge=1)
    at: datetime
    by: str
    entry: Entry


def permit(
    home: UPath | Path,
    camera: str,
    *,
    door: Door,
    now: datetime,
    purpose: str | None = None,
    legal_basis: str | None = None,
) -> Entry:
    """Return the entry by which a camera's pictures may be processed.

    Parameters
    ----------
    home : UPath
        Home of the register.
    camera : str
    door : str
        Where it is asked.
    now : datetime
        With an offset.
    purpose, legal_basis : str, optional
        As a clip states them: what the register does not say is refused too.

    Raises
    ------
    Refused
        Where there is no such entry, it has lapsed, or anything else keeps the door shut.
    """
    if (stop := stopped(home)) is not None:
        reason = "stopped"
        raise Refused(
            reason, f"processing was stopped by {stop.by}: {stop.why}; `apexline resume` lets it go on"
        )
    entry = _found(home, camera, door)
    if entry.withdrawn or now >= entry.expires:
        reason = "lapsed"
        raise Refused(
            reason, f"{camera!r} was registered until {_until(entry)}; register it anew: {_command(entry)}"
        )
    if entry.kind in PROHIBITED and not entry.is_exempt(now):
        remedy = "a second person can sign an exemption that ends: apexline register --help"
        raise Refused(entry.kind, f"{camera!r} is a place of {entry.kind}: {ARTICLE_5}; {remedy}")
    if not entry.has_notice(now):
        reason = "no_notice"
        seen = (
            "has no notice"
            if entry.notice is None
            else "has a notice that says something else or is not up yet"
        )
        raise Refused(reason, f"{camera!r} {seen}: {ARTICLE_50}; print one: {_notice_command(camera)}")
    _check_statement(entry, purpose, legal_basis)
    return entry


def _found(home: UPath | Path, camera: str, door: Door) -> Entry:
    try:
        versions = register_versions(home)
    except ValueError as error:
        reason = "unreadable_register"
        raise Refused(reason, str(error)) from error
    entry = next((each.entry for each in reversed(versions) if each.entry.camera == camera), None)
    if entry is None:
        reason = "unregistered"
        command = _OWN_COMMAND if camera == OWN_RECORDINGS else _register_command(camera)
        raise Refused(
            reason, f"no entry of the purpose register allows {door} of {camera!r}; enter it: {command}"
        )
    return entry


def _check_statement(entry: Entry, purpose: str | None, legal_basis: str | None) -> None:
    if purpose is not None and plain(purpose) not in map(plain, entry.purposes):
        reason = "other_purpose"
        known = "; ".join(entry.purposes)
        raise Refused(reason, f"saw the purpose {purpose!r}, expected one that {entry.camera!r} has: {known}")
    if legal_basis is not None and plain(legal_basis) != plain(entry.legal_basis):
        reason = "other_legal_basis"
        seen = f"saw the legal basis {legal_basis!r}"
        raise Refused(reason, f"{seen}, expected that of {entry.camera!r}: {entry.legal_basis}")


def enter(home: UPath | Path, entry: Entry, *, by: str, now: datetime, why: str = "") -> Version:
    """Append a version of a camera's entry.

    Raises
    ------
    ValueError
        Where it can't be in force: a workplace or a place of education without a signed exemption, an end that has
        passed or is more than a year away, one person in two roles.
    """
    _check_new(entry, by=by, now=now)
    folder = governance_folder(home)
    with locked(folder):
        number = len(register_versions(home)) + 1
        line = Version(version=number, at=now.astimezone(UTC), by=by, entry=entry)
        append_line(folder / _FILE, line.model_dump_json())
    record(home, "register", who=by, why=why, now=now, camera=entry.camera, version=number)
    return line


def enter_synthetic(
    home: UPath | Path, camera: str, *, purpose: str, legal_basis: str, by: str, now: datetime
) -> None:
    """Enter a camera whose faces are drawn, unless it is in force: there is nobody who would have to be told."""
    known = entries_in_force(home).get(camera)
    if known is not None and now < known.expires and not known.withdrawn:
        return
    entry = Entry(
        camera=camera,
        site="drawn faces",
        site_type="synthetic",
        purposes=(purpose,),
        legal_basis=legal_basis,
        responsible=by,
        expires=now + _LONGEST,
    )
    enter(home, entry, by=by, now=now, why="drawn by the project's own generator")


def _check_new(entry: Entry, *, by: str, now: datetime) -> None:
    if entry.kind in PROHIBITED:
        if entry.exemption is None:
            msg = (
                f"{entry.camera!r} is a place of {entry.kind}, as its type or its purpose says: {ARTICLE_5}; a medical "
                "or safety reason is entered by --exempt, signed by a second person, with an end"
            )
            raise ValueError(msg)
        if is_same_person(entry.exemption.signed_by, by):
            msg = f"saw {by!r} twice, expected a second person to sign the exemption"
            raise ValueError(msg)
    ends = [entry.expires, *([entry.exemption.expires] if entry.exemption else [])]
    if not entry.withdrawn and not all(now < end <= now + _LONGEST for end in ends):
        seen = ", ".join(f"{end:%Y-%m-%d}" for end in ends)
        msg = f"saw the end {seen}, expected one within a year from now: purposes are looked at again once a year"
        raise ValueError(msg)


def register_versions(home: UPath | Path) -> list[Version]:
    """Return all versions, oldest first.

    Raises
    ------
    ValueError
        Where a line can't be read: then no door opens.
    """
    path = governance_folder(home) / _FILE
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    try:
        found = [Version.model_validate_json(line) for line in text.split("\n") if line]
    except ValidationError as error:
        msg = f"{path} holds a line that is no entry: put the file back from a copy ({error.errors()[0]['msg']})"
        raise ValueError(msg) from error
    if [each.version for each in found] != list(range(1, len(found) + 1)):
        msg = f"{path} lacks a version, or holds one twice: put the file back from a copy"
        raise ValueError(msg)
    return found


def entry_of(home: UPath | Path, camera: str) -> Entry:
    """Return the last entry of a camera, in force or not.

    Raises
    ------
    LookupError
        Where there is none.
    """
    found = [each.entry for each in register_versions(home) if each.entry.camera == camera]
    if not found:
        msg = f"{camera!r} is not registered; enter it: {_register_command(camera)}"
        raise LookupError(msg)
    return found[-1]


def entries_in_force(home: UPath | Path) -> dict[str, Entry]:
    """Return the last entry of each camera by its name."""
    return {each.entry.camera: each.entry for each in register_versions(home)}


_OWN_COMMAND = 'apexline register own-recordings --own --purpose "your purpose" --by "Your Name"'


def _register_command(camera: str) -> str:
    return (
        f'apexline register {shlex.quote(camera)} --site "its place" --type public --purpose "your purpose" '
        '--legal-basis consent --responsible "Name, contact" --by "Your Name"'
    )


def _command(entry: Entry) -> str:
    if entry.camera == OWN_RECORDINGS:
        return _OWN_COMMAND
    purposes = " ".join(f"--purpose {shlex.quote(each)}" for each in entry.purposes)
    said = {"site": entry.site, "type": entry.site_type, "legal-basis": entry.legal_basis}
    options = " ".join(f"--{name} {shlex.quote(value)}" for name, value in said.items())
    return (
        f"apexline register {shlex.quote(entry.camera)} {options} {purposes} "
        f'--responsible {shlex.quote(entry.responsible)} --by "Your Name"'
    )


def _notice_command(camera: str) -> str:
    return f'apexline notice {shlex.quote(camera)} --by "Your Name"'


def _until(entry: Entry) -> str:
    return (
        f"its withdrawal, {entry.expires:%Y-%m-%d} at the latest"
        if entry.withdrawn
        else f"{entry.expires:%F}"
    )
