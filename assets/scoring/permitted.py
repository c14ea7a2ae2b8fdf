"""The door of scoring stored clips: which of them the purpose register still allows, and the audit of what was done.

Belongs here: asking for each clip by what its manifest states. Stays out: the register (``governance``), scoring.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache

from apexline.assets.lake import DamagedFile, Job, Lake
from apexline.governance import Refused, governance_folder, opaque, permit, record

_WHO = "segment_scores"
_STATED = ["camera", "purpose", "legal_basis"]


def permitted_clips(lake: Lake, jobs: Sequence[Job]) -> tuple[list[Job], dict[str, int]]:
    """Return the clips that may be scored now, and how many were refused for each reason.

    Parameters
    ----------
    jobs : sequence of (str, str, str)
        Camera-day, clip and fingerprint.
    """
    now = datetime.now(UTC)

    @cache
    def refusal(camera: str, purpose: str, legal_basis: str) -> str:
        try:
            permit(lake.home, camera, door="rescoring", now=now, purpose=purpose, legal_basis=legal_basis)
        except Refused as error:
            return error.reason
        return ""

    def reason_of(camera_day: str, clip_id: str) -> str:
        try:
            rows = lake.read("clip_manifest", clip_id, camera_day=camera_day, columns=_STATED).to_pylist()
        except (FileNotFoundError, DamagedFile):  # scoring reads the same row first, and puts that on record
            return ""
        return refusal(*(rows[0][name] for name in _STATED))

    reasons = [reason_of(camera_day, clip_id) for camera_day, clip_id, _ in jobs]
    permitted = [job for job, reason in zip(jobs, reasons, strict=True) if not reason]
    return permitted, dict(Counter(filter(None, reasons)))


def record_scores(
    lake: Lake, number: int, jobs: Sequence[Job], *, refused: dict[str, int], run_id: str
) -> None:
    """Put on record which clips a version is about to score, by opaque ids, and how many it was not let near."""
    now = datetime.now(UTC)
    if refused:
        reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(refused.items()))
        record(lake.home, "refuse", who=_WHO, why=reasons, now=now, door="rescoring")
    if jobs:
        folder = governance_folder(lake.home)
        clips = [opaque(folder, clip_id) for _, clip_id, _ in jobs]
        record(lake.home, "score", who=_WHO, now=now, model_version=number, clips=clips, run=run_id)
