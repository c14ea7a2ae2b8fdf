"""Ingest from the command line: take files in, then process the camera-days they belong to."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from upath import UPath

from apexline.assets.ingest import IntakeResult, clips_in, parse_manifest, summarise, take_in
from apexline.assets.lake import Lake, Manifest, stored_camera_days
from apexline.orchestration.line import Line, open_line
from apexline.orchestration.settings import Settings

OnStep = Callable[[str, int, int], None]


def manifest_from_options(
    camera: str | None, captured_at: datetime | None, purpose: str | None, legal_basis: str | None
) -> Manifest | None:
    """Build a manifest for clips that have no sidecar; None where no option was given.

    Raises
    ------
    ValueError
        Where some options are given but not all of them, or one can't be accepted.
    """
    if captured_at is not None and captured_at.tzinfo is None:
        captured_at = captured_at.replace(tzinfo=UTC)
    given = {"camera": camera, "captured_at": captured_at, "purpose": purpose, "legal_basis": legal_basis}
    missing = [name for name, value in given.items() if value is None]
    if len(missing) == len(given):
        return None
    if missing:
        options = ", ".join("--" + name.replace("_", "-") for name in missing)
        msg = f"missing {options}: give all four options, or a sidecar clip.json beside each clip"
        raise ValueError(msg)
    return parse_manifest(given)


def ingest_paths(
    settings: Settings, paths: Iterable[Path], *, manifest: Manifest | None, on_step: OnStep
) -> dict[str, Any]:
    """Take in `paths` (the landing folder where there are none) and process what is new.

    Returns
    -------
    dict
        Counts, the list of what was quarantined with reasons, and what was computed.
    """
    with open_line(settings) as line:
        chosen = [UPath(path) for path in paths]
        move = not chosen
        clips = list(_expand(chosen or [line.lake.home / "landing"]))
        results = take_in_all(line.lake, clips, manifest=manifest, move=move, on_step=on_step)
        process(line, sorted({o.camera_day for o in results if o.camera_day}), on_step=on_step)
        return {
            **summarise(results),
            "segments": _count(line.lake, "expression_segments", results),
            "tracks": _count(line.lake, "face_tracks", results),
            "computed": line.work.total_computed,
        }


def _expand(paths: Iterable[UPath]) -> Iterator[UPath]:
    for path in paths:
        if path.is_dir():
            yield from clips_in(path)
        elif path.exists():
            yield path
        else:
            msg = f"{path} does not exist; give a clip or a folder of clips"
            raise FileNotFoundError(msg)


def take_in_all(
    lake: Lake, clips: list[UPath], *, manifest: Manifest | None = None, move: bool = False, on_step: OnStep
) -> list[IntakeResult]:
    """Take in clips one by one, saying which is on."""
    results: list[IntakeResult] = []
    for done, clip in enumerate(clips):
        on_step(f"taking in {clip.name}", done, len(clips))
        results.append(take_in(lake, clip, manifest=manifest, move=move))
    return results


def process(line: Line, camera_days: list[str], *, on_step: OnStep) -> None:
    """Bring every asset of some camera-days up to date."""
    for done, camera_day in enumerate(camera_days):
        on_step(f"processing {camera_day}", done, len(camera_days))
        line.run("process_camera_day", camera_day=camera_day)


def process_all(line: Line, *, on_step: OnStep) -> None:
    """Bring every camera-day up to date."""
    process(line, stored_camera_days(line.lake), on_step=on_step)


def _count(lake: Lake, table: str, results: list[IntakeResult]) -> int:
    clips = {result.clip_id for result in results if result.clip_id}
    days = sorted({result.camera_day for result in results if result.camera_day})
    key = "segment_id" if table == "expression_segments" else "track_id"
    rows = lake.read_all(table, camera_days=days, columns=["clip_id", key]).to_pylist()
    return len({row[key] for row in rows if row["clip_id"] in clips})
