"""The line against that of another commit, clip by clip in turns on one core.

Belongs here: what a change has made faster or slower. Stays out: peers, curves, pages.
"""

from __future__ import annotations

from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from apexline.bench.page import Rows
from apexline.bench.speed.video.asked import Runner, line, rate
from apexline.bench.speed.video.clips import single_face_clips, tiled

_FACES = 16
_TURNS = 3


def bench_against(checkout: Path, data: Path) -> Rows:
    """Return how many times as fast the line is as that of another checkout, with one face and with many.

    Parameters
    ----------
    checkout : Path
        Of this repository at another commit, ``git worktree add PATH COMMIT``; this environment runs its code.
    data : Path
        Folder of the benchmark data.
    """
    clips = single_face_clips(data / "expression_clips")
    with TemporaryDirectory() as folder, line() as ours, line(checkout=checkout) as theirs:
        crowds = [tiled(clip, _FACES, Path(folder)) for clip in clips]
        return [
            {"task": f"{faces} faces, decode to {task}", "method": f"x {checkout.name}"}
            | _in_turns(ours, theirs, asked, task)
            for faces, asked in {1: clips, _FACES: crowds}.items()
            for task in ("segments", "answers")
        ]


def _in_turns(ours: Runner, theirs: Runner, clips: list[Path], task: str) -> dict[str, float]:
    for each in (ours, theirs):
        each.run(clips[0], task=task)
    pairs = [_fastest(ours, theirs, clip, task) for clip in clips]
    ratios = [own / other for own, other in pairs]
    return {
        "median": median(ratios),
        "least": min(ratios),
        "most": max(ratios),
        "frames/s": median(own for own, _ in pairs),
    }


def _fastest(ours: Runner, theirs: Runner, clip: Path, task: str) -> tuple[float, float]:
    """Frames a second of either in its fastest turn: what others do on the machine only ever slows one down."""
    turns = [(rate(ours.run(clip, task=task)), rate(theirs.run(clip, task=task))) for _ in range(_TURNS)]
    return max(own for own, _ in turns), max(other for _, other in turns)
