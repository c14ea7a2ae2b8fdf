"""What is to be erased: as a person asks for it, and the clips that this means.

Belongs here: checking what was asked, finding the clips of an id, a camera or a day. Stays out: what those clips left
behind (``traces``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any

from upath import UPath

from apexline.assets.ingest import clips_in, sidecar_of_landed
from apexline.assets.lake import TABLES, WITHOUT_CAMERA_DAY, Lake, hash_file, listed_camera_days

_CLIP = re.compile(r"[0-9a-f]{16,64}")


@dataclass(frozen=True)
class Clip:
    """A clip to erase.

    Attributes
    ----------
    clip_id : str
    sha256 : str
        Content hash; empty where only files of the lake are left of the clip.
    camera_day : str
        Where it is stored; empty for one that was refused, or waits in the landing folder.
    size : int
        Bytes of its file; 0 where there is none.
    """

    clip_id: str
    sha256: str
    camera_day: str
    size: int = 0


@dataclass(frozen=True)
class Request:
    """What a person asks for: some clips, those of a camera or a day, or the answers of a rater.

    Attributes
    ----------
    clips : tuple of str
        Clip ids, or content hashes.
    camera, day : str
        All clips of a camera, of a UTC day (``YYYY-MM-DD``), or of a camera on a day.
    rater : str
        Pseudonymous code.
    """

    clips: tuple[str, ...] = ()
    camera: str = ""
    day: str = ""
    rater: str = ""

    def check(self) -> None:
        """Raise ``ValueError`` where it is not one of the three, or a part of it can't be meant."""
        kinds = [bool(self.clips), bool(self.camera or self.day), bool(self.rater)]
        if sum(kinds) != 1:
            msg = "expected one of: clip ids; --camera, --day or both; --rater. Give each in a command of its own"
            raise ValueError(msg)
        wrong = [each for each in self.clips if not _CLIP.fullmatch(each)]
        if wrong:
            msg = f"saw {wrong[0]!r}, expected the first 16 hex digits of a clip's SHA-256, or all 64"
            raise ValueError(msg)
        if self.day:
            try:
                date.fromisoformat(self.day)
            except ValueError as error:
                msg = f"saw --day {self.day!r}, expected a UTC day such as 2026-03-02"
                raise ValueError(msg) from error

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON keeps it."""
        return {**asdict(self), "clips": list(self.clips)}


def find_clips(lake: Lake, request: Request) -> list[Clip]:
    """Return the clips that a request means: stored, refused, waiting in the landing folder, or left in the lake.

    Raises
    ------
    LookupError
        Where one that was named, or every one of a camera or day, is unknown here.
    """
    if request.clips:
        return [clip for each in dict.fromkeys(request.clips) for clip in _named_clip(lake, each)]
    found = [
        clip for clip in _stored(lake) if _fits(request, *reversed(clip.camera_day.split("_", maxsplit=1)))
    ]
    found += [clip for clip, where in _unstored(lake) if _fits(request, *where)]
    if not found:
        wanted = " and ".join(f"{kind} {value!r}" for kind, value in _parts(request))
        msg = f"no clip of {wanted} is here; camera-days stand in the warehouse table `camera_day_summary`"
        raise LookupError(msg)
    unique = {clip.clip_id: clip for clip in reversed(found)}  # where a clip is stored counts
    return list(unique.values())


def stated_camera_day(lake: Lake, clip_id: str) -> str:
    """Return the camera-day that a clip's sidecar in quarantine or landing folder states; empty where none does."""
    found = (where for clip, where in _unstored(lake) if clip.clip_id == clip_id)
    camera, day = next(found, ("", ""))
    return f"{day}_{camera}" if camera else ""


def _parts(request: Request) -> list[tuple[str, str]]:
    return [(name, value) for name, value in (("camera", request.camera), ("day", request.day)) if value]


def _fits(request: Request, camera: str, day: str) -> bool:
    return request.camera in ("", camera) and request.day in ("", day)


def _named_clip(lake: Lake, name: str) -> list[Clip]:
    clip_id = name[:16]
    for clip in _stored(lake):
        if clip.clip_id == clip_id:
            return [clip]
    refused = [clip for clip, _ in _unstored(lake) if clip.sha256.startswith(name)]
    if refused:
        return refused[:1]
    for day in _days_of_lake(lake):
        if any(clip_id in lake.names(table, camera_day=day) for table in TABLES):
            return [Clip(clip_id, name if len(name) == 64 else "", day)]
    msg = f"no clip {name!r} is stored, or was refused; clip ids stand in the warehouse table `segments`"
    raise LookupError(msg)


def _days_of_lake(lake: Lake) -> list[str]:
    root = lake.home / "lake"
    folders = (root / table for table in TABLES if table not in WITHOUT_CAMERA_DAY)
    days = {day.name.partition("=")[2] for folder in folders if folder.is_dir() for day in folder.iterdir()}
    return sorted(days | set(listed_camera_days(lake)))


def _stored(lake: Lake) -> Iterator[Clip]:
    root = lake.home / "clips"
    for record in sorted(root.glob("*/*.json")) if root.is_dir() else []:
        fields = json.loads(record.read_text())
        yield Clip(record.stem, fields["sha256"], record.parent.name, _size(record.parent / fields["file"]))


def _size(path: UPath) -> int:
    return path.stat().st_size if path.is_file() else 0


def _unstored(lake: Lake) -> Iterator[tuple[Clip, tuple[str, str]]]:
    """Yield every clip in quarantine and landing folder, with camera and day as its sidecar says them."""
    quarantine, landing = lake.home / "quarantine", lake.home / "landing"
    for path in sorted(quarantine.glob("*.json")) if quarantine.is_dir() else []:
        record = json.loads(path.read_text())
        if sha256 := record.get("sha256"):
            sidecar = record.get("sidecar")
            size = _size(path.with_suffix(".quarantined"))
            yield Clip(sha256[:16], sha256, "", size), stated_place(quarantine / sidecar if sidecar else None)
    for clip in clips_in(landing) if landing.is_dir() else []:
        if clip.is_file() and not clip.is_symlink():
            sha256 = hash_file(clip)
            yield Clip(sha256[:16], sha256, "", _size(clip)), stated_place(sidecar_of_landed(clip))


def stated_place(sidecar: UPath | None) -> tuple[str, str]:
    """Return camera and day as a sidecar says them; nothing where it can't be read."""
    try:
        fields = json.loads(sidecar.read_bytes()) if sidecar is not None and sidecar.is_file() else {}
        captured = datetime.fromisoformat(fields["captured_at"])
        day = captured.astimezone(UTC) if captured.tzinfo else captured
        return str(fields["camera"]), f"{day:%Y-%m-%d}"
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return "", ""
