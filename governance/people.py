"""Who may do what: names with keys, roles, and when two people are needed.

Belongs here: the table of roles and actions, the settings file with names, checking a person. Stays out: what the
actions do, and the guard of the servers, which asks here.

While nobody is entered, a name is what somebody types, as on a machine of one person's own. From the first entry on
each action asks for the key of a person whose role allows it.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import unicodedata
from contextvars import ContextVar
from datetime import datetime
from pathlib import Path
from typing import Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from upath import UPath

from apexline.governance.audit import record
from apexline.governance.folder import governance_folder, locked

Role = Literal["rater", "reviewer", "engineer", "officer"]
ROLES: tuple[Role, ...] = get_args(Role)
# An action, and whose it is. What is not listed is nobody's.
MATRIX: dict[str, tuple[Role, ...]] = {
    "rate": ("rater",),
    "view": ("reviewer", "officer"),
    "review": ("reviewer",),
    "ingest": ("engineer",),
    "score": ("engineer", "reviewer"),
    "operate": ("engineer",),
    "promote": ("engineer",),
    "override": ("engineer",),
    "register": ("officer",),
    "notice": ("officer",),
    "hold": ("officer",),
    "purge": ("officer", "engineer"),
    "erase": ("officer",),
    "export": ("officer",),
    "audit": ("officer",),
    "evidence": ("officer", "engineer"),
    "incident": ("officer", "engineer", "reviewer"),
    "stop": ("officer", "engineer", "reviewer", "rater"),
    "resume": ("officer",),
    "people": ("officer",),
    "sign": ("officer",),
}
# Who showed a key to a page: for what the page puts on record. Empty where nobody is entered.
SIGNED_IN: ContextVar[str] = ContextVar("SIGNED_IN", default="")
KEY_VARIABLE, SECOND_KEY_VARIABLE = "APEXLINE_KEY", "APEXLINE_SECOND_KEY"
_FILE = "people.yaml"
_LONGEST_NAME = 200


class NotAllowed(ValueError):  # noqa: N818  (it says what happens)
    """A person may not do this, or did not show who they are."""


class Person(BaseModel):
    """A name, its roles, and the SHA-256 of its key."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str = Field(min_length=2)
    roles: tuple[Role, ...] = Field(min_length=1)
    key_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class People(BaseModel):
    """The settings file ``people.yaml`` of the home's governance.

    Parameters
    ----------
    people : tuple of Person
    two_for_exemptions : bool
        The second person of an exemption shows a key too.
    two_for_promotions : bool
        Whatever makes a version champion, by winning or by being put back, is signed by a second person.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    people: tuple[Person, ...] = ()
    two_for_exemptions: bool = True
    two_for_promotions: bool = False

    def holder(self, key: str) -> Person | None:
        """Return the person who has a key."""
        digest = hashlib.sha256(key.encode()).hexdigest()
        return next((each for each in self.people if hmac.compare_digest(each.key_sha256, digest)), None)


def check_person(by: str) -> str:
    """Return a name without blanks around it; raises ``ValueError`` where it can't be that of a person."""
    name = by.strip()
    letters = sum(each.isalpha() for each in name)
    printable = not any(unicodedata.category(each).startswith("C") for each in name)
    if letters < 2 or not printable or len(name) > _LONGEST_NAME:
        msg = f"saw {by[:_LONGEST_NAME]!r}, expected the name of a person, with two letters or more"
        raise ValueError(msg)
    return name


def is_same_person(first: str, second: str) -> bool:
    """Tell whether two names are one, whatever their letter case, their blanks and how their letters are encoded."""
    plain = [" ".join(unicodedata.normalize("NFKC", each).split()).casefold() for each in (first, second)]
    return plain[0] == plain[1]


def people_file(home: UPath | Path) -> Path:
    """Return the file that says who is entered; there is none as long as nobody is."""
    return governance_folder(home) / _FILE


def read_people(home: UPath | Path) -> People:
    """Return who is entered; nobody where there is no file.

    Raises
    ------
    ValueError
        Where the file can't be read: then nobody may do anything.
    """
    path = people_file(home)
    if not path.exists():
        return People()
    try:
        return People.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except (ValidationError, yaml.YAMLError) as error:
        msg = f"{path} can't be read as a list of people: {error}"
        raise ValueError(msg) from error


