"""Annotated clips of the benchmark data: what each face truly showed, and what distracts beside it.

Belongs here: reading the tables of ``expression_clips``, ``scenes`` and ``real_truth``. Stays out: pixels
(``bench.line.faces``) and measures (``bench.line.measure``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

# A face of a clip whose faces nobody told apart.
ANY_FACE = "*"
# Spans of these types could not be decided, or show no face: nothing in them counts.
UNDECIDED = frozenset({"ignore", "noface"})


@dataclass(frozen=True)
class Truth:
    """An annotated change of expression, frames 0-based, ends inclusive."""

    onset: int
    apex: int
    offset: int
    emotion: str
    cut_start: bool = False
    cut_end: bool = False


@dataclass(frozen=True)
class Distractor:
    """A span in which something else moves: talk, headturn, light, ...; or one of `UNDECIDED`."""

    kind: str
    first: int
    last: int


@dataclass(frozen=True)
class AnnotatedFace:
    """A face of a clip: who, what it showed, and where it was (frame, x, y, w, h in px), where that is told."""

    name: str
    person: str
    truth: Sequence[Truth] = ()
    distractors: Sequence[Distractor] = ()
    boxes: Sequence[tuple[float, ...]] = field(default=(), repr=False)


@dataclass(frozen=True)
class AnnotatedClip:
    """A clip with its faces; `source` is ``real``, ``morphed`` or ``scenes``."""

    source: str
    path: Path
    fps: float
    num_frames: int
    faces: Sequence[AnnotatedFace]


def read_clips(data: Path) -> list[AnnotatedClip]:
    """Read all annotated clips of the benchmark data.

    Raises
    ------
    FileNotFoundError
        If a table is not there.
    """
    return [
        *_read_real(data / "real_truth"),
        *_read_made(data / "expression_clips"),
        *_read_scenes(data / "scenes"),
    ]


def overlap(one: tuple[int, int], other: tuple[int, int]) -> float:
    """Intersection over union of two spans of frames, ends inclusive."""
    shared = min(one[1], other[1]) - max(one[0], other[0]) + 1
    return max(0, shared) / (max(one[1], other[1]) - min(one[0], other[0]) + 1)


def _read_real(folder: Path) -> list[AnnotatedClip]:
    clips, segments, spans, boxes = _tables(folder, "clips", "segments", "distractors", "faces")
    found: list[AnnotatedClip] = []
    for clip in clips.to_dict("records"):
        own, beside, places = (rows[rows["clip"] == clip["clip"]] for rows in (segments, spans, boxes))
        names = sorted({*own["face"], *beside["face"]}) or [ANY_FACE]
        faces = [
            AnnotatedFace(
                name,
                str(clip["people"]),
                [_real_truth(row) for row in own[own["face"] == name].to_dict("records")],
                [
                    Distractor(row["type"], int(row["from"]), int(row["to"]))
                    for row in beside[beside["face"].isin([name, ANY_FACE])].to_dict("records")
                ],
                _boxes(places[places["face"] == name]),
            )
            for name in names
        ]
        path = folder / f"{clip['clip']}.mp4"
        found.append(AnnotatedClip("real", path, float(clip["fps"]), int(clip["frames"]), faces))
    return found


def _real_truth(row: dict[str, str]) -> Truth:
    cut = row["truncated"]
    places = (int(row[name]) for name in ("onset", "apex", "offset"))
    return Truth(*places, row["emotion"], cut_start=cut == "start", cut_end=cut in {"end", "cut"})


def _read_made(folder: Path) -> list[AnnotatedClip]:
    clips, segments = _tables(folder, "clips", "segments")
    return [
        AnnotatedClip(
            "morphed",
            folder / clip["clip"],
            float(clip["fps"]),
            int(clip["frames"]),
            [
                AnnotatedFace(
                    ANY_FACE, clip["performer"], _made_truth(segments[segments["clip"] == clip["clip"]])
                )
            ],
        )
        for clip in clips.to_dict("records")
    ]


def _read_scenes(folder: Path) -> list[AnnotatedClip]:
    clips, segments, boxes = _tables(folder, "scenes", "segments", "boxes")
    found: list[AnnotatedClip] = []
    for clip in clips.to_dict("records"):
        own, places = (rows[rows["clip"] == clip["clip"]] for rows in (segments, boxes))
        performers = dict(zip(own["face"], own["performer"], strict=True))
        faces = [
            AnnotatedFace(
                name,
                performers.get(name, f"{clip['clip']}-{name}"),
                _made_truth(own[own["face"] == name]),
                (),
                _boxes(places[places["face"] == name]),
            )
            for name in sorted(set(places["face"]))
        ]
        path = folder / clip["clip"]
        found.append(AnnotatedClip("scenes", path, float(clip["fps"]), int(clip["frames"]), faces))
    return found


def _made_truth(rows: pd.DataFrame) -> list[Truth]:
    return [
        Truth(int(row["onset"]), int(row["apex"]), int(row["offset"]), row["emotion"])
        for row in rows.to_dict("records")
    ]


def _boxes(rows: pd.DataFrame) -> list[tuple[float, ...]]:
    return [tuple(map(float, row)) for row in rows[["frame", "x", "y", "w", "h"]].to_numpy()]


def _tables(folder: Path, *names: str) -> list[pd.DataFrame]:
    return [pd.read_csv(folder / f"{name}.csv", dtype=str, keep_default_na=False) for name in names]
