"""The whole line on annotated clips: what is found, and what it is called, each face by a forest of other people's.

Belongs here: leaving people out, finding, answering, the tables. Stays out: counting (``bench.line.measure``), the page
(``bench.line.page``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from apexline.bench.line.clips import overlap, read_clips
from apexline.bench.line.faces import LineFace, see_faces, see_versions
from apexline.bench.line.learn import LEARNED, NUM_FOLDS, fit_forest, folds_of
from apexline.bench.line.measure import (
    Found,
    Tally,
    alarm_rows,
    loss_of_f1,
    loss_row,
    naming_row,
    naming_rows,
    spotting_row,
    tally,
    version_row,
)
from apexline.bench.line.versions import versioned
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
# Beginnings of the names of the columns of each kind of evidence (`features.spotting.description_names`).
EVIDENCE = {
    "words": ("change", "calm_loss", "departure", "unrest", "track_unrest"),
    "texture": ("texture",),
    "texture and flow": ("texture", "motion", "module", "speech", "track_speech"),
}

Rows = list[dict[str, Any]]
Seen = tuple[LineFace, Sequence[Found]]


@dataclass(frozen=True)
class LineResults:
    """Tables of the page by name, and how many people the forests learned on."""

    tables: Mapping[str, Rows]
    people: int


def measure(data: Path) -> LineResults:
    """See the annotated clips and versions of them, leave people out, count.

    Parameters
    ----------
    data : Path
        Folder of the benchmark data.
    """
    clips = read_clips(data)
    chosen = versioned(clips)
    faces, versions = see_faces(clips), see_versions(chosen)
    everything = [*faces, *(face for seen in versions.values() for face in seen)]
    found = [
        answer(face, SegmentConfig(), forest)
        for face, forest in zip(everything, leave_people_out(everything), strict=True)
    ]
    learned = [tally(face, own) for face, own in zip(faces, found, strict=False)]
    rest = iter(zip(everything[len(faces) :], found[len(faces) :], strict=True))
    again = {name: list(islice(rest, len(seen))) for name, seen in versions.items()}
    paths = {clip.path for clip in chosen}
    originals = [(face, own) for face, own in zip(faces, found, strict=False) if face.clip.path in paths]
    people = {person for face in faces if face.clip.source in LEARNED for person in face.face.person.split()}
    return LineResults(
        {
            **_found_tables(faces, learned),
            "versions": _version_rows(originals, again),
            "evidence": _evidence_rows(everything, faces, learned),
        },
        len(people),
    )


def _found_tables(faces: Sequence[LineFace], learned: Sequence[Tally]) -> dict[str, Rows]:
    """Tables of the learned rule by source, the hand-made curves beside it."""
    by_hand = [tally(face, answer(face, SegmentConfig(rule="curves"), None)) for face in faces]
    tables: dict[str, Rows] = {"spotting": [], "naming": [], "losses": [], "confusion": []}
    for source in SOURCES:
        own = _of_source(faces, source)
        tallies, seen = [learned[k] for k in own], [faces[k] for k in own]
        tables["spotting"].append(spotting_row(f"{source}, learned rule", tallies))
        tables["spotting"].append(spotting_row(f"{source}, hand-made curves", [by_hand[k] for k in own]))
        tables["naming"].append(naming_row(source, tallies))
        tables["losses"].append(loss_row(source, seen, tallies, sum(map(_reachable, seen))))
        tables["confusion"] += naming_rows(tallies, source)
        if source == "real":
            tables["alarms"] = alarm_rows(tallies)
    return tables


def _of_source(faces: Sequence[LineFace], source: str) -> list[int]:
    return [k for k, face in enumerate(faces) if face.clip.source == source]


def leave_people_out(faces: Sequence[LineFace], *, blind_to: Sequence[str] = ()) -> list[Forest]:
    """Return for each face a forest that learned on other people alone."""
    folds = folds_of(faces)
    forests = [
        fit_forest(
            [face for face, fold in zip(faces, folds, strict=True) if fold != left_out], blind_to=blind_to
        )
        for left_out in range(NUM_FOLDS)
    ]
    return [forests[fold] for fold in folds]


def _version_rows(originals: Sequence[Seen], versions: Mapping[str, Sequence[Seen]]) -> Rows:
    """How far what is found in versions agrees with what is found in the originals, which come in the same order."""
    rows: Rows = []
    for source in SOURCES:
        own = _of_source([face for face, _ in originals], source)
        if own:
            again = {
                name: [(round(originals[k][0].clip.fps / seen[k][0].clip.fps), seen[k][1]) for k in own]
                for name, seen in versions.items()
            }
            rows.append(version_row(source, [originals[k][1] for k in own], again))
    return rows


def _evidence_rows(learned_on: Sequence[LineFace], faces: Sequence[LineFace], whole: Sequence[Tally]) -> Rows:
    """What F1 loses where the forest is blind to a kind of evidence; candidates are those of all curves."""
    rows: Rows = []
    for name, blind_to in EVIDENCE.items():
        forests = leave_people_out(learned_on, blind_to=blind_to)[: len(faces)]
        part = [
            tally(face, answer(face, SegmentConfig(), forest))
            for face, forest in zip(faces, forests, strict=True)
        ]
        row: dict[str, Any] = {"without": name}
        for source in SOURCES:
            own = _of_source(faces, source)
            row[f"{source}, F1 lost (95 %)"] = loss_of_f1([whole[k] for k in own], [part[k] for k in own])
        rows.append(row)
    return rows


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
    held, rest = zip(*(_shown(face, each) for each in segments), strict=True)
    words = [np.asarray(each.words) for each in segments]
    probabilities = change_probabilities(np.stack(held), np.stack(rest), words)
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


def _shown(face: LineFace, segment: Segment) -> list[np.ndarray]:
    """The model's mean logits while the expression is held and at rest, shape (4,) each."""
    return [
        np.mean([_logits(face, frame) for frame in frames], axis=0)
        for frames in (dict.fromkeys((segment.apex, *segment.held)), segment.rest)
    ]


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
