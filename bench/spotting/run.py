"""Spotting on annotated clips: every method on the same faces, judged by performers that it has not seen.

Belongs here: the order of work and the tables. Stays out: extraction (``bench.spotting.extract``), methods
(``bench.spotting.methods``, ``bench.spotting.learners``), the protocol (``ml.spotting_metrics.nested``), measures
(``ml.spotting_metrics.summary``) and the page (``bench.spotting.page``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from apexline.bench.spotting.claims import BootstrappedSummary, acceptance, claims
from apexline.bench.spotting.extract import MODC_KINDS, PEER_KINDS, TrackRows, extract
from apexline.bench.spotting.faces import AnnotatedFace, make_face, true_segments
from apexline.bench.spotting.learners import CalibratedRule, fused_learned, temporal_logistic, temporal_trees
from apexline.bench.spotting.methods import (
    AsConfigured,
    Baseline,
    FlowRule,
    FusedRule,
    PaperRule,
    TextureRule,
)
from apexline.bench.spotting.scenes import real_clip_rows, scene_faces, scene_results
from apexline.ml import percentile_interval
from apexline.ml.evaluation import PAPER_AUC
from apexline.ml.spotting_metrics import (
    Fold,
    NestedCrossValidation,
    NestedRun,
    Spotter,
    SpotterResult,
    SpottingSummary,
    TrueSegment,
    best_by_fold,
)

Rows = list[dict[str, Any]]
Tables = dict[str, Rows]

BEST_LEARNED = "best_learned"
_NUM_SHUFFLES = 3
_VIDEOS = (".mp4", ".mov")


@dataclass(frozen=True, eq=False)
class SpottingResults:
    """Everything that the page shows.

    Attributes
    ----------
    clips, performers, frames, expressions, quiet : int
        Size of the set; clips without an expression.
    judged : mapping of str to BootstrappedSummary
        Each method's summary and bootstrap, in the order of the tables.
    best_learned : sequence of str
        Method that was the best learned one in each fold, then with all performers for training.
    tables : dict of str to rows
    """

    clips: int
    performers: int
    frames: int
    expressions: int
    quiet: int
    judged: Mapping[str, BootstrappedSummary]
    best_learned: Sequence[str]
    tables: Tables


def methods() -> list[Spotter[AnnotatedFace]]:
    """All methods, in the order of the tables."""
    kinds = (*MODC_KINDS, *PEER_KINDS)
    fused: list[Spotter[AnnotatedFace]] = []
    for kind in kinds:
        fused += [
            FusedRule(kind, "fallback"),
            FusedRule(kind, "or"),
            FusedRule(kind, "mean"),
            fused_learned(kind),
        ]
    return [
        *(TextureRule(kind) for kind in kinds),
        FlowRule(),
        *fused,
        *(PaperRule(kind) for kind in ("sl", "sr")),
        Baseline("LBP-chi2 (Moilanen 2014)", "moilanen"),
        Baseline("MDMD (Wang 2017)", "mdmd"),
        AsConfigured(),
    ]


def candidates() -> list[Spotter[AnnotatedFace]]:
    """Methods among which `BEST_LEARNED` is chosen; their scores are probabilities."""
    return [
        CalibratedRule(FlowRule()),
        fused_learned("sl"),
        fused_learned("sr"),
        temporal_logistic(),
        temporal_trees(),
    ]


def measure(data: Path) -> SpottingResults:
    """Extract, judge every method, and run the best learned one on what else is there.

    Parameters
    ----------
    data : Path
        A folder with ``clips.csv`` and ``segments.csv``, or one that holds such a folder ``expression_clips``, and
        ``scenes`` and ``real_clips`` if there are any.

    Raises
    ------
    FileNotFoundError
        If there are no annotated clips.
    """
    folder = clips_folder(data)
    faces = read_faces(folder)
    validation = NestedCrossValidation(faces)
    runs = {spotter.name: validation.run(spotter) for spotter in methods()}
    contest = {spotter.name: spotter for spotter in candidates()}
    runs |= {name: runs.get(name) or validation.run(spotter) for name, spotter in contest.items()}
    best_learned = best_by_fold([runs[name] for name in contest], name=BEST_LEARNED)
    runs[BEST_LEARNED] = best_learned
    everyone = max(
        (validation.fit_fold(spotter) for spotter in contest.values()), key=lambda fold: fold.utility
    )
    judged = {name: BootstrappedSummary.of(run.results) for name, run in runs.items()}
    tables: Tables = {
        "detection": [_detection(name, each) for name, each in judged.items()],
        "segments": [_segments(name, each) for name, each in judged.items()],
        "timing": [_timing(name, each) for name, each in judged.items()],
        "claims": claims(judged),
        "control": negative_controls(faces),
        "chosen": chosen_thresholds([*runs[FlowRule.name].folds, validation.fit_fold(FlowRule())]),
    }
    scenes = None
    if folder != data:
        scenes = _add_scenes(tables, data / "scenes", best_learned, everyone)
        _add_real_clips(tables, data / "real_clips", everyone)
    tables["asked"] = acceptance(judged[BEST_LEARNED].measures, scenes, tables)
    return SpottingResults(
        clips=len(faces),
        performers=len({face.subject for face in faces}),
        frames=sum(face.times_s.size for face in faces),
        expressions=sum(len(face.truth) for face in faces),
        quiet=sum(not face.truth for face in faces),
        judged=judged,
        best_learned=[*(fold.name for fold in best_learned.folds), everyone.name],
        tables=tables,
    )


def clips_folder(data: Path) -> Path:
    """Folder of the annotated clips: `data` itself, or expression_clips in it."""
    for folder in (data, data / "expression_clips"):
        if (folder / "clips.csv").exists():
            return folder
    msg = (
        f"{data} holds neither clips.csv nor expression_clips/clips.csv; "
        "give the folder of the benchmark data, or that of its annotated clips, by --data"
    )
    raise FileNotFoundError(msg)


def read_faces(folder: Path) -> list[AnnotatedFace]:
    """One face for each annotated clip: clips.csv names performer and frame rate, segments.csv the expressions."""
    clips, segments = pd.read_csv(folder / "clips.csv"), pd.read_csv(folder / "segments.csv")
    records = clips.to_dict("records")
    extracted = extract([folder / str(clip["clip"]) for clip in records])
    return [
        make_face(
            str(clip["clip"]),
            str(clip["performer"]),
            np.arange(int(clip["frames"])) / float(clip["fps"]),
            true_segments(segments[segments["clip"] == clip["clip"]]),
            tracks,
        )
        for clip, tracks in zip(records, extracted, strict=True)
    ]


def shuffle_truth(faces: Sequence[AnnotatedFace], *, seed: int) -> list[AnnotatedFace]:
    """Give every face the annotations of another one, turned round by a random time.

    What reaches beyond the last frame comes back at the first: any frame of a clip is then as likely to be positive
    as any other. Without the turn, shuffled annotations still lie in the middle of their clips.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(faces))
    return [
        replace(
            face,
            truth=circular_shift(faces[at].truth, face.times_s.size, by=int(rng.integers(face.times_s.size))),
        )
        for face, at in zip(faces, order, strict=True)
    ]