def allow(home: UPath | Path, action: str, *, by: str, key: str | None = None) -> None:
    """Check that a person may do something; where nobody is entered everybody may.

    Parameters
    ----------
    action : str
        One of `MATRIX`.
    by : str
        The name that was given.
    key : str, optional
        By default what the environment variable ``APEXLINE_KEY`` holds.

    Raises
    ------
    NotAllowed
        Where the key is not that person's, or none of their roles allows it.
    """
    if action not in MATRIX:
        msg = f"nobody may {action!r}: expected one of {sorted(MATRIX)}"
        raise NotAllowed(msg)
    known = read_people(home)
    if not known.people:
        return
    holder = known.holder(os.environ.get(KEY_VARIABLE, "") if key is None else key)
    if holder is None or holder.name != by:
        whose = f"of {by!r}" if by else "of anybody who is entered"
        msg = f"saw no key {whose} in {KEY_VARIABLE}, expected it: people are entered here, and each shows their key"
        raise NotAllowed(msg)
    check_role(holder, action)


def check_role(person: Person, action: str) -> None:
    """Raise ``NotAllowed`` where none of a person's roles allows an action."""
    if not set(person.roles) & set(MATRIX[action]):
        whose = " or ".join(MATRIX[action])
        msg = f"{person.name!r} is {' and '.join(person.roles)}, expected {whose} to {action}"
        raise NotAllowed(msg)


def acting(home: UPath | Path, action: str, *, key: str | None = None) -> str:
    """Return who gives a command that asks for no name: the holder of the key, or of the machine's account.

    Parameters
    ----------
    key : str, optional
        As in `allow`.

    Raises
    ------
    NotAllowed
        As `allow`.
    """
    known = read_people(home)
    if not known.people:
        return os.environ.get("USER", "") or "somebody"
    holder = known.holder(os.environ.get(KEY_VARIABLE, "") if key is None else key)
    name = "" if holder is None else holder.name
    allow(home, action, by=name, key=key)
    return name


def allow_second(home: UPath | Path, action: str, *, by: str, second: str) -> None:
    """Check that another person than `by` signs; their key is in ``APEXLINE_SECOND_KEY``.

    Raises
    ------
    NotAllowed
        Where it is the same person, or as `allow`.
    """
    if not second or is_same_person(second, by):
        msg = f"saw {second!r} beside {by!r}, expected a second person"
        raise NotAllowed(msg)
    allow(home, action, by=second, key=os.environ.get(SECOND_KEY_VARIABLE, ""))


def sign_promotion(home: UPath | Path, *, by: str, second: str) -> None:
    """Check that a second person signs what makes a version champion, where the settings ask for one.

    Raises
    ------
    NotAllowed
        Where they do and it is the same person, or as `allow`.
    """
    if read_people(home).two_for_promotions:
        allow_second(home, "sign", by=by, second=second)


def set_rules(home: UPath | Path, *, by: str, now: datetime, **rules: bool) -> People:
    """Say for what two people are needed; `rules` are settings of `People`."""
    changed = read_people(home).model_copy(update=rules)
    _write(home, changed)
    record(home, "people", who=by, now=now, why="rules", **rules)
    return changed


def add_person(home: UPath | Path, name: str, roles: tuple[Role, ...], *, by: str, now: datetime) -> str:
    """Enter a person, or give one other roles and a new key; return the key, which is kept nowhere.

    Raises
    ------
    NotAllowed
        Where no officer would be left, or the first one entered is none: nobody could enter others.
    """
    known = read_people(home)
    others = tuple(each for each in known.people if each.name != name)
    if "officer" not in roles and not any("officer" in each.roles for each in others):
        whom = f"{name!r}, the last officer" if known.people else "the first person"
        msg = f"saw {' and '.join(roles)} for {whom}, expected an officer: only officers enter others"
        raise NotAllowed(msg)
    key = secrets.token_urlsafe()
    person = Person(name=name, roles=roles, key_sha256=hashlib.sha256(key.encode()).hexdigest())
    _write(home, known.model_copy(update={"people": (*others, person)}))
    record(home, "people", who=by, now=now, why="entered", person=name, roles=list(roles))
    return key


def remove_person(home: UPath | Path, name: str, *, by: str, now: datetime) -> None:
    """Take a person off the list.

    Raises
    ------
    LookupError
        Where nobody of that name is on it.
    NotAllowed
        Where it is the last officer.
    """
    known = read_people(home)
    others = tuple(each for each in known.people if each.name != name)
    if len(others) == len(known.people):
        msg = f"nobody called {name!r} is entered"
        raise LookupError(msg)
    if others and not any("officer" in each.roles for each in others):
        msg = f"{name!r} is the last officer; enter another one first"
        raise NotAllowed(msg)
    _write(home, known.model_copy(update={"people": others}))
    record(home, "people", who=by, now=now, why="removed", person=name)


def _write(home: UPath | Path, people: People) -> None:
    folder = governance_folder(home)
    with locked(folder):
        aside = folder / f"{_FILE}.{os.getpid()}"
        aside.write_text(yaml.safe_dump(people.model_dump(mode="json"), sort_keys=False), encoding="utf-8")
        aside.chmod(0o600)
        aside.replace(folder / _FILE)
