"""The table ``promotions``: every decision about the champion, and what follows from them.

Belongs here: rows, the first champion, who reigned when, whether the registry's alias agrees, putting an earlier
version back. Stays out: comparing models and deciding for a challenger (``champion``).

The table is the truth: MLflow has no authentication, and anybody who reaches it can move its alias.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Any

from apexline.assets.lake import Lake, fingerprint
from apexline.assets.parameters import Parameters
from apexline.governance import record
from apexline.ml.registry import TAINTED, ModelRegistry

CHAMPION = "champion"
CHALLENGER = "challenger"
_FIRST = "00000000T000000000000-first"  # before all names that are made of a time


@dataclass(frozen=True)
class Reign:
    """For how long a version was champion.

    Attributes
    ----------
    model_version : int
    since, until : datetime
        UTC; `until` is None for the present champion, and exclusive.
    approved_by, reason : str
        As decided.
    """

    model_version: int
    since: datetime
    until: datetime | None
    approved_by: str
    reason: str


def promoted_version(lake: Lake) -> int | None:
    """Return the version that was made champion last, whatever MLflow says; None where none was."""
    promotion = last_promotion(lake)
    return None if promotion is None else promotion["model_version"]


def last_promotion(lake: Lake) -> dict[str, Any] | None:
    """Return the last row of ``promotions`` that made a version champion."""
    rows: list[dict[str, Any]] = lake.read_all("promotions").to_pylist()
    return max((row for row in rows if row["promoted"]), key=itemgetter("decided_at"), default=None)


def undisputed(number: int, reason: str, *, approved_by: str = "apexline") -> dict[str, Any]:
    """Row of ``promotions`` for a champion that had nobody to win against."""
    return {
        "decided_at": datetime.now(UTC),
        "model_version": number,
        "incumbent_version": None,
        "promoted": True,
        "approved_by": approved_by,
        **dict.fromkeys(("difference", "difference_low", "difference_high")),
        "reason": reason,
    }


def store_decision(lake: Lake, decision: dict[str, Any], stamp: str) -> None:
    """Append a row of ``promotions``; `stamp` stands for what was asked.

    It is later than all that are there: where the clock was set back, the last decision would else be an earlier one.
    """
    last = max((row["decided_at"] for row in lake.read_all("promotions").to_pylist()), default=None)
    if last is not None and decision["decided_at"] <= last:
        decision = {**decision, "decided_at": last + timedelta(microseconds=1)}
    name = f"{decision['decided_at']:%Y%m%dT%H%M%S%f}-v{decision['model_version']}"
    _record(lake, decision)
    lake.write("promotions", name, [decision], stamp=stamp)


def store_first_decision(lake: Lake, decision: dict[str, Any], stamp: str) -> None:
    """Append the first row of ``promotions``; where another process has been faster, its row alone counts."""
    _record(lake, decision)
    lake.write_first("promotions", _FIRST, [decision], stamp=stamp)


def _record(lake: Lake, decision: dict[str, Any]) -> None:
    """Put a decision into the audit, before it is kept: what can't be put on record is not decided."""
    record(
        lake.home,
        "override" if decision["promoted"] and decision["difference"] is None else "promote",
        who=decision["approved_by"] or "nobody yet",
        why=decision["reason"],
        now=decision["decided_at"],
        **{name: decision[name] for name in ("model_version", "incumbent_version", "promoted")},
    )


def latest_decision(lake: Lake) -> dict[str, Any] | None:
    """Return the last row of ``promotions``, or None where nothing was decided yet."""
    names = lake.names("promotions")
    return lake.read("promotions", names[-1]).to_pylist()[0] if names else None


def moved_alias(lake: Lake, current: int) -> str | None:
    """Say that the alias points at another version than was promoted last, with the remedy; None where it does not."""
    promotion = last_promotion(lake)
    if promotion is None or promotion["model_version"] == current:
        return None
    return (
        f"the alias {CHAMPION!r} points at version {current}, but the last promotion, approved by "
        f"{promotion['approved_by']} at {promotion['decided_at']:%Y-%m-%d %H:%M} UTC, is of version "
        f"{promotion['model_version']}: somebody moved it in MLflow, and nothing is scored. The sensor "
        "`champion_sensor` puts it back within a minute where it runs, `apexline approve --by NAME` at once"
    )


def put_alias_back(lake: Lake, registry: ModelRegistry, *, by: str) -> bool:
    """Point the alias at the version that was promoted last, where somebody, or a kill, left it elsewhere.

    Returns
    -------
    bool
        Whether it was elsewhere; then `by`, who put it back, is kept in ``promotions``.
    """
    # In this order: who decides keeps the decision, then moves the alias, and must not be taken for an outsider.
    current = registry.get_alias(CHAMPION)
    promotion = last_promotion(lake)
    if promotion is None or current in (None, promotion["model_version"]):
        return False
    number = promotion["model_version"]
    reason = (
        f"the alias {CHAMPION!r} pointed at version {current}, which no decision had made champion: put back"
    )
    registry.set_alias(CHAMPION, number)
    store_decision(lake, undisputed(number, reason, approved_by=by), fingerprint(number, current))
    return True


