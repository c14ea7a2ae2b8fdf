"""Clips that the lake holds: their manifest, their stored file, where they are found.

Belongs here: looking clips up. Stays out: taking them in (``assets.ingest``).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from upath import UPath

from apexline.assets.lake.storage import Lake


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


def stored_clips(lake: Lake, camera_day: str) -> list[StoredClip]:
    """Return the clips of a camera-day, by id."""
    folder = lake.home / "clips" / camera_day
    clips: list[StoredClip] = []
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else []:
        record: dict[str, Any] = json.loads(path.read_text())
        manifest = Manifest.model_validate(record["manifest"])
        clips.append(StoredClip(path.stem, record["sha256"], folder / record["file"], manifest))
    return clips


def stored_camera_days(lake: Lake) -> list[str]:
    """Return the camera-days that have clips, sorted."""
    root = lake.home / "clips"
    return sorted(folder.name for folder in root.iterdir() if folder.is_dir()) if root.is_dir() else []


def unprocessed_clips(lake: Lake) -> dict[str, list[str]]:
    """Return the camera-days with stored clips that have not come to segments yet, each with all its clip ids."""
    root = lake.home / "clips"
    found: dict[str, list[str]] = {}
    for camera_day in stored_camera_days(lake):
        stored = sorted(path.stem for path in (root / camera_day).glob("*.json"))
        if set(stored) - set(lake.names("expression_segments", camera_day=camera_day)):
            found[camera_day] = stored
    return found
