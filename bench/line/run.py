"""The whole line on annotated clips: what is found, and what it is called, each face by a forest of other people's.

Belongs here: leaving people out, finding, answering, the tables. Stays out: counting (``bench.line.measure``), the page
(``bench.line.page``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from apexline.bench.line.clips import read_clips
from apexline.bench.line.faces import LineFace, see_faces
from apexline.bench.line.learn import LEARNED, NUM_FOLDS, fit_forest, folds_of, overlap
from apexline.bench.line.measure import (
    Found,
    alarm_rows,
    loss_row,
    naming_row,
    naming_rows,
    spotting_row,
    tally,
)
from apexline.features.spotting import (
    Forest,
    Segment,
    SegmentConfig,
    TrackCurves,
    find_candidates,
    gather,
    spot,
)
from apexline.ml import ANSWERS
from apexline.ml.deepid import change_probabilities, load_pretrained

SOURCES = ("real", "morphed", "scenes")

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class LineResults:
    """Tables of the page by name, and how many people the forests learned on."""

    tables: Mapping[str, Rows]
    people: int


def measure(data: Path) -> LineResults:
    """See the annotated clips, leave people out, count.

    Parameters
    ----------
    data : Path
        Folder of the benchmark data.
    """
    faces = see_faces(read_clips(data))
    forests = leave_people_out(faces)
    learned = [
        tally(face, answer(face, SegmentConfig(), forest))
        for face, forest in zip(faces, forests, strict=True)
    ]
    by_hand = [tally(face, answer(face, SegmentConfig(rule="curves"), None)) for face in faces]
    tables: dict[str, Rows] = {"spotting": [], "naming": [], "losses": [], "confusion": []}
    for source in SOURCES:
        own = [k for k, face in enumerate(faces) if face.clip.source == source]
        chosen, seen = [learned[k] for k in own], [faces[k] for k in own]
        tables["spotting"].append(spotting_row(f"{source}, learned rule", chosen))
        tables["spotting"].append(spotting_row(f"{source}, hand-made curves", [by_hand[k] for k in own]))
        tables["naming"].append(naming_row(source, chosen))
        tables["losses"].append(loss_row(source, seen, chosen, sum(map(_reachable, seen))))
        tables["confusion"] += naming_rows(chosen, source)
        if source == "real":
            tables["alarms"] = alarm_rows(chosen)
    learned_on = [face.face.person for face in faces if face.clip.source in LEARNED]
    return LineResults(tables, len({person for people in learned_on for person in people.split()}))


def leave_people_out(faces: Sequence[LineFace]) -> list[Forest]:
    """Return for each face a forest that learned on other people alone."""
    folds = folds_of(faces)
    forests = [
        fit_forest([face for face, fold in zip(faces, folds, strict=True) if fold != left_out])
        for left_out in range(NUM_FOLDS)
    ]
    return [forests[fold] for fold in folds]


def answer(face: LineFace, config: SegmentConfig, forest: Forest | None) -> list[Found]:
    """Find the segments of a face, and say what each is, as the line does with the shipped model."""
    segments = [
        segment
        for curves in face.stretches
        for segment in spot(curves, track_id=face.face.name, config=config, forest=forest)
    ]
    if not segments:
        return []
    limits = load_pretrained().model.limits.config
    probabilities = change_probabilities(
        np.stack([_rose(face, each) for each in segments]), [np.asarray(each.words) for each in segments]
    )
    return [
        Found(
            each.onset,
            each.apex,
            each.offset,
            ANSWERS[int(row.argmax())],
            float(row.max()),
            bool(row.max() >= limits.min_change_confidence),
        )
        for each, row in zip(segments, probabilities, strict=True)
    ]


def _rose(face: LineFace, segment: Segment) -> np.ndarray:
    """By how much the model's logits are higher where the expression is held than at rest, shape (4,)."""
    held, rest = (
        np.mean([_logits(face, frame) for frame in frames], axis=0)
        for frames in (dict.fromkeys((segment.apex, *segment.held)), segment.rest)
    )
    return held - rest


def _logits(face: LineFace, frame: int) -> np.ndarray:
    nearest = min(face.logits, key=lambda known: abs(known - frame))
    return face.logits[nearest]


def _reachable(face: LineFace) -> int:
    """Changes that some candidate meets."""
    spans = [span for curves in face.stretches for span in _candidate_spans(curves)]
    return sum(
        any(overlap((true.onset, true.offset), span) >= 0.5 for span in spans) for true in face.face.truth
    )


def _candidate_spans(curves: TrackCurves) -> list[tuple[int, int]]:
    return [
        (int(curves.frames[each.onset]), int(curves.frames[each.offset]))
        for each in find_candidates(gather(curves))
    ]
