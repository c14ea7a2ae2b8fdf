"""Intake: what happens to a file before any asset sees it.

Belongs here: the sidecar manifest, content hash, probing, and the choice between taking in and quarantine.
Stays out: anything that needs the pixels of a clip's faces, and Dagster.

A clip is known by its content hash, so a file that arrives twice counts once. What can't be accepted goes to
``quarantine/`` with a machine-readable reason; the rest goes on.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import ValidationError
from upath import UPath

from apexline.assets.lake import Lake, Manifest, find_clip, hash_file
from apexline.features.video import UnreadableVideo, VideoInfo, probe_video

VIDEO_SUFFIXES = frozenset({".mp4", ".mov", ".mkv", ".avi", ".m4v", ".webm", ".ts"})


@dataclass(frozen=True)
class IntakeResult:
    """What became of one file.

    Attributes
    ----------
    name : str
        The file's name as it arrived.
    status : str
        ``accepted``, ``duplicate`` or ``quarantined``.
    clip_id, camera_day : str
        Of an accepted or known clip; empty otherwise.
    reason, detail : str
        Why it was quarantined: a fixed word and a sentence; empty otherwise.
    """

    name: str
    status: Literal["accepted", "duplicate", "quarantined"]
    clip_id: str = ""
    camera_day: str = ""
    reason: str = ""
    detail: str = ""


class Rejected(ValueError):
    """A file that can't be accepted, with the word that says why."""

    def __init__(self, reason: str, detail: str):
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def read_manifest(clip: UPath) -> Manifest:
    """Read the sidecar of a clip (``clip.json`` for ``clip.mp4``).

    Raises
    ------
    Rejected
        ``no_manifest``, ``unreadable_manifest``, ``missing_field`` or ``invalid_field``.
    """
    sidecar = clip.with_suffix(".json")
    if not sidecar.exists():
        reason = "no_manifest"
        raise Rejected(
            reason, f"{clip.name} has no {sidecar.name} beside it; write one, or ingest with options"
        )
    try:
        document = json.loads(sidecar.read_text())
    except ValueError as error:
        reason = "unreadable_manifest"
        raise Rejected(reason, f"{sidecar.name} is no JSON: {error}") from error
    return parse_manifest(document)


def parse_manifest(document: object) -> Manifest:
    """Validate manifest data; raises `Rejected` with ``missing_field`` or ``invalid_field``, naming each field."""
    try:
        return Manifest.model_validate(document)
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, e['loc'])) or 'manifest'}: {e['msg']}" for e in error.errors()]
        missing = any(e["type"] == "missing" for e in error.errors())
        raise Rejected("missing_field" if missing else "invalid_field", "; ".join(problems)) from error


def clips_in(folder: UPath) -> Iterator[UPath]:
    """Yield the video files of a folder by name, hidden and unfinished ones left out."""
    for path in sorted(folder.iterdir(), key=lambda each: each.name):
        if path.suffix.lower() in VIDEO_SUFFIXES and not path.name.startswith("."):
            yield path


def take_in(lake: Lake, clip: UPath, *, manifest: Manifest | None = None, move: bool = False) -> IntakeResult:
    """Accept one file into ``clips/``, recognise it as known, or put it into quarantine.

    Parameters
    ----------
    clip : UPath
        The file.
    manifest : Manifest, optional
        Used where the clip has no sidecar of its own.
    move : bool
        Remove the file and its sidecar from where they lie (a landing folder); otherwise they are copied.

    Returns
    -------
    IntakeResult
        Bad content and bad manifests are results, never exceptions.
    """
    try:
        result = _accept(lake, clip, manifest)
    except Rejected as rejected:
        result = IntakeResult(clip.name, "quarantined", reason=rejected.reason, detail=rejected.detail)
        quarantine(lake, clip, reason=rejected.reason, detail=rejected.detail)
    if move:
        clip.unlink()
        clip.with_suffix(".json").unlink(missing_ok=True)
    return result


def _accept(lake: Lake, clip: UPath, manifest: Manifest | None) -> IntakeResult:
    info = _probe(lake, clip)
    if manifest is None or clip.with_suffix(".json").exists():
        manifest = read_manifest(clip)
    _check_annotations(manifest, info)
    sha256 = hash_file(clip)
    clip_id = sha256[:16]
    known = find_clip(lake, clip_id)
    if known is not None:
        return IntakeResult(clip.name, "duplicate", clip_id, known.parent.name)
    stored = lake.home / "clips" / manifest.camera_day / f"{clip_id}{clip.suffix.lower()}"
    with clip.open("rb") as source, lake.replacing(stored) as target:
        shutil.copyfileobj(source, target)
    # The record is written last: a clip counts as taken in once its record stands.
    record = {"sha256": sha256, "file": stored.name, "manifest": manifest.model_dump(mode="json")}
    with lake.replacing(stored.with_suffix(".json")) as target:
        target.write(json.dumps(record, indent=1, sort_keys=True).encode())
    return IntakeResult(clip.name, "accepted", clip_id, manifest.camera_day)


def _probe(lake: Lake, clip: UPath) -> VideoInfo:
    try:
        with lake.local_copy(clip) as local:
            return probe_video(local)
    except UnreadableVideo as error:
        raise Rejected(error.reason, error.detail) from error


def _check_annotations(manifest: Manifest, info: VideoInfo) -> None:
    for index, each in enumerate(manifest.annotations):
        if not each.onset <= each.apex <= each.offset < info.num_frames:
            reason = "invalid_field"
            raise Rejected(
                reason,
                f"annotation {index}: expected onset <= apex <= offset < {info.num_frames} frames, "
                f"saw {each.onset}, {each.apex}, {each.offset}",
            )


def quarantine(lake: Lake, clip: UPath, *, reason: str, detail: str) -> None:
    """Copy a file into ``quarantine/`` with a JSON record of name, reason and detail.

    The record is named by content and by name, so that the same bad file is recorded once.
    """
    sha256 = hash_file(clip)
    key = f"{sha256[:12]}-{clip.name}"
    folder = lake.home / "quarantine"
    record = {
        "name": clip.name,
        "reason": reason,
        "detail": detail,
        "sha256": sha256,
        "seen_at": datetime.now(UTC).isoformat(),
    }
    with clip.open("rb") as source, lake.replacing(folder / f"{key}.quarantined") as target:
        shutil.copyfileobj(source, target)
    with lake.replacing(folder / f"{key}.json") as target:
        target.write(json.dumps(record, indent=1).encode())


def quarantined(lake: Lake) -> list[dict[str, str]]:
    """Return the quarantine's records, by file name."""
    folder = lake.home / "quarantine"
    records = (
        [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))] if folder.is_dir() else []
    )
    return sorted(records, key=lambda record: record["name"])


def summarise(results: Iterable[IntakeResult]) -> dict[str, Any]:
    """Count results and list what was quarantined, for a command's summary or a sensor's log."""
    found = list(results)
    return {
        "accepted": sum(each.status == "accepted" for each in found),
        "duplicates": sum(each.status == "duplicate" for each in found),
        "quarantined": [asdict(each) for each in found if each.status == "quarantined"],
        "camera_days": sorted({each.camera_day for each in found if each.camera_day}),
    }