def circular_shift(truth: Sequence[TrueSegment], num_frames: int, *, by: int) -> list[TrueSegment]:
    """Segments moved by some frames within a clip whose end is joined to its beginning."""
    pieces: list[TrueSegment] = []
    for each in truth:
        inside = np.unique((np.arange(each.onset, each.offset + 1) + by) % num_frames)
        for piece in np.split(inside, np.flatnonzero(np.diff(inside) > 1) + 1):
            pieces.append(TrueSegment(int(piece[0]), int(piece[0]), int(piece[-1]), int(piece[-1])))
    return pieces


def negative_controls(faces: Sequence[AnnotatedFace]) -> Rows:
    """What the protocol says where there is nothing to be found, and what the place in the clip alone gives away."""
    spotter = temporal_logistic()
    shuffled = [
        SpottingSummary(
            NestedCrossValidation(shuffle_truth(faces, seed=seed)).run(spotter).results
        ).measures()
        for seed in range(_NUM_SHUFFLES)
    ]
    place = SpottingSummary([_position_baseline(face) for face in faces]).measures()
    rows = [(f"{spotter.name}; truth shuffled and turned, {n + 1}", each) for n, each in enumerate(shuffled)]
    rows.append(("no look at the face: time to the nearer end of the clip", place))
    return [{"control": name, "AUC": each["auc"], "inner AUC": each["inner_auc"]} for name, each in rows]


