"""Spotting in scenes of several faces, matched by track, and on real clips without annotations.

Belongs here: which track is which face, how well faces were tracked, what was found on whom. Stays out: finding
and following faces (``features.tracking.tracker``), measures (``ml.spotting_metrics.summary``).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from apexline.bench.spotting.extract import TrackRows
from apexline.bench.spotting.faces import AnnotatedFace, make_face, true_segments
from apexline.features.faces import box_iou_matrix
from apexline.ml.spotting_metrics import Fold, NestedRun, SpotterResult

Floats = NDArray[np.float64]
Rows = list[dict[str, Any]]

_MIN_OVERLAP = 0.5


@dataclass(frozen=True, eq=False)
class SceneTracking:
    """How the tracks of one scene fit its true faces.

    Attributes
    ----------
    owner : mapping of str to int
        Face of each track that follows one; that of most of its frames.
    face_frames, tracked : int
        True faces in frames, and how many of them a track covers at IoU >= .5.
    switches : int
        Times at which a track went over from one face to another.
    """

    owner: Mapping[str, int]
    face_frames: int
    tracked: int
    switches: int


def match_tracks(tracks: Sequence[TrackRows], boxes: pd.DataFrame) -> SceneTracking:
    """Match the tracks of a scene to its true faces, frame by frame and one to one.

    Parameters
    ----------
    tracks : sequence of TrackRows
    boxes : DataFrame, columns frame, face, x, y, w, h
        True faces of this scene, px.
    """
    by_frame: dict[int, list[tuple[str, Floats]]] = {}
    for track in tracks:
        for frame, box in zip(track.frames.tolist(), track.boxes, strict=True):
            by_frame.setdefault(frame, []).append((track.track_id, box))
    seen: dict[str, list[int]] = {track.track_id: [] for track in tracks}
    tracked = 0
    for frame, true in boxes.groupby("frame"):
        found = by_frame.get(int(frame), [])
        if not found:
            continue
        overlap = box_iou_matrix(
            np.array([box for _, box in found]), true[["x", "y", "w", "h"]].to_numpy(float)
        )
        for row, column in zip(*linear_sum_assignment(overlap, maximize=True), strict=True):
            if overlap[row, column] >= _MIN_OVERLAP:
                tracked += 1
                seen[found[row][0]].append(int(true["face"].iloc[column]))
    return SceneTracking(
        owner={track_id: Counter(faces).most_common(1)[0][0] for track_id, faces in seen.items() if faces},
        face_frames=len(boxes),
        tracked=tracked,
        switches=sum(int(np.count_nonzero(np.diff(faces))) for faces in seen.values()),
    )


def scene_faces(folder: Path, tracks: Mapping[str, Sequence[TrackRows]]) -> tuple[list[AnnotatedFace], Rows]:
    """Faces of all scenes with their tracks, and a row for each scene on how well they were tracked.

    A track that follows nobody makes a face of its own, whose every segment is false. A face without an annotated
    expression has no performer either; its subject is empty.
    """
    scenes = pd.read_csv(folder / "scenes.csv")
    boxes, segments = pd.read_csv(folder / "boxes.csv"), pd.read_csv(folder / "segments.csv")
    faces: list[AnnotatedFace] = []
    rows: Rows = []
    for scene in scenes.to_dict("records"):
        name = str(scene["clip"])
        times = np.arange(int(scene["frames"])) / float(scene["fps"])
        own, truth = boxes[boxes["clip"] == name], segments[segments["clip"] == name]
        matched = match_tracks(tracks[name], own)
        for face in sorted(own["face"].unique().tolist()):
            table = truth[truth["face"] == face]
            subject = str(table["performer"].iloc[0]) if len(table) else ""
            theirs = [track for track in tracks[name] if matched.owner.get(track.track_id) == face]
            faces.append(make_face(f"{name} {face}", subject, times, true_segments(table), theirs))
        strays = [track for track in tracks[name] if track.track_id not in matched.owner]
        faces += [make_face(f"{name} stray", "", times, [], [track]) for track in strays]
        rows.append(
            {
                "scene": name,
                "faces": int(own["face"].nunique()),
                "tracks": len(tracks[name]),
                "face-frames": matched.face_frames,
                "tracked": matched.tracked / matched.face_frames,
                "switches": matched.switches,
            }
        )
    return faces, rows


def scene_results(
    faces: Sequence[AnnotatedFace], run: NestedRun[AnnotatedFace], everyone: Fold[AnnotatedFace]
) -> list[SpotterResult]:
    """Result of each face of the scenes by a fold that has not seen its performer.

    Parameters
    ----------
    faces : sequence of AnnotatedFace
    run : NestedRun
        Of the spotter on the clips. A performer who is in none of its folds is judged by `everyone`; a face without
        a known performer by all folds, of which the one that finds most there counts: one has not seen it.
    everyone : Fold
        The spotter with all performers of the clips for training.
    """
    known = {name for fold in run.folds for name in fold.subjects}
    results: list[SpotterResult] = []
    for face in faces:
        folds = run.folds if not face.subject else [everyone]
        if face.subject in known:
            folds = [run.fold_of(face.subject)]
        answers = [fold.fitted.spot(face, fold.choice) for fold in folds]
        scores, found = max(answers, key=lambda answer: len(answer[1]))
        results.append(SpotterResult(face.subject or face.name, face.times_s, face.truth, found, scores))
    return results


def real_clip_rows(
    tracks: Mapping[str, Sequence[TrackRows]], spotters: Mapping[str, Fold[AnnotatedFace]]
) -> Rows:
    """Segments of each track of each real clip by some spotters that were fitted on other people."""
    rows: Rows = []
    for name, theirs in tracks.items():
        rows += [_track_row(name, number, track, spotters) for number, track in enumerate(theirs)]
        if not theirs:
            rows.append({"clip": name, "track": "none"})
    return rows


def _track_row(
    name: str, number: int, track: TrackRows, spotters: Mapping[str, Fold[AnnotatedFace]]
) -> dict[str, Any]:
    # times of frames do not matter here: nothing is held against a truth
    face = make_face(name, "", np.arange(track.frames[-1] + 1, dtype=np.float64), [], [track])
    row: dict[str, Any] = {
        "clip": name,
        "track": number,
        "frames": track.frames.size,
        "face px": round(float(np.median(track.boxes[:, 2:].max(axis=1)))),
        "seconds": round(sum(float(s.curves.times[-1] - s.curves.times[0]) for s in face.stretches), 1),
    }
    for label, fold in spotters.items():
        _, found = fold.fitted.spot(face, fold.choice)
        row |= {
            f"{label}: segments": len(found),
            f"{label}: frames": ", ".join(f"{s.onset}-{s.offset}" for s in found),
        }
    return row
