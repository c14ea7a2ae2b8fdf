"""Clips that the lake holds: their manifest, their stored file, where they are found.

Belongs here: looking clips up. Stays out: taking them in (``assets.ingest``).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from upath import UPath

from apexline.assets.lake.storage import DamagedFile, Lake
from apexline.assets.lake.workers import is_of_the_machine

# What has another name below ``clips/`` is no record and no camera-day, and is passed over.
_CLIP_ID = re.compile(r"[0-9a-f]{16}")
_PURGED = ".purged"  # beside the record of a clip whose video was deleted in time
_REMEDY = "put the record back from a copy, or erase the clip and send it again"
_CAMERA_DAY = re.compile(r"\d{4}-\d\d-\d\d_[A-Za-z0-9][A-Za-z0-9.-]*")


class Annotation(BaseModel):
    """A labelled expression of one face; frame indices are 0-based, the box is (x, y, w, h) px at the apex."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    subject: str = Field(min_length=1)
    emotion: Literal["happy", "angry", "calm", "scared"]
    onset: int = Field(ge=0)
    apex: int = Field(ge=0)
    offset: int = Field(ge=0)
    box: tuple[float, float, float, float]


class Manifest(BaseModel):
    """What must be known about a clip before it may be processed (``clip.json`` beside ``clip.mp4``).

    Examples
    --------
    >>> from apexline.assets.lake import Manifest
    >>> manifest = Manifest(
    ...     camera="gate-03",
    ...     captured_at="2026-03-02T23:30:00-05:00",
    ...     purpose="visitor survey",
    ...     legal_basis="consent",
    ... )
    >>> manifest.camera_day
    '2026-03-03_gate-03'
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    camera: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]*$")
    captured_at: AwareDatetime
    purpose: str = Field(min_length=1)
    legal_basis: str = Field(min_length=1)
    synthetic: bool = False
    annotations: tuple[Annotation, ...] = ()

    @property
    def camera_day(self) -> str:
        """Partition key ``YYYY-MM-DD_camera``, the day in UTC."""
        return f"{self.captured_at.astimezone(UTC):%Y-%m-%d}_{self.camera}"


def hash_file(path: UPath | Path) -> str:
    """Return the SHA-256 of a file's bytes, 64 hex digits."""
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def find_clip(lake: Lake, clip_id: str) -> UPath | None:
    """Return the record of a clip that was taken in, or None."""
    root = lake.home / "clips"
    return next(iter(sorted(root.glob(f"*/{clip_id}.json"))), None) if root.is_dir() else None


@dataclass(frozen=True)
class StoredClip:
    """A clip that was taken in: its id, content hash, file and manifest."""

    clip_id: str
    sha256: str
    path: UPath
    manifest: Manifest


class _Record(BaseModel):
    """What intake writes beside a stored clip."""

    model_config = ConfigDict(frozen=True)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    file: str
    manifest: Manifest


def clip_ids(lake: Lake, camera_day: str) -> list[str]:
    """Return the ids of the clips that a camera-day has records of, sorted; whether they can be read is not asked."""
    folder = lake.home / "clips" / camera_day
    found = (path.stem for path in folder.glob("*.json")) if folder.is_dir() else ()
    return sorted(name for name in found if _CLIP_ID.fullmatch(name))


def without_video(lake: Lake, camera_day: str) -> set[str]:
    """Return the ids of clips of a camera-day whose video was deleted in time, and whose results are kept.

    They are computed no more: what is stored of them stays as it is.
    """
    folder = lake.home / "clips" / camera_day
    return {path.stem for path in folder.glob(f"*{_PURGED}")} if folder.is_dir() else set()


def without_faces(lake: Lake, camera_day: str) -> set[str]:
    """Return those of `without_video` whose faces were deleted too: nothing new can be said of them."""
    gone = without_video(lake, camera_day)
    return gone - set(lake.names("face_crops", camera_day=camera_day)) if gone else gone


def delete_video(lake: Lake, camera_day: str, clip_id: str) -> None:
    """Delete the video of a clip, and note that it is gone on purpose; its record stays."""
    record = lake.home / "clips" / camera_day / f"{clip_id}.json"
    with lake.replacing(record.with_suffix(_PURGED)) as file:
        file.write(b"")
    for path in record.parent.glob(f"{clip_id}.*"):
        if path.suffix not in (".json", _PURGED):
            path.unlink()


def read_clip(lake: Lake, camera_day: str, clip_id: str) -> StoredClip:
    """Read the record of a stored clip.

    Raises
    ------
    DamagedFile
        Where the record can't be read, is incomplete, or speaks of another clip.
    """
    folder = lake.home / "clips" / camera_day
    path = folder / f"{clip_id}.json"
    if not path.is_file():  # a pipe would be waited for
        raise DamagedFile(path, "it is no file; expected the record of a clip")
    try:
        record = _Record.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        if is_of_the_machine(error):
            raise
        raise DamagedFile(path, f"{type(error).__name__}: {_first_line(error)}; {_REMEDY}") from error
    if not record.sha256.startswith(clip_id) or not record.file.startswith(f"{clip_id}."):
        seen = f"it speaks of the clip {record.sha256[:16]} in {record.file!r}"
        raise DamagedFile(path, f"{seen}; {_REMEDY}")
    return StoredClip(clip_id, record.sha256, folder / record.file, record.manifest)


def stored_camera_days(lake: Lake) -> list[str]:
    """Return the camera-days that have clips, sorted."""
    root = lake.home / "clips"
    named = (
        (folder for folder in root.iterdir() if _CAMERA_DAY.fullmatch(folder.name)) if root.is_dir() else ()
    )
    return sorted(folder.name for folder in named if folder.is_dir())


def unprocessed_clips(lake: Lake) -> dict[str, list[str]]:
    """Return the camera-days with stored clips that have not come to scores yet, each with all its clip ids.

    By which version is not asked: a run that was killed between segments and scores has left its clips unprocessed.
    """
    found: dict[str, list[str]] = {}
    for camera_day in stored_camera_days(lake):
        stored = clip_ids(lake, camera_day)
        searched = set(lake.names("expression_segments", camera_day=camera_day))
        scored = {name.partition("-")[0] for name in lake.names("segment_scores", camera_day=camera_day)}
        missing = set(stored) - (searched & scored)
        if not missing:
            continue
        unsearched = missing - searched - without_video(lake, camera_day)
        if unsearched or missing & searched - without_faces(lake, camera_day):
            found[camera_day] = stored
    return found


def _first_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        fault = error.errors(include_url=False)[0]
        where = ".".join(map(str, fault["loc"]))
        return f"{where}: {fault['msg']}" if where else fault["msg"]
    return str(error)
