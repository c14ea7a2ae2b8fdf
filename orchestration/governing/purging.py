"""A purge: what is older than its class is kept is deleted, proved by a search, and reported.

Belongs here: the order of things. Stays out: what is due (``due``), deleting (``gone``), limits (``governance``).

Purging may be killed at any moment: what is still there is due at the next one. What works without a clip's video:
scores and re-scoring while its faces are kept, training on them, reviews, curves, reports, the warehouse. What does
not: computing its tracks and features anew, showing it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from apexline.assets.lake import CAMERA_DAYS
from apexline.governance import audit_lines, cut, governance_folder, read_retention, record, verify
from apexline.ml.registry import delete_version
from apexline.orchestration.erasure import Traces, drop_runs
from apexline.orchestration.governing.due import (
    clips_due,
    consented_due,
    empty_camera_days,
    refused_due,
    runs_due,
    surveys_due,
    versions_due,
)
from apexline.orchestration.governing.gone import Gone, delete_of_clip, delete_paths, remains
from apexline.orchestration.line import Line, open_line
from apexline.orchestration.occupancy import working
from apexline.orchestration.settings import Settings

_PATIENCE_S = 600.0  # for the end of an erasure
_LISTED = 20
OnStep = Callable[[str, int, int], None]


class NotGoneError(OSError):
    """Something that was purged is still found; the next purge tries again."""


def purge(
    settings: Settings, *, now: datetime, by: str, on_step: OnStep, dry_run: bool = False
) -> dict[str, Any]:
    """Delete what is due at a moment, search for it, and keep a report.

    Parameters
    ----------
    now : datetime
        A later moment tells what would be due then, and deletes it.
    by : str
        Who asks.
    dry_run : bool
        Count what is due; delete nothing.

    Returns
    -------
    dict
        Counts by class, clips that holds keep, files that were searched.

    Raises
    ------
    ValueError
        Where limits or audit can't be read; before anything is deleted.
    NotGoneError
        Where the search finds something.
    """
    kept = read_retention(settings.home_path)
    verify(settings.home_path)  # nothing is deleted that could not be put on record
    with open_line(settings) as line:
        clips = clips_due(line.lake, kept, now)
        held = [each for each in clips if each.hold]
        free = [each for each in clips if not each.hold]
        refused, surveys = refused_due(line.lake, kept, now), surveys_due(line.lake, kept, now)
        versions = versions_due(line, kept, now)
        runs = runs_due(line, kept, now, {each.camera_day for each in held})
        if dry_run:
            counts = {
                name: sum(name in each.due for each in free)
                for name in ("clips", "crops", "features", "scores")
            }
            more = {
                "refused": len(refused),
                "ratings": len(surveys),
                "models": len(versions),
                "runs": len(runs),
            }
            return {"at": now, **counts, **more, "held": len(held)}
        gone = Gone()
        with working(settings, patience_s=_PATIENCE_S):
            for done, clip in enumerate(free):
                on_step(f"purging {clip.camera_day}", done, len(free))
                delete_of_clip(line, clip, gone)
            delete_paths(refused, "refused", gone)
            _delete_surveys(line, surveys, gone)
            delete_paths(consented_due(line.lake, now), "consented", gone)
        for version in versions:
            delete_version(line.registry.client, version.number)
            gone.count("models", 1)
        _delete_records(line, runs, now - kept.age("logs"), gone, now=now)
        if gone.counts:
            on_step("warehouse", 0, 0)
            line.run("publish")
        on_step("searching the home", 0, 0)
        number, left = remains(line, gone)
        left += _records_left(line, runs, [each.number for each in versions])
        report = {
            "at": now.astimezone(UTC).isoformat(timespec="seconds"),
            "by": by,
            "limits": kept.model_dump(),
            "deleted": gone.counts,
            "held": len(held),
            "files_searched": number,
            "remains": left,
        }
        _keep(line, report, now)
    if left:
        more = f" and {len(left) - _LISTED} more" if len(left) > _LISTED else ""
        msg = f"purged, and still found: {'; '.join(left[:_LISTED])}{more}; the next purge tries again"
        raise NotGoneError(msg)
    return report


def _delete_surveys(line: Line, surveys: list[Any], gone: Gone) -> None:
    for path in surveys:
        if path.stem in line.lake.names("ratings"):
            line.lake.remove("ratings", path.stem)
    delete_paths(surveys, "ratings", gone)


def _delete_records(line: Line, runs: list[str], before: datetime, gone: Gone, *, now: datetime) -> None:
    drop_runs(line, Traces(), dict.fromkeys(runs, 1))
    gone.count("runs", len(runs))
    for state in line.instance.all_instigator_state():
        line.instance.purge_ticks(state.instigator_origin_id, state.selector_id, before=before.timestamp())
    for day in [*empty_camera_days(line)]:
        line.instance.delete_dynamic_partition(str(CAMERA_DAYS.name), day)
    gone.count("audit lines", cut(line.lake.home, before=before, who="purge", now=now))


def _records_left(line: Line, runs: list[str], versions: list[int]) -> list[str]:
    left = [f"run {run} is still on record" for run in runs if line.instance.has_run(run)]
    numbers = {each.number for each in line.registry.list_versions()}
    return [
        *left,
        *(f"model version {number} is still registered" for number in versions if number in numbers),
    ]


def _keep(line: Line, report: dict[str, Any], now: datetime) -> None:
    home = line.lake.home
    folder = governance_folder(home) / "purges"
    folder.mkdir(mode=0o700, exist_ok=True)
    number = len(audit_lines(home, actions=["purge"])) + 1
    (folder / f"{now:%Y%m%dT%H%M%S}-{number}.json").write_text(json.dumps(report, indent=1))
    said = {name: report[name] for name in ("deleted", "held", "files_searched")}
    record(
        home,
        "purge",
        who=report["by"],
        why="older than it is kept",
        now=now,
        left=len(report["remains"]),
        **said,
    )
