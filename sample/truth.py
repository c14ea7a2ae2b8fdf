"""The truth of planned clips as tables: expressions, and what moves and is none, so that false alarms have a kind.

Belongs here: ``clips.csv``, ``segments.csv`` and ``distractors.csv``, one row each for a clip, an expression and a
distractor. Stays out: the manifests that intake reads (``clips``): they know expressions only.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from apexline.sample.life import EventKind
from apexline.sample.schedule import BLINK_FRAMES
from apexline.sample.stage import ClipPlan

_MICRO_S = 0.5
_KINDS: dict[EventKind, str] = {
    "talk": "talk",
    "gaze": "gaze",
    "turn": "headturn",
    "nod": "headturn",
    "lamp": "light",
    "shadow": "light",
}
_Row = dict[str, Any]


def write_truth(folder: str | Path, plans: Sequence[ClipPlan]) -> None:
    """Write the tables of some clips; tables that are there are replaced.

    Frames are 0-based, the last ones inclusive. ``truncated`` is ``start`` where a clip starts inside an expression:
    its onset is then the first frame of the clip.

    Parameters
    ----------
    folder : str or Path
        Made if missing.
    plans : sequence of ClipPlan
    """
    Path(folder).mkdir(parents=True, exist_ok=True)
    _write(
        Path(folder) / "clips.csv",
        "clip performer fps frames face_width_px segments",
        (_clip(plan) for plan in plans),
    )
    _write(
        Path(folder) / "segments.csv",
        "clip performer emotion kind onset apex apex_end offset intensity truncated",
        (row for plan in plans for row in _segments(plan)),
    )
    _write(
        Path(folder) / "distractors.csv",
        "clip performer type from to",
        (row for plan in plans for row in _distractors(plan)),
    )


def _clip(plan: ClipPlan) -> _Row:
    widths = [actor.box(0.0)[2] for actor in plan.actors]
    return {
        "clip": f"{plan.name}.mp4",
        "performer": "+".join(actor.subject for actor in plan.actors),
        "fps": plan.fps,
        "frames": plan.num_frames,
        "face_width_px": round(sum(widths) / len(widths)),
        "segments": len(list(_segments(plan))),
    }


def _segments(plan: ClipPlan) -> Iterator[_Row]:
    for actor in plan.actors:
        for episode in actor.episodes:
            if episode.emotion == "calm":
                continue
            onset, apex, offset = episode.seen
            length_s = (offset - onset + 1) / plan.fps
            yield {
                "clip": f"{plan.name}.mp4",
                "performer": actor.subject,
                "emotion": episode.emotion,
                "kind": "micro" if length_s <= _MICRO_S else "macro",
                "onset": onset,
                "apex": apex,
                "apex_end": max(0, episode.apex + episode.hold),
                "offset": offset,
                "intensity": round(episode.peak, 3),
                "truncated": "start" if episode.onset < 0 else "",
            }


def _distractors(plan: ClipPlan) -> Iterator[_Row]:
    for actor in plan.actors:
        spans = [("blink", at, min(at + BLINK_FRAMES, plan.num_frames) - 1) for at in actor.blinks]
        events = (*actor.events, *plan.lights)
        spans += [(_KINDS[event.kind], event.first, event.last) for event in events]
        for kind, first, last in sorted(spans, key=lambda span: span[1]):
            yield {
                "clip": f"{plan.name}.mp4",
                "performer": actor.subject,
                "type": kind,
                "from": first,
                "to": last,
            }


def _write(path: Path, columns: str, rows: Iterator[_Row]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns.split(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
