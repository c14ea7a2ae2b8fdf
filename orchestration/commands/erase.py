"""Erase clips or a rater's answers everywhere: `apexline erase`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from apexline.assets.lake import Lake
from apexline.governance import allow
from apexline.orchestration.erasure import OnStep, Request, check_receipt, erase, preview, resume
from apexline.orchestration.settings import Settings


def erase_or_preview(
    settings: Settings,
    *,
    clips: Sequence[str],
    camera: str,
    day: str,
    rater: str,
    by: str,
    dry_run: bool,
    on_step: OnStep,
) -> dict[str, Any]:
    """Erase what is asked for, or list what that would delete.

    Returns
    -------
    dict
        The receipt, or counts by place.

    Raises
    ------
    ValueError, LookupError, OSError
        As `orchestration.erasure.erase`; ``NotAllowed`` where `by` may not erase.
    """
    request = Request(tuple(each.strip().lower() for each in clips), camera, day, rater.strip())
    if dry_run:
        return preview(settings, request)
    allow(settings.home_path, "erase", by=by)
    return erase(settings, request, by=by, on_step=on_step)[-1]


def finish_erasures(settings: Settings, *, on_step: OnStep) -> list[dict[str, Any]]:
    """Finish the erasures that were killed, and return their receipts."""
    return resume(settings, on_step=on_step)


def verify_receipt(settings: Settings, receipt: Path) -> dict[str, Any]:
    """Return what a receipt says; raises ``ValueError`` where this home did not sign it so."""
    return check_receipt(Lake(settings.home_path), receipt)
