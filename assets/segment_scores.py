"""Asset ``segment_scores``: what the champion says about each expression segment."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pyarrow as pa
from matplotlib.figure import Figure
from numpy.typing import NDArray
from upath import UPath

from assets import checks
from assets.camera_day import CAMERA_DAYS
from assets.champion import CHAMPION
from assets.crops import crops_at
from assets.describe import about, columns_of, plots, table_preview
from assets.figures import pad_cube
from assets.intake import hash_file
from assets.lake import Lake, fingerprint
from assets.parameters import Parameters
from assets.training_set import FEATURE_VERSION
from features.pipeline import segment_features, spot_clip
from features.segments import Segment
from features.tracks import track_faces
from features.video import read_frames
from ml.datasets import EMOTIONS, PAD_AXES, face_image
from ml.norms import emotion_pad, nearest_adjectives
from ml.registry import ModelRegistry

CODE_VERSION = "1"
_NUM_ADJECTIVES = 3

Crops = dict[tuple[str, int], NDArray[np.uint8]]


@dg.asset(
    partitions_def=CAMERA_DAYS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    deps=["expression_segments", "champion"],
    code_version=CODE_VERSION,
    check_specs=[dg.AssetCheckSpec("probabilities_sum_to_one", asset="segment_scores", blocking=True)],
    **about("scoring", "pytorch", "mlflow", "parquet"),
)
def segment_scores(
    context: dg.AssetExecutionContext,
    lake: dg.ResourceParam[Lake],
    parameters: dg.ResourceParam[Parameters],
    registry: dg.ResourceParam[ModelRegistry],
) -> dg.MaterializeResult:
    """Emotion probabilities, PAD coordinates and nearest adjectives of each segment, by the champion.

    Scores are appended: a new champion adds its own, and what an earlier one said stays. They describe the
    apparent expression, never what a person feels.
    """
    champion = registry.get_alias(CHAMPION)
    computed: list[str] = []
    unchanged: list[str] = []
    if champion is None:
        context.log.warning("no champion yet: nothing scored; run `retrain`, then approve its challenger")
    else:
        scorer = Scorer(registry, champion, parameters)
        for camera_day in context.partition_keys:
            for clip_id in lake.names("expression_segments", camera_day=camera_day):
                done = _score_clip_once(lake, scorer, camera_day, clip_id, context.run.run_id)
                (computed if done else unchanged).append(clip_id)
    table = lake.read_all("segment_scores", camera_days=context.partition_keys)
    stored = {
        f"{day}/{name}"
        for day in context.partition_keys
        for name in lake.names("segment_scores", camera_day=day)
    }
    return dg.MaterializeResult(
        metadata={
            "clips_computed": len(computed),
            "clips_unchanged": len(unchanged),
            "champion": champion or 0,
            "scores": table.num_rows,
            **plots(context, changed=bool(computed), draw=lambda: _pad_cube(table)),
            "preview": table_preview(table.to_pylist()),
            "dagster/row_count": table.num_rows,
            **columns_of("segment_scores"),
        },
        data_version=dg.DataVersion(fingerprint(sorted(stored))),
        check_results=[checks.probabilities_sum_to_one(table)],
    )


def _pad_cube(table: pa.Table) -> list[tuple[str, Figure]]:
    scores = table.to_pandas()
    if scores.empty:
        return []
    anchors = emotion_pad().reset_index()
    return [("PAD of the segments", pad_cube(anchors, scores, synthetic=bool(scores["synthetic"].any())))]


class Scorer:
    """The model of one registry version with what it needs to describe a segment."""

    def __init__(self, registry: ModelRegistry, number: int, parameters: Parameters):
        self.number = number
        self.parameters = parameters
        self.model = registry.load_model(number)
        if self.model.feature_version != FEATURE_VERSION:
            msg = (
                f"model v{number} was trained on features {self.model.feature_version}, this code makes "
                f"{FEATURE_VERSION}; run the job `retrain` and approve its challenger"
            )
            raise ValueError(msg)

    def describe(self, segments: Sequence[Any], crops: Crops) -> list[dict[str, Any]]:
        """Score segments (objects with track_id, onset, apex) from their crops by (track_id, frame).

        Returns
        -------
        list of dict
            One per segment, in order, with the model's columns of ``segment_scores``.
        """
        if not segments:
            return []
        features = [
            segment_features(
                crops[each.track_id, each.onset],
                crops[each.track_id, each.apex],
                config=self.parameters.features,
            )
            for each in segments
        ]
        flow = [each[1] for each in features]
        width = max((len(each) for each in flow if each is not None), default=0)
        predicted = self.model.predict(
            face_image(np.stack([crops[each.track_id, each.apex] for each in segments])),
            np.stack([each[0] for each in features]),
            np.stack([np.full(width, np.nan, np.float32) if each is None else each for each in flow]),
        )
        return [
            {
                "emotion": str(predicted.emotion[i]),
                "confidence": float(predicted.confidence[i]),
                **{f"p_{name}": float(predicted.probabilities[i, k]) for k, name in enumerate(EMOTIONS)},
                **{axis: float(predicted.pad[i, k]) for k, axis in enumerate(PAD_AXES)},
                "adjectives": list(nearest_adjectives(predicted.pad[i], _NUM_ADJECTIVES)),
                "model_version": self.number,
                "version": self.model.version,
            }
            for i in range(len(segments))
        ]


@dataclass(frozen=True)
class _Stored:
    """A row of ``expression_segments`` as an object."""

    segment_id: str
    track_id: str
    onset: int
    apex: int


def _score_clip_once(lake: Lake, scorer: Scorer, camera_day: str, clip_id: str, run_id: str) -> bool:
    """Score a clip's segments unless this version scored these very segments before; tell whether it did."""
    stamp = fingerprint(
        CODE_VERSION,
        scorer.number,
        lake.fingerprint_of("expression_segments", clip_id, camera_day=camera_day),
        scorer.parameters.hash_of("features"),
    )
    # The name holds version and fingerprint: no score is ever overwritten.
    name = f"{clip_id}-v{scorer.number}-{stamp[:8]}"
    if lake.fingerprint_of("segment_scores", name, camera_day=camera_day) == stamp:
        return False
    table = lake.read("expression_segments", clip_id, camera_day=camera_day)
    chosen = table.select(["segment_id", "track_id", "onset", "apex"]).to_pylist()
    segments = [_Stored(**row) for row in chosen]
    wanted = [(each.track_id, frame) for each in segments for frame in (each.onset, each.apex)]
    crops = crops_at(lake, camera_day, clip_id, wanted)
    clip = lake.read("clip_manifest", clip_id, camera_day=camera_day).to_pylist()[0]
    common = {
        "clip_id": clip_id,
        "scored_at": datetime.now(UTC),
        "dagster_run_id": run_id,
        "synthetic": clip["synthetic"] or scorer.model.synthetic,
    }
    rows = [
        {**common, "segment_id": segment.segment_id, "track_id": segment.track_id, **score}
        for segment, score in zip(segments, scorer.describe(segments, crops), strict=True)
    ]
    lake.write("segment_scores", name, rows, stamp=stamp, camera_day=camera_day)
    return True