def reigns(lake: Lake) -> list[Reign]:
    """Return who was champion when, oldest first; a version that comes back later reigns twice.

    An alias that was put back begins no other reign.
    """
    promoted = sorted(
        (r for r in lake.read_all("promotions").to_pylist() if r["promoted"]), key=itemgetter("decided_at")
    )
    rows = [next(same) for _, same in groupby(promoted, key=itemgetter("model_version"))]
    ends = [later["decided_at"] for _, later in pairwise(rows)]
    return [
        Reign(row["model_version"], row["decided_at"], end, row["approved_by"], row["reason"])
        for row, end in zip(rows, [*ends, None], strict=False)
    ]


def champion_at(lake: Lake, moment: datetime) -> Reign | None:
    """Return who was champion at a moment; None before the first."""
    return next((each for each in reversed(reigns(lake)) if each.since <= moment), None)


def is_tainted(registry: ModelRegistry, number: int) -> bool:
    """Tell whether a version learned from something that was erased since."""
    return registry.tags(number).get(TAINTED) == "true"


def untainted_ancestor(registry: ModelRegistry, number: int | None) -> int | None:
    """Return the version, or the one that it went on from, and so on, that learned from nothing that was erased."""
    while number is not None and is_tainted(registry, number):
        number = int(registry.tags(number).get("started_from") or 0) or None
    return number


def roll_back(lake: Lake, registry: ModelRegistry, *, to: int | None, by: str, reason: str) -> dict[str, Any]:
    """Make a version champion again that was one before; without comparison, since it has won its own.

    Parameters
    ----------
    to : int, optional
        The version; by default that before the present champion, which is so demoted.
    by, reason : str
        Who wants it and why; kept.

    Returns
    -------
    dict
        The decision, as it is kept.

    Raises
    ------
    ValueError
        Where name or reason are missing, or the version was never champion, or is it now, or is not in the registry.
    """
    if not by.strip() or not reason.strip():
        msg = f"saw the name {by!r} and the reason {reason!r}, expected both: a person answers for who scores"
        raise ValueError(msg)
    known = reigns(lake)
    number = _earlier(known) if to is None else to
    present = known[-1].model_version if known else None
    if number == present or number not in {each.model_version for each in known}:
        msg = (
            f"version {number} can't be put back: champion is version {present}, and before it were "
            f"{sorted({each.model_version for each in known} - {present})}; a version that never was champion becomes "
            "it by winning: `apexline approve --by NAME`"
        )
        raise ValueError(msg)
    if number not in {version.number for version in registry.list_versions()}:
        msg = f"version {number} was champion, but the registry does not hold it any more; restore it from a backup"
        raise ValueError(msg)
    if is_tainted(registry, number):
        msg = (
            f"version {number} learned from data that was erased since, and can't be champion again; retrain"
        )
        raise ValueError(msg)
    decision = undisputed(number, f"put back in the place of version {present}: {reason}", approved_by=by)
    # In this order: killed between the two, the alias is found to be moved, and `apexline approve` completes it.
    store_decision(lake, decision, fingerprint(number, present, reason))
    registry.set_alias(CHAMPION, number)
    return decision


def _earlier(known: Sequence[Reign]) -> int | None:
    """Version that reigned before the present one."""
    others = [each.model_version for each in known if each.model_version != known[-1].model_version]
    return others[-1] if others else None


def ensure_champion(lake: Lake, registry: ModelRegistry, parameters: Parameters) -> int:
    """Return the champion's version; where there is none, register the shipped model and make it champion.

    Raises
    ------
    ValueError
        Where the alias points at another version than the last promotion that is kept in ``promotions``: anybody who
        reaches MLflow can move it.
    """
    current = registry.get_alias(CHAMPION)
    promotion = last_promotion(lake)
    if current is None:
        return _first_champion(lake, registry, parameters)
    if promotion is None:
        # A registry from before this lake, or one that homes share: from now on the alias moves by decision alone.
        reason = "there was a champion before the first decision was kept: it is taken over"
        store_first_decision(lake, undisputed(current, reason), fingerprint(current))
    elif (moved := moved_alias(lake, current)) is not None:
        raise ValueError(moved)
    return current


def _first_champion(lake: Lake, registry: ModelRegistry, parameters: Parameters) -> int:
    """Set the alias that is missing: to what was promoted last, and in a new registry to the shipped model."""
    promoted = number = promoted_version(lake)
    if number is None or number not in {version.number for version in registry.list_versions()}:
        from apexline.ml.deepid import load_pretrained  # a home that has a champion needs none

        number = registry.register_shipped(load_pretrained(), parameters=parameters.resolved())
        reason = "there was no champion: the model that ships with the package is the first one"
        decision = undisputed(number, reason)
        if promoted is None:  # of several first runs of a new home, one makes the first champion
            store_first_decision(lake, decision, fingerprint(number))
            number = promoted_version(lake) or number
        else:
            store_decision(lake, decision, fingerprint(number))
    registry.set_alias(CHAMPION, number)
    return number
