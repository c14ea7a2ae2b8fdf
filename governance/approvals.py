"""Who said that a version may become champion: on record before it does, since a run knows names and no keys.

Belongs here: noting an approval in the audit, finding it again. Stays out: comparing versions, deciding
(``assets.training``), whose key it takes (``people``).
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from upath import UPath

from apexline.governance.audit import audit_lines, record
from apexline.governance.people import allow, read_people, sign_promotion


def note_approval(home: UPath | Path, version: int, *, by: str, second: str, now: datetime) -> None:
    """Check who approves a version, and put it on record; raises ``NotAllowed`` as `allow` and `sign_promotion`."""
    allow(home, "promote", by=by)
    sign_promotion(home, by=by, second=second)
    record(home, "approve", who=by, now=now, model_version=version, **({"second": second} if second else {}))


def missing_approval(home: UPath | Path, version: int, *, by: str) -> str:
    """Say that a person's approval of a version is not on record where it has to be; empty where nothing is missing.

    A name in the launchpad of Dagster's UI is typed by whoever reaches it. So where people are entered, or two of them
    are needed, it counts only if its holder gave the command `apexline approve`, which asks for keys.
    """
    known = read_people(home)
    if not (known.people or known.two_for_promotions):
        return ""
    said = [each for each in audit_lines(home, actions=["approve"]) if each["model_version"] == version]
    if any(each["who"] == by and (each.get("second") or not known.two_for_promotions) for each in said):
        return ""
    whose = f"{by!r} and a second person" if known.two_for_promotions else repr(by)
    return f"no approval of version {version} by {whose} is on record; they give it by `apexline approve`"