def chosen_thresholds(folds: Sequence[Fold[AnnotatedFace]]) -> Rows:
    """Thresholds of the flow rules in each fold; those with all performers suit configs/default.yaml."""
    return [
        {
            "judged performers": ", ".join(fold.subjects) or "none: all are for training",
            "min_motion_px": fold.choice.min_motion_px,
            "min_speed_px_s": fold.choice.min_speed_px_s,
            "apex_fraction": fold.choice.apex_fraction,
            "utility in training": fold.utility,
        }
        for fold in folds
    ]


def _position_baseline(face: AnnotatedFace) -> SpotterResult:
    times = face.times_s
    return SpotterResult(face.subject, times, face.truth, [], np.minimum(times - times[0], times[-1] - times))


def _add_scenes(
    tables: Tables, folder: Path, best_learned: NestedRun[AnnotatedFace], everyone: Fold[AnnotatedFace]
) -> dict[str, float] | None:
    if not (folder / "scenes.csv").exists():
        return None
    faces, rows = scene_faces(folder, _tracks(folder, pd.read_csv(folder / "scenes.csv")["clip"].tolist()))
    summary = SpottingSummary(scene_results(faces, best_learned, everyone))
    measures = summary.measures()
    counts = summary.counts()
    tables["scenes, tracking"] = rows
    tables["scenes, spotting"] = [
        {
            "found": counts.tp,
            "false": counts.fp,
            "missed": counts.fn,
            "F1": counts.f1,
            "frame AUC": measures["auc"],
        }
    ]
    return measures


def _add_real_clips(tables: Tables, folder: Path, everyone: Fold[AnnotatedFace]) -> None:
    if folder.is_dir():
        names = sorted(path.name for path in folder.iterdir() if path.suffix in _VIDEOS)
        tracks = _tracks(folder, names)
        rules = Fold(AsConfigured.name, (), AsConfigured(), None, 0.0)
        tables["real clips"] = real_clip_rows(tracks, {BEST_LEARNED: everyone, AsConfigured.name: rules})


def _tracks(folder: Path, names: Sequence[str]) -> dict[str, list[TrackRows]]:
    return dict(zip(names, extract([folder / name for name in names], baselines=False), strict=True))


def _detection(name: str, judged: BootstrappedSummary) -> dict[str, Any]:
    row: dict[str, Any] = {"method": name}
    for label, key in (("AUC", "auc"), ("F1", "f1")):
        low, high = percentile_interval(judged.resampled[key])
        row |= {label: judged.measures[key], f"{label} low": low, f"{label} high": high}
    paper = PAPER_AUC.get(name.partition(",")[0].replace(" ", ""))
    return row | {
        "inner AUC": judged.measures["inner_auc"],
        "AUC by clip": judged.measures["face_auc"],
        "paper's AUC": "" if paper is None else paper,
    }


def _segments(name: str, judged: BootstrappedSummary) -> dict[str, Any]:
    counts, measures = judged.summary.counts(), judged.measures
    low, high = percentile_interval(judged.resampled["alarms_per_min"])
    return {
        "method": name,
        "found": counts.tp,
        "false": counts.fp,
        "missed": counts.fn,
        "F1": measures["f1"],
        "micro F1": measures["f1_micro"],
        "macro F1": measures["f1_macro"],
        "AP": measures["ap"],
        "alarms/min": measures["alarms_per_min"],
        "low": low,
        "high": high,
    }


def _timing(name: str, judged: BootstrappedSummary) -> dict[str, Any]:
    measures = judged.measures
    return {
        "method": name,
        "onset ms": measures["onset_ms"],
        "apex ms": measures["apex_ms"],
        "offset ms": measures["offset_ms"],
        "apex inside": measures["apex_inside"],
    }
