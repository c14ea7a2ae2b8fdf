"""The sidecar of a clip, ``clip.json`` beside ``clip.mp4``: from bytes that nobody vouches for to a manifest.

Belongs here: limits of size and number, encodings, what each field may hold. Stays out: which sidecar belongs to
which clip (``entries``), whether annotations fit the clip's frames (``intake``).

Manifests that are stored already are read by `assets.lake.Manifest` alone: what is refused here was accepted once.
"""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError
from upath import UPath

from apexline.assets.ingest.entries import kind_of
from apexline.assets.lake import Manifest

MAX_SIDECAR_BYTES = 4 << 20
MAX_ANNOTATIONS = 10_000
# The camera names a folder, together with the day; file systems allow 255 bytes.
_MAX_CAMERA_CHARACTERS = 100
# Outside these years a clock was not set; UTC of the first and last year that Python knows may not exist.
_CAPTURED = (datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))
_NUM_PROBLEMS_SHOWN = 5


class Rejected(ValueError):
    """A file that can't be accepted, with the word that says why."""

    def __init__(self, reason: str, detail: str):
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def read_manifest(clip: UPath, sidecar: UPath | None) -> Manifest:
    """Read the sidecar of a clip.

    Raises
    ------
    Rejected
        ``no_manifest``, ``unreadable_manifest``, ``manifest_too_large``, ``missing_field`` or ``invalid_field``.
    """
    if sidecar is None:
        reason = "no_manifest"
        raise Rejected(
            reason, f"{clip.name} has no {clip.stem}.json beside it; write one, or ingest with options"
        )
    kind = kind_of(sidecar)
    if kind != "file":
        reason = "unreadable_manifest"
        raise Rejected(reason, f"{sidecar.name} is a {kind}; expected a JSON file")
    try:
        with sidecar.open("rb") as file:
            # One byte more than is allowed tells that it is too many, however large the file says it is.
            content = file.read(MAX_SIDECAR_BYTES + 1)
    except OSError as error:
        reason = "unreadable_manifest"
        raise Rejected(reason, f"{sidecar.name} can't be read: {error}") from error
    if len(content) > MAX_SIDECAR_BYTES:
        reason = "manifest_too_large"
        raise Rejected(reason, f"{sidecar.name} has more than {MAX_SIDECAR_BYTES} bytes; shorten it")
    return parse_manifest(_parse(sidecar.name, content))


def _parse(name: str, content: bytes) -> object:
    """Parse JSON in UTF-8, UTF-16 or UTF-32, with a byte order mark or without."""
    reason = "unreadable_manifest"
    try:
        return json.loads(content)
    except RecursionError as error:
        raise Rejected(reason, f"{name} is nested too deeply; a manifest has three levels") from error
    except ValueError as error:
        raise Rejected(reason, f"{name} is no JSON: {error}") from error


def parse_manifest(document: object) -> Manifest:
    """Validate manifest data.

    Raises
    ------
    Rejected
        ``missing_field`` or ``invalid_field``, naming each field, or ``manifest_too_large``.
    """
    _check_number_of_annotations(document)
    try:
        manifest = Manifest.model_validate(document)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        problems = [f"{'.'.join(map(str, e['loc'])) or 'manifest'}: {e['msg']}" for e in found]
        missing = any(e["type"] == "missing" for e in found)
        raise Rejected("missing_field" if missing else "invalid_field", _listed(problems)) from error
    if problems := [*_problems(manifest)]:
        reason = "invalid_field"
        raise Rejected(reason, _listed(problems))
    return manifest


def _check_number_of_annotations(document: object) -> None:
    fields: dict[Any, Any] = document if isinstance(document, dict) else {}
    annotations = fields.get("annotations")
    count = len(annotations) if isinstance(annotations, list) else 0
    if count > MAX_ANNOTATIONS:
        reason = "manifest_too_large"
        raise Rejected(reason, f"saw {count} annotations; expected at most {MAX_ANNOTATIONS}: cut the clip")


def _problems(manifest: Manifest) -> list[str]:
    """Say what the types allow and nothing later could use."""
    first, last = _CAPTURED
    problems: list[str] = []
    if not first <= manifest.captured_at < last:
        problems.append(
            f"captured_at: saw {manifest.captured_at.isoformat()}; expected a year from {first.year} to "
            f"{last.year - 1}: set the recorder's clock"
        )
    if len(manifest.camera) > _MAX_CAMERA_CHARACTERS:
        problems.append(
            f"camera: saw {len(manifest.camera)} characters, expected at most {_MAX_CAMERA_CHARACTERS}"
        )
    problems.extend(
        f"annotations.{index}.box: expected finite numbers, saw {each.box}"
        for index, each in enumerate(manifest.annotations)
        if not all(map(math.isfinite, each.box))
    )
    return problems


def _listed(problems: list[str]) -> str:
    more = len(problems) - _NUM_PROBLEMS_SHOWN
    return "; ".join(problems[:_NUM_PROBLEMS_SHOWN]) + (f"; and {more} more" if more > 0 else "")