def score_clip(clip: Path, parameters: Parameters, registry: ModelRegistry) -> list[dict[str, Any]]:
    """Spot and score one clip by the champion without storing anything.

    Returns
    -------
    list of dict
        Track, onset, apex and offset in seconds, emotion, confidence, PAD and adjectives, one per segment;
        `synthetic` tells that the champion learned from the project's own generator.

    Raises
    ------
    LookupError
        Where there is no champion.
    """
    champion = registry.get_alias(CHAMPION)
    if champion is None:
        msg = "there is no champion to score with; run `make demo`, or `retrain` and `apexline approve`"
        raise LookupError(msg)
    scorer = Scorer(registry, champion, parameters)
    segments = spot_clip(clip, config=parameters.features)
    crops = _crops_of(clip, segments, parameters)
    return [
        {
            "track": segment.track_id,
            "onset_s": segment.onset_s,
            "apex_s": segment.apex_s,
            "offset_s": segment.offset_s,
            **{key: score[key] for key in ("emotion", "confidence", *PAD_AXES)},
            "adjectives": ", ".join(score["adjectives"]),
            "model_version": champion,
            "synthetic": scorer.model.synthetic,
        }
        for segment, score in zip(segments, scorer.describe(segments, crops), strict=True)
    ]


def _crops_of(clip: Path, segments: list[Segment], parameters: Parameters) -> Crops:
    """Track once more and keep the crops at onsets and apexes: memory stays flat on a long clip."""
    wanted: dict[str, set[int]] = defaultdict(set)
    for each in segments:
        wanted[each.track_id] |= {each.onset, each.apex}
    config = parameters.features
    faces = track_faces(
        read_frames(clip), faces=config.faces, tracks=config.tracks, clip_key=hash_file(UPath(clip))
    )
    distance: dict[tuple[str, int], float] = {}
    crops: Crops = {}
    for face in faces:
        if face.crop is None:
            continue
        # A frame inside a segment may have been dropped: its nearest kept neighbour stands in, as in `crops_at`.
        for frame in wanted[face.track_id]:
            key = (face.track_id, frame)
            if abs(face.frame - frame) < distance.get(key, math.inf):
                distance[key], crops[key] = abs(face.frame - frame), face.crop
    return crops
