"""Intake: what happens to a file before any asset sees it.

Belongs here: probing, the content hash, and the choice between taking in, quarantine and another try. Stays out:
anything that needs the pixels of a clip's faces, and Dagster; what a sidecar may hold (``sidecar``), how a refused
entry is kept (``quarantine``), how long an entry waits (``landing``).

A clip is known by its content hash, so a file that arrives twice counts once. Each entry is handled alone: what can't
be accepted goes to ``quarantine/`` with a machine-readable reason, whatever was wrong with it; the rest goes on.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from upath import UPath

from apexline.assets.ingest.entries import (
    is_clip,
    is_there,
    kind_of,
    printable,
    shares_sidecar,
    sidecar_of,
    sidecar_of_landed,
    signature_of,
)
from apexline.assets.ingest.quarantine import quarantine, record_erased
from apexline.assets.ingest.sidecar import Rejected, read_manifest
from apexline.assets.ingest.tombstones import has_tombstones, is_erased, keyed_digest, let_in
from apexline.assets.lake import Lake, Manifest, find_clip, hash_file, is_of_the_machine
from apexline.features.video import UnreadableVideo, VideoInfo, probe_video
from apexline.governance import BrokenAudit, Refused, governance_folder, opaque, permit, record, stopped

_REFUSED = ("quarantined", "refused")


@dataclass(frozen=True)
class IntakeResult:
    """What became of one file.

    Attributes
    ----------
    name : str
        The file's name as it arrived.
    status : str
        ``accepted``, ``duplicate``, ``quarantined``, ``refused`` (it was erased before: nothing of it is kept), or
        ``postponed``: it lies where it lay, to be tried again.
    clip_id, camera_day : str
        Of an accepted or known clip; empty otherwise.
    reason, detail : str
        Why it was quarantined, postponed, or could not be removed: a fixed word and a sentence; empty otherwise.
    """

    name: str
    status: Literal["accepted", "duplicate", "quarantined", "refused", "postponed"]
    clip_id: str = ""
    camera_day: str = ""
    reason: str = ""
    detail: str = ""


class _StillChanging(Exception):  # noqa: N818  (it says what happens, and nobody is at fault)
    """The file was written to while it was read."""


def take_in(
    lake: Lake,
    clip: UPath,
    *,
    manifest: Manifest | None = None,
    move: bool = False,
    despite_erasure: str = "",
    by: str = "apexline",
) -> IntakeResult:
    """Accept one file into ``clips/``, recognise it as known, or put it into quarantine.

    Parameters
    ----------
    clip : UPath
        The file. What is no file (a folder, link, pipe, ...) is never opened or followed.
    manifest : Manifest, optional
        Used where the clip has no sidecar of its own.
    move : bool
        Remove the file and its sidecar from where they lie (a landing folder, where a name without the extension of
        a video is refused too); otherwise they are copied.
    despite_erasure : str
        Who lets a clip in that was erased before; by default it is refused, and goes from the landing folder.
    by : str
        Who brings it, for the audit.

    Returns
    -------
    IntakeResult
        Whatever is wrong with the file, its manifest or the disk is a result, never an exception.
    """
    name = printable(clip.name)
    sidecar = sidecar_of_landed(clip) if move else sidecar_of(clip)
    before = signature_of(clip, sidecar)
    if (stop := stopped(lake.home)) is not None:
        detail = f"processing was stopped by {stop.by}: {stop.why}"
        return IntakeResult(name, "postponed", reason="stopped", detail=printable(detail))
    try:
        erased = _erased_content(lake, clip)
        if erased and not despite_erasure:
            record_erased(lake, keyed_digest(lake, erased))
            detail = "it was erased on request; --despite-erasure NAME takes it in"
            result = IntakeResult(name, "refused", reason="erased", detail=detail)
            return _removed(result, clip, sidecar) if move else result
        if erased:
            let_in(lake, erased, by=despite_erasure)
    except OSError as error:  # the home's fault
        return IntakeResult(name, "postponed", reason="not_stored", detail=printable(str(error)))
    try:
        found = _examine(lake, clip, sidecar, manifest, landed=move)
    except Exception as error:  # the next file must not wait for what is wrong with this one
        if is_of_the_machine(error):
            return IntakeResult(name, "postponed", reason="not_examined", detail=printable(str(error)))
        if signature_of(clip, sidecar) != before or not is_there(clip):
            return IntakeResult(
                name, "postponed", reason="still_changing", detail="it changed while it was read"
            )
        refusal = _refusal(clip, error)
        try:
            if isinstance(error, Refused):
                record(lake.home, "refuse", who=by, why=error.reason, now=_now(), door=_door(landed=move))
            quarantine(lake, clip, reason=refusal.reason, detail=refusal.detail, sidecar=sidecar, move=move)
        except (OSError, BrokenAudit) as problem:
            detail = f"{refusal}; it could not be put into quarantine: {problem}"
            return IntakeResult(name, "postponed", reason=refusal.reason, detail=printable(detail))
        return IntakeResult(name, "quarantined", reason=refusal.reason, detail=printable(refusal.detail))
    try:
        result = _store(lake, clip, sidecar, *found, before=before, by=by)
    except _StillChanging:
        return IntakeResult(
            name, "postponed", reason="still_changing", detail="it changed while it was copied"
        )
    except Exception as error:  # the home's fault, not the clip's: it waits until the home can take it
        return IntakeResult(
            name,
            "postponed",
            reason="not_stored",
            detail=printable(f"it could not be stored: {type(error).__name__}: {error}"),
        )
    return _removed(result, clip, sidecar) if move else result


def _erased_content(lake: Lake, clip: UPath) -> str:
    """Return the hash of a content that was erased and not let in again; nothing for any other entry."""
    if not has_tombstones(lake) or not is_there(clip) or kind_of(clip) != "file":
        return ""
    try:
        sha256 = hash_file(clip)
    except OSError:  # it is refused as what can't be read
        return ""
    return sha256 if is_erased(lake, sha256) else ""


def _refusal(clip: UPath, error: Exception) -> Rejected:
    """Say of anything that went wrong with a file why it is refused."""
    match error:
        case Rejected():
            return error
        case UnreadableVideo() | Refused():
            return Rejected(error.reason, error.detail)
        case OSError() if error.filename is not None:
            return Rejected("unreadable_file", f"{clip.name} can't be read: {error}")
        case _:
            return Rejected("intake_failed", f"{clip.name}: {type(error).__name__}: {error}")


def _examine(
    lake: Lake, clip: UPath, sidecar: UPath | None, manifest: Manifest | None, *, landed: bool
) -> tuple[Manifest, str]:
    """Return manifest and content hash of a sound clip; raises whatever is wrong with it."""
    kind = kind_of(clip)
    if kind == "symbolic link":
        reason, target = "symbolic_link", clip.readlink()
        raise Rejected(reason, f"{clip.name} is a link to {target}; links aren't followed: send the file")
    if kind != "file":
        reason = "not_a_file"
        raise Rejected(reason, f"{clip.name} is a {kind}; expected a video file")
    if landed and not is_clip(clip.name):
        reason = "not_a_video"
        raise Rejected(reason, f"saw the extension {clip.suffix!r}; expected that of a video, such as .mp4")
    info = _probe(lake, clip)
    if manifest is None or sidecar is not None:
        manifest = read_manifest(clip, sidecar)
    permit(
        lake.home,
        manifest.camera,
        door=_door(landed=landed),
        now=_now(),
        purpose=manifest.purpose,
        legal_basis=manifest.legal_basis,
    )
    _check_annotations(manifest, info)
    return manifest, hash_file(clip)


def _door(*, landed: bool) -> Literal["landing", "ingest"]:
    return "landing" if landed else "ingest"


def _now() -> datetime:
    return datetime.now(UTC)


def _store(
    lake: Lake, clip: UPath, sidecar: UPath | None, manifest: Manifest, sha256: str, *, before: str, by: str
) -> IntakeResult:
    name, clip_id = printable(clip.name), sha256[:16]
    known = find_clip(lake, clip_id)
    _check_unchanged(clip, sidecar, before)
    if known is not None:
        return IntakeResult(name, "duplicate", clip_id, known.parent.name)
    stored = lake.home / "clips" / manifest.camera_day / f"{clip_id}{clip.suffix.lower()}"
    with clip.open("rb") as source, lake.replacing(stored) as target:
        shutil.copyfileobj(source, target)
        # What was examined must be what is stored.
        _check_unchanged(clip, sidecar, before)
    hidden = opaque(governance_folder(lake.home), clip_id)
    record(lake.home, "ingest", who=by, why=manifest.purpose, now=_now(), camera=manifest.camera, clip=hidden)
    # The record is written last: a clip counts as taken in once its record stands.
    fields = {
        "sha256": sha256,
        "file": stored.name,
        "stored_at": _now().isoformat(timespec="seconds"),
        "manifest": manifest.model_dump(mode="json"),
    }
    with lake.replacing(stored.with_suffix(".json")) as target:
        target.write(json.dumps(fields, indent=1, sort_keys=True).encode())
    return IntakeResult(name, "accepted", clip_id, manifest.camera_day)


def _check_unchanged(clip: UPath, sidecar: UPath | None, before: str) -> None:
    if signature_of(clip, sidecar) != before:
        raise _StillChanging


def _removed(result: IntakeResult, clip: UPath, sidecar: UPath | None) -> IntakeResult:
    """Remove a clip that is stored, and its sidecar unless another clip waits with it."""
    try:
        shared = sidecar is not None and shares_sidecar(clip)
        clip.unlink(missing_ok=True)
        if sidecar is not None and not shared:
            sidecar.unlink(missing_ok=True)
    except OSError as error:
        detail = printable(f"it is stored, and could not be removed: {error}")
        return IntakeResult(
            result.name, result.status, result.clip_id, result.camera_day, "not_removed", detail
        )
    return result


def _probe(lake: Lake, clip: UPath) -> VideoInfo:
    with lake.local_copy(clip) as local:
        try:
            return probe_video(local)
        except UnreadableVideo as error:
            if error.reason != "decoder_crashed":
                raise
            return probe_video(
                local
            )  # something else may have killed the decoder; a clip that does, does so again


def _check_annotations(manifest: Manifest, info: VideoInfo) -> None:
    for index, each in enumerate(manifest.annotations):
        if not each.onset <= each.apex <= each.offset < info.num_frames:
            reason = "invalid_field"
            raise Rejected(
                reason,
                f"annotation {index}: expected onset <= apex <= offset < {info.num_frames} frames, "
                f"saw {each.onset}, {each.apex}, {each.offset}",
            )


def summarise(results: Iterable[IntakeResult]) -> dict[str, Any]:
    """Count results and list what was quarantined or postponed, for a command's summary or a sensor's log."""
    found = list(results)
    return {
        "accepted": sum(each.status == "accepted" for each in found),
        "duplicates": sum(each.status == "duplicate" for each in found),
        "quarantined": [asdict(each) for each in found if each.status in _REFUSED],
        "postponed": [asdict(each) for each in found if each.reason and each.status not in _REFUSED],
        "camera_days": sorted({each.camera_day for each in found if each.camera_day}),
    }
