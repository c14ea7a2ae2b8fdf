"""Erase clips, or a rater's answers: everywhere, proved by a search, with a signed receipt.

Belongs here: the order of things. Stays out: what lies where (``places``), how it is found again (``search``).

1. The erasure is put on record, and tombstones are set: from here on it can be killed at any moment and finished.
2. Place by place, what is found is put on record and deleted.
3. Databases are rewritten, leftovers swept; what remains of the touched camera-days is recorded and published anew.
4. The whole home is searched. Only where nothing is found the receipt is written, and the record goes.

Nobody else works in the home during the first two and while databases are rewritten.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from apexline.assets.ingest import bury
from apexline.assets.lake import CAMERA_DAYS, stored_camera_days
from apexline.governance import check_person, held_by, record
from apexline.orchestration.erasure.files import names_of
from apexline.orchestration.erasure.intent import Intent, keep, new_intent, path_of, unfinished
from apexline.orchestration.erasure.models import databases_of, mark_tainted, models_that_learned
from apexline.orchestration.erasure.places import PLACES
from apexline.orchestration.erasure.receipt import write_receipt
from apexline.orchestration.erasure.records import (
    AFTERWARDS,
    compact,
    drop_unfinished_runs,
    recorded_days,
    remove_empty_logs,
)
from apexline.orchestration.erasure.search import search_home
from apexline.orchestration.erasure.target import Request, find_clips, stated_camera_day
from apexline.orchestration.erasure.traces import Traces, collect
from apexline.orchestration.line import Line, open_line
from apexline.orchestration.occupancy import alone
from apexline.orchestration.settings import Settings

OnStep = Callable[[str, int, int], None]
_LISTED = 10  # remains
_OF_PEOPLE = ("survey answers", "ratings rows", "reviews")


class RemainsError(OSError):
    """Something of what was erased is still in the home."""


def erase(settings: Settings, request: Request, *, by: str, on_step: OnStep) -> list[dict[str, Any]]:
    """Finish the erasures that were killed, then do what is asked.

    Returns
    -------
    list of dict
        Receipts, that of the request last; each with ``not recorded anew`` where a run failed afterwards.

    Raises
    ------
    ValueError
        Where the request or the name can't be meant.
    LookupError
        Where no such clip or rater is known.
    PermissionError
        Where a legal hold keeps one of the clips.
    BlockingIOError
        Where somebody works in the home.
    RemainsError
        Where something is found in the end; the erasure stays on record, and the same command goes on with it.
    """
    request.check()
    person = check_person(by)
    with open_line(settings) as line:
        pending = unfinished(line.lake)
        receipts = [_carry_out(line, each, on_step) for each in pending]
        if not any(each.request == request for each in pending):
            with alone(settings):
                traces = _traces(line, request)
                _check_holds(line, traces)
                intent = new_intent(request, traces, by=person)
                keep(line.lake, intent)
            receipts.append(_carry_out(line, intent, on_step))
    return receipts


def resume(settings: Settings, *, on_step: OnStep) -> list[dict[str, Any]]:
    """Finish the erasures that were killed, and return their receipts; raises as `erase`."""
    with open_line(settings) as line:
        return [_carry_out(line, each, on_step) for each in unfinished(line.lake)]


def preview(settings: Settings, request: Request) -> dict[str, Any]:
    """Return what an erasure would find in each place, and the models it would name; nothing is changed.

    Raises
    ------
    ValueError, LookupError
        As `erase`.
    """
    request.check()
    with open_line(settings) as line:
        traces = _traces(line, request)
        found = {place.name: sum(place.find(line, traces).values()) for place in PLACES}
        models = [
            f"{each['model']} {each['version']} ({each['fold']})"
            for each in models_that_learned(line, traces)
        ]
        return {
            "clips": len(traces.clips),
            **{place: count for place, count in found.items() if count},
            "models that learned": ", ".join(models) or "none",
        }


def _traces(line: Line, request: Request) -> Traces:
    if request.rater:
        traces = Traces(rater=request.rater)
        if not any(place.find(line, traces) for place in PLACES if place.name in _OF_PEOPLE):
            msg = (
                f"no answer of a rater {request.rater!r} is here; codes stand in the files under surveys/, those of "
                "reviewers in the warehouse table `reviews`"
            )
            raise LookupError(msg)
        return traces
    traces = collect(line.lake, find_clips(line.lake, request))
    traces.names = names_of(line, traces)
    return traces


def _check_holds(line: Line, traces: Traces) -> None:
    now = datetime.now(UTC)
    for clip in traces.clips:
        camera_day = clip.camera_day or stated_camera_day(line.lake, clip.clip_id)
        if (hold := held_by(line.lake.home, clip.clip_id, camera_day, now)) is not None:
            msg = (
                f"clip {clip.clip_id} is held until {hold.until[:10]} by {hold.by}: {hold.reason}; release the hold "
                f"first: apexline release {hold.hold} --by NAME --reason WHY"
            )
            raise PermissionError(msg)


def _carry_out(line: Line, intent: Intent, on_step: OnStep) -> dict[str, Any]:
    with alone(line.settings):
        _delete(line, intent, on_step)
    tainted = mark_tainted(line, intent.models)
    failed = _record_anew(line, intent, on_step)
    on_step("searching the home", 0, 0)
    num_files, remains = search_home(line.settings, intent.traces, spare=[path_of(line.lake, intent)])
    if remains:
        more = f" and {len(remains) - _LISTED} more" if len(remains) > _LISTED else ""
        msg = (
            f"the erasure is not complete, something is left: {'; '.join(remains[:_LISTED])}{more}. Delete what is not "
            "Apexline's own, then run `apexline erase --resume`"
        )
        raise RemainsError(msg)
    receipt = write_receipt(line.lake, intent, num_files=num_files)
    record(
        line.lake.home,
        "erase",
        who=intent.by,
        why="on request",
        now=datetime.now(UTC),
        receipt=intent.name,
        tainted=tainted,
    )
    # Last, or a kill would leave it off the record; another command may have finished it too.
    path_of(line.lake, intent).unlink(missing_ok=True)
    return {**receipt, **({"not recorded anew": failed} if failed else {})}


def _delete(line: Line, intent: Intent, on_step: OnStep) -> None:
    """Delete what is found in all places; it may have been begun before."""
    lake, traces = line.lake, intent.traces
    for sha256 in sorted(traces.hashes):
        bury(lake, sha256)
    if not intent.found:
        intent.models = models_that_learned(line, traces)
    drop_unfinished_runs(line.instance, intent.name)
    days = recorded_days(line.instance)
    for done, place in enumerate(PLACES):
        on_step(f"erasing {place.name}", done, len(PLACES))
        things = intent.note(place.name, place.find(line, traces))
        intent.camera_days |= set().union(*(days.get(thing, ()) for thing in things))
        keep(lake, intent)
        if things:
            place.drop(line, traces, things)
    for day in set(traces.camera_days) - set(stored_camera_days(lake)):
        line.instance.delete_dynamic_partition(str(CAMERA_DAYS.name), day)
    on_step("rewriting databases", 0, 0)
    line.settings.sweep()
    compact(databases_of(line))
    remove_empty_logs(line.settings.dagster_home)


def _record_anew(line: Line, intent: Intent, on_step: OnStep) -> dict[str, str]:
    """Record what remains of the camera-days, and publish; return why runs failed, by job.

    The clip is gone whether or not other clips can be recorded: a failed run does not hold the receipt up.
    """
    failed: dict[str, str] = {}
    days = sorted((intent.camera_days | set(intent.traces.camera_days)) & set(stored_camera_days(line.lake)))
    for job, camera_day in [*(("process_camera_day", day) for day in days), ("publish", None)]:
        on_step(f"recording anew: {job}", 0, 0)
        try:
            line.run(job, camera_day=camera_day, tags={AFTERWARDS: intent.name})
        except Exception as error:  # it is told to the person, and Dagster has the run
            failed[f"{job} {camera_day or ''}".strip()] = f"{type(error).__name__}: {error}"
    return failed
