"""Ingest from the command line: take files in, then process the camera-days they belong to."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from upath import UPath

from apexline.assets.ingest import (
    IntakeResult,
    clips_in,
    parse_manifest,
    passed_over,
    printable,
    summarise,
    take_in,
)
from apexline.assets.lake import Lake, Manifest, stored_camera_days, unprocessed_clips
from apexline.governance import acting, check_person
from apexline.orchestration.line import Line, open_line
from apexline.orchestration.occupancy import working
from apexline.orchestration.settings import Settings

OnStep = Callable[[str, int, int], None]


def manifest_of(given: Mapping[str, Any]) -> Manifest:
    """Build the manifest of clips that have no sidecar; a moment without an offset is UTC.

    Raises
    ------
    ValueError
        Where a field can't be accepted.
    """
    captured_at: datetime = given["captured_at"]
    if captured_at.tzinfo is None:
        captured_at = captured_at.replace(tzinfo=UTC)
    return parse_manifest({**given, "captured_at": captured_at})


def ingest_paths(
    settings: Settings,
    paths: Iterable[Path],
    *,
    manifest: Manifest | None,
    despite_erasure: str | None = None,
    on_step: OnStep,
) -> dict[str, Any]:
    """Take in `paths` (the landing folder where there are none), and process what is stored and not processed.

    Parameters
    ----------
    despite_erasure : str, optional
        Name of the person who takes clips in again that were erased; by default those are refused.

    Returns
    -------
    dict
        Counts, the lists of what was quarantined and postponed with reasons, what was passed over for its name, and
        what was computed.

    Raises
    ------
    FileNotFoundError
        Where one of `paths` does not exist; before anything is taken in.
    ValueError
        Where `despite_erasure` is no name.
    ExceptionGroup
        Where camera-days failed, after all the others were processed.
    """
    person = "" if despite_erasure is None else check_person(despite_erasure)
    who = acting(settings.home_path, "ingest")
    with open_line(settings) as line:
        chosen = [_named(path) for path in paths]
        move = not chosen
        sources = chosen or [line.lake.home / "landing"]
        clips = list(_expand(sources))
        foreign = [each.name for folder in sources if folder.is_dir() for each in passed_over(folder)]
        with working(settings):
            results = take_in_all(
                line.lake,
                clips,
                manifest=manifest,
                move=move,
                despite_erasure=person,
                by=who,
                on_step=on_step,
            )
        days = {each.camera_day for each in results if each.camera_day} | set(unprocessed_clips(line.lake))
        process(line, sorted(days), on_step=on_step)
        return {
            **summarise(results),
            "passed over": [printable(name) for name in foreign],
            "segments": _count(line.lake, "expression_segments", results),
            "tracks": _count(line.lake, "face_tracks", results),
            "computed": line.work.total_computed,
        }


def _named(path: Path) -> UPath:
    if not path.exists():
        msg = f"{path} does not exist; give a clip or a folder of clips"
        raise FileNotFoundError(msg)
    # A person who names a link means what it leads to; links inside a folder are not followed.
    return UPath(path.resolve())


def _expand(paths: Iterable[UPath]) -> Iterator[UPath]:
    for path in paths:
        if path.is_dir():
            yield from clips_in(path)
        else:
            yield path


def take_in_all(
    lake: Lake,
    clips: list[UPath],
    *,
    manifest: Manifest | None = None,
    move: bool = False,
    despite_erasure: str = "",
    by: str = "apexline",
    on_step: OnStep,
) -> list[IntakeResult]:
    """Take in clips one by one, saying which is on."""
    results: list[IntakeResult] = []
    for done, clip in enumerate(clips):
        on_step(f"taking in {clip.name}", done, len(clips))
        results.append(
            take_in(lake, clip, manifest=manifest, move=move, despite_erasure=despite_erasure, by=by)
        )
    return results


def process(line: Line, camera_days: list[str], *, on_step: OnStep) -> None:
    """Bring every asset of some camera-days up to date.

    Raises
    ------
    ExceptionGroup
        What failed, named by camera-day, after all the others were processed.
    """
    failures: list[Exception] = []
    for done, camera_day in enumerate(camera_days):
        on_step(f"processing {camera_day}", done, len(camera_days))
        try:
            line.run("process_camera_day", camera_day=camera_day)
        except Exception as error:  # the next camera-day must not wait for this one
            error.add_note(f"camera-day {camera_day}")
            failures.append(error)
    if failures:
        reasons = "; ".join(f"{each.__notes__[-1]}: {each}" for each in failures)
        msg = f"{len(failures)} of {len(camera_days)} camera-days failed, the others are processed: {reasons}"
        raise ExceptionGroup(msg, failures)


def process_all(line: Line, *, on_step: OnStep) -> None:
    """Bring every camera-day up to date."""
    process(line, stored_camera_days(line.lake), on_step=on_step)


def _count(lake: Lake, table: str, results: list[IntakeResult]) -> int:
    clips = {result.clip_id for result in results if result.clip_id}
    days = sorted({result.camera_day for result in results if result.camera_day})
    key = "segment_id" if table == "expression_segments" else "track_id"
    rows = lake.read_all(table, camera_days=days, columns=["clip_id", key]).to_pylist()
    return len({row[key] for row in rows if row["clip_id"] in clips})
