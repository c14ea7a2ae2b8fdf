"""The demonstration: the whole line on the embedded sample, or on a folder of clips."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

from upath import UPath

from apexline.assets.ingest import (
    IntakeResult,
    clips_in,
    read_manifest,
    sidecar_of_landed,
    summarise,
    take_in,
)
from apexline.assets.lake import Lake, Manifest, stored_camera_days
from apexline.governance import OWN_RECORDINGS, acting, enter_synthetic, permit
from apexline.orchestration.commands.ingest import process, process_all, take_in_all
from apexline.orchestration.commands.summary import clip_table, line_summary
from apexline.orchestration.line import Line, open_line
from apexline.orchestration.occupancy import working
from apexline.orchestration.settings import CONFIGS, Settings
from apexline.sample import make_sample

OnStep = Callable[[str, int, int], None]
APPROVER = "demo"
_COMPLETE = ".complete"  # the sample was drawn to its end


def run_demo(settings: Settings, *, clips: Path | None, on_step: OnStep) -> dict[str, Any]:
    """Run the whole line; a second call finds everything done.

    Parameters
    ----------
    clips : Path, optional
        Folder of clips to run with the champion, in place of the sample.

    Returns
    -------
    dict
        Sections of the summary by title.

    Raises
    ------
    NotADirectoryError
        Where `clips` is no folder; before any work.
    governance.Refused
        Where no entry of the purpose register allows them.
    """
    started = monotonic()
    if clips is not None and not clips.is_dir():
        msg = f"{clips} is no folder; expected one with clips"
        raise NotADirectoryError(msg)
    _keep_demo_parameters(settings)
    with open_line(settings) as line:
        if clips is None:
            _run_sample(line, on_step)
        results = _run_clips(line, clips, on_step) if clips is not None else []
        on_step("warehouse and report", 0, 0)
        line.run("publish")
        summary = line_summary(line, seconds=monotonic() - started)
        if clips is not None:
            summary = {"clips": clip_table(line.lake, results), **summary}
    return summary


def _keep_demo_parameters(settings: Settings) -> None:
    """Give the home the demo's parameters, so that UI and schedules go on with what the demo began."""
    target = settings.state_path / "parameters.yaml"
    if not target.exists() and not settings.config:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(CONFIGS / "demo.yaml", target)


def _run_sample(line: Line, on_step: OnStep) -> None:
    folder = line.settings.state_path / "sample"
    if not (folder / _COMPLETE).exists():
        on_step("drawing the synthetic sample", 0, 0)
        make_sample(folder)
        (folder / _COMPLETE).touch()
    clips = list(clips_in(UPath(folder)))
    _register_sample(line.lake, clips)
    with working(line.settings):
        take_in_all(line.lake, clips, on_step=on_step)
    process_all(line, on_step=on_step)
    on_step("ratings, space, and three model versions", 0, 0)
    line.run("retrain")
    line.run("promote", config={"ops": {"champion": {"config": {"approved_by": APPROVER}}}})
    days = stored_camera_days(line.lake)
    for done, camera_day in enumerate(days):
        on_step(f"scoring {camera_day}", done, len(days))
        line.run("rescore", camera_day=camera_day)


def _register_sample(lake: Lake, clips: list[UPath]) -> None:
    """Enter the cameras of the sample: drawn faces have nobody who would have to be told."""
    now = datetime.now(UTC)
    for clip in clips:
        manifest = read_manifest(clip, sidecar_of_landed(clip))
        stated = {"purpose": manifest.purpose, "legal_basis": manifest.legal_basis}
        enter_synthetic(lake.home, manifest.camera, **stated, by=APPROVER, now=now)


def _run_clips(line: Line, folder: Path, on_step: OnStep) -> list[IntakeResult]:
    home = line.lake.home
    who = acting(home, "ingest")
    entry = permit(home, OWN_RECORDINGS, door="ingest", now=datetime.now(UTC))
    results: list[IntakeResult] = []
    for done, clip in enumerate(found := list(clips_in(UPath(folder)))):
        on_step(f"taking in {clip.name}", done, len(found))
        manifest = Manifest(
            camera=OWN_RECORDINGS,
            captured_at=datetime.fromtimestamp(clip.lstat().st_mtime, UTC),
            purpose=entry.purposes[0],
            legal_basis=entry.legal_basis,
        )
        with working(line.settings):
            results.append(take_in(line.lake, clip, manifest=manifest, by=who))
    process(line, summarise(results)["camera_days"], on_step=on_step)
    return results
