"""Score one clip by the champion, and on request say why: `apexline score`."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from upath import UPath

from apexline.assets import explain, lake, scoring
from apexline.assets.ingest import read_manifest, sidecar_of_landed
from apexline.governance import OWN_RECORDINGS, Refused, acting, permit, record
from apexline.orchestration.occupancy import stoppable
from apexline.orchestration.settings import Settings


def score_one(
    settings: Settings,
    clip: Path,
    *,
    camera: str = "",
    plot: bool,
    plot_file: Path | None,
    on_step: Callable[[str], None],
) -> tuple[list[dict[str, Any]], list[str], Path | None]:
    """Score a clip; nothing is stored but the page that `plot` asks for.

    Parameters
    ----------
    camera : str
        Entry of the purpose register that allows it; by default that of the sidecar beside the clip, and without one
        that of recordings of one's own.
    plot : bool
        Also say and draw why.
    plot_file : Path, optional
        The page (.html) or picture (.png); by default a page in the home's folder ``plots``.

    Returns
    -------
    scores : list of dict
        As `assets.scoring.scorer.score_clip` gives them.
    notes : list of str
        Why there are faces that could not be searched, or none; what was lost where frames do not decode.
    page : Path or None
        What was written.

    Raises
    ------
    governance.Refused
        Where the purpose register does not allow it; before any work.
    """
    who = acting(settings.home_path, "score")
    try:
        used = _permitted_camera(settings, clip, camera)
    except Refused as error:
        record(settings.home_path, "refuse", who=who, why=error.reason, now=datetime.now(UTC), door="score")
        raise
    from apexline.orchestration.resources import build_resources  # who is refused waits for no heavy package

    resources = build_resources(settings)
    parameters = resources["parameters"]
    scorer = scoring.champion_scorer(resources["lake"], resources["registry"], parameters)
    home = settings.home_path
    record(
        home, "score", who=who, now=datetime.now(UTC), camera=used, model_version=scorer.number, stored=False
    )
    with (
        _exit_on_sigterm(),
        stoppable(home),
        lake.process_clip(clip, features=parameters.features) as processed,
    ):
        scores, notes = _with_losses(processed, scoring.score_clip(processed, scorer))
        notes += explain.unfound(processed, parameters)
        if not plot:
            return scores, notes, None
        on_step(f"explaining {clip.name}")
        why = explain.explain_clip(processed, clip.name, parameters)
        if plot_file is not None:
            explain.write_explanation(plot_file, why, scores)
            return scores, notes, plot_file
        # Named by content too: another clip of the same name keeps its page, and `erase` finds this one.
        page = settings.state_path / "plots" / f"{clip.stem}-{why.clip_id}.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        with lake.scratch_file(settings.scratch_path, suffix=".html") as aside:
            explain.write_explanation(aside, why, scores)
            aside.replace(page)
    return scores, notes, page


def _permitted_camera(settings: Settings, clip: Path, camera: str) -> str:
    """Return the camera by whose entry a clip may be scored; raises ``governance.Refused`` where none allows it."""
    if not camera and settings.home_path / "clips" in UPath(clip.absolute()).parents:
        camera = clip.absolute().parent.name.partition("_")[
            2
        ]  # taken in: what lies beside it is a record, no sidecar
    sidecar = sidecar_of_landed(UPath(clip))
    stated = None if camera or sidecar is None else read_manifest(UPath(clip), sidecar)
    used = camera or (OWN_RECORDINGS if stated is None else stated.camera)
    says = {} if stated is None else {"purpose": stated.purpose, "legal_basis": stated.legal_basis}
    permit(settings.home_path, used, door="score", now=datetime.now(UTC), **says)
    return used


def _with_losses(clip: lake.LakeClip, scores: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[str]]:
    """Add to each answer how many frames were read and lost, where some are lost, and say so once."""
    lost = lake.lost_frames(clip.lake, [clip.camera_day]).get((clip.camera_day, clip.clip_id))
    if lost is None:
        return scores, []
    return [{**each, "frames_read": lost.num_read, "frames_lost": lost.num_lost} for each in scores], [
        str(lost)
    ]


@contextmanager
def _exit_on_sigterm() -> Iterator[None]:
    """Let a SIGTERM end the block as an exception does: the temporary folder with the face crops must go too."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
