"""What is due to be deleted: found by its age, class by class, less what is held.

Belongs here: ages and finding. Stays out: deleting (``gone``), limits and holds (``governance``).
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg
from upath import UPath

from apexline.assets.lake import CAMERA_DAYS, Lake
from apexline.assets.semantics import survey_files
from apexline.assets.training import consented_file, promoted_version, read_consented
from apexline.governance import Retention, entries_in_force, held_by, standing_holds
from apexline.ml.registry import RegisteredVersion
from apexline.orchestration.erasure import recorded_days, stated_place
from apexline.orchestration.line import Line

# What of a clip goes with each class; whatever is listed in none goes with the last one, `scores`.
TABLES_OF = {
    "crops": ("face_crops",),
    "features": ("texture_features", "flow_features", "expression_features"),
}
OF_CLIPS = ("clips", "crops", "features", "scores")


@dataclass(frozen=True)
class StoredClip:
    """A clip that was taken in, with what is due of it.

    Attributes
    ----------
    clip_id, camera_day, sha256 : str
    video : str
        Name of its file.
    due : tuple of str
        Classes of `OF_CLIPS`.
    hold : str
        Name of the hold that keeps it; empty where none does.
    """

    clip_id: str
    camera_day: str
    sha256: str
    video: str
    due: tuple[str, ...]
    hold: str


def clips_due(lake: Lake, kept: Retention, now: datetime) -> list[StoredClip]:
    """Return the stored clips of which something is due, held ones too.

    Clips of drawn faces are not among them, unless the settings say so: their sidecar and their camera's entry have to.
    """
    root = lake.home / "clips"
    has_holds = bool(standing_holds(lake.home, now))
    drawn = _drawn_cameras(lake) if kept.keep_drawn else frozenset[str]()
    found: list[StoredClip] = []
    for path in sorted(root.glob("*/*.json")) if root.is_dir() else []:
        fields = json.loads(path.read_text())
        stated = fields["manifest"]
        if stated.get("synthetic") and stated["camera"] in drawn:
            continue
        age = now - _stored_at(path, fields)
        due = tuple(name for name in OF_CLIPS if age > kept.age(name))
        if due:
            day = path.parent.name
            hold = held_by(lake.home, path.stem, day, now) if has_holds else None
            name = "" if hold is None else hold.hold
            found.append(StoredClip(path.stem, day, fields["sha256"], fields["file"], due, name))
    return found


def refused_due(lake: Lake, kept: Retention, now: datetime) -> list[UPath]:
    """Return the files in quarantine of what was refused too long ago, record last."""
    folder = lake.home / "quarantine"
    found: list[UPath] = []
    for record in sorted(folder.glob("*.json")) if folder.is_dir() else []:
        fields = json.loads(record.read_text())
        seen = datetime.fromisoformat(fields["seen_at"])
        sidecar = folder / fields["sidecar"] if fields.get("sidecar") else None
        camera, day = stated_place(sidecar)
        if now - seen <= kept.age("clips") or held_by(
            lake.home, fields.get("sha256", "")[:16], f"{day}_{camera}", now
        ):
            continue
        beside = [record.with_suffix(".quarantined"), sidecar or record]
        found += [path for path in dict.fromkeys([*beside, record]) if path.exists()]
    return found


def surveys_due(lake: Lake, kept: Retention, now: datetime) -> list[UPath]:
    """Return the files of answers that were last written too long ago."""
    return [path for path in survey_files(lake) if now - _modified(path) > kept.age("ratings")]


def consented_due(lake: Lake, now: datetime) -> list[UPath]:
    """Return the file of people to test on, where their consent has ended."""
    path = consented_file(lake)
    return [UPath(path)] if path.exists() and read_consented(lake, now=now) is None else []


def versions_due(line: Line, kept: Retention, now: datetime) -> list[RegisteredVersion]:
    """Return registered versions that are too old and do no work: no alias points at them, no decision is in force."""
    champion = promoted_version(line.lake)
    return [
        each
        for each in line.registry.list_versions()
        if now - each.created_at > kept.age("models")
        and not each.aliases
        and each.number != champion
        and each.tags.get("shipped") != "true"
    ]


def runs_due(line: Line, kept: Retention, now: datetime, held_days: set[str]) -> list[str]:
    """Return Dagster's runs that are too old: those that drew faces as long as faces are kept, others as logs.

    Parameters
    ----------
    held_days : set of str
        Camera-days with a clip that is held: their runs stay.
    """
    drew = recorded_days(line.instance)
    found: list[str] = []
    for record in line.instance.get_run_records():
        run_id = record.dagster_run.run_id
        days = drew.get(run_id, set())
        if not record.dagster_run.is_finished or days & held_days:
            continue
        limit = kept.age("crops" if days or _drew_faces(record) else "logs")
        ended = datetime.fromtimestamp(record.end_time or record.create_timestamp.timestamp(), UTC)
        if now - ended > limit:
            found.append(run_id)
    return found


def empty_camera_days(line: Line) -> Iterator[str]:
    """Yield the camera-days that Dagster knows and no clip belongs to any more."""
    root = line.lake.home / "clips"
    for day in line.instance.get_dynamic_partitions(str(CAMERA_DAYS.name)):
        folder = root / day
        if not folder.is_dir() or next(folder.glob("*.json"), None) is None:
            yield day


def _drawn_cameras(lake: Lake) -> frozenset[str]:
    return frozenset(
        name for name, entry in entries_in_force(lake.home).items() if entry.site_type == "synthetic"
    )


def _drew_faces(record: dg.RunRecord) -> bool:
    return record.dagster_run.job_name in ("process_camera_day", "retrain", "publish")


def _stored_at(path: UPath, fields: dict[str, str]) -> datetime:
    """Return when a clip was taken in; a record from before that was kept says when it was written."""
    said = fields.get("stored_at")
    return datetime.fromisoformat(said) if said else _modified(path)


def _modified(path: UPath) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)
