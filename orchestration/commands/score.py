"""Score one clip by the champion, and on request say why: `apexline score`."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from apexline.assets.explain import explain_clip, unfound, write_explanation
from apexline.assets.lake import LakeClip, lost_frames, process_clip, scratch_folder
from apexline.assets.scoring import champion_scorer, score_clip
from apexline.orchestration.resources import build_resources
from apexline.orchestration.settings import Settings


def score_one(
    settings: Settings, clip: Path, *, plot: bool, plot_file: Path | None, on_step: Callable[[str], None]
) -> tuple[list[dict[str, Any]], list[str], Path | None]:
    """Score a clip; nothing is stored but the page that `plot` asks for.

    Parameters
    ----------
    plot : bool
        Also say and draw why.
    plot_file : Path, optional
        The page (.html) or picture (.png); by default a page in the home's folder ``plots``.

    Returns
    -------
    scores : list of dict
        As `assets.scoring.segment_scores.score_clip` gives them.
    notes : list of str
        Why there are faces that could not be searched, or none; what was lost where frames do not decode.
    page : Path or None
        What was written.
    """
    resources = build_resources(settings)
    parameters = resources["parameters"]
    scorer = champion_scorer(resources["lake"], resources["registry"], parameters)
    with _exit_on_sigterm(), process_clip(clip, features=parameters.features) as processed:
        scores, notes = _with_losses(processed, score_clip(processed, scorer))
        notes += unfound(processed, parameters)
        if not plot:
            return scores, notes, None
        on_step(f"explaining {clip.name}")
        why = explain_clip(processed, clip.name, parameters)
        if plot_file is not None:
            write_explanation(plot_file, why, scores)
            return scores, notes, plot_file
        # Named by content too: another clip of the same name keeps its page, and `erase` finds this one.
        page = settings.state_path / "plots" / f"{clip.stem}-{why.clip_id}.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        with scratch_folder(settings.scratch_path) as folder:
            write_explanation(folder / "unfinished.html", why, scores)
            (folder / "unfinished.html").replace(page)
    return scores, notes, page


def _with_losses(clip: LakeClip, scores: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[str]]:
    """Add to each answer how many frames were read and lost, where some are lost, and say so once."""
    lost = lost_frames(clip.lake, [clip.camera_day]).get((clip.camera_day, clip.clip_id))
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
