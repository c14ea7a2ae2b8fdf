"""Asset ``segment_scores``: what the champion says about each expression segment."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import dagster as dg
import pyarrow as pa

from apexline.assets import checks
from apexline.assets.figures import pad_cube
from apexline.assets.lake import (
    CAMERA_DAYS,
    Failure,
    Job,
    Lake,
    LakeClip,
    compute_clips,
    failed_metadata,
    fingerprint,
    hash_file,
    recorded_failures,
    stored_camera_days,
    without_faces,
)
from apexline.assets.metadata import asset_attributes, column_schema, figures, links, table_preview
from apexline.assets.parameters import Parameters
from apexline.assets.scoring.permitted import permitted_clips, record_scores
from apexline.assets.scoring.scorer import Scorer, champion_scorer
from apexline.assets.training import promoted_version
from apexline.ml import PAIRS_FILE, emotion_pad
from apexline.ml.deepid import REASONS
from apexline.ml.registry import ModelRegistry

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CODE_VERSION = "3"


@dg.asset(
    partitions_def=CAMERA_DAYS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    deps=["expression_segments", "champion"],
    code_version=CODE_VERSION,
    check_specs=[
        checks.check_spec(checks.probabilities_sum_to_one, asset="segment_scores", blocking=True),
        checks.check_spec(checks.no_clip_failed, asset="segment_scores"),
    ],
    **asset_attributes("scoring", "mlflow", "parquet"),
)
def segment_scores(
    context: dg.AssetExecutionContext,
    lake: dg.ResourceParam[Lake],
    parameters: dg.ResourceParam[Parameters],
    registry: dg.ResourceParam[ModelRegistry],
) -> dg.MaterializeResult:
    """Emotion probabilities, PAD coordinates and nearest adjectives of each segment, by the champion.

    Scores are appended: a new champion adds its own, and what an earlier one said stays. They describe the
    apparent expression, never what a person feels. Where the model abstains, its reasons are stored, and the numbers
    are not to be relied on.
    """
    number = promoted_version(lake)
    clips, unscored = (
        ([], []) if number is None else _clips_by(lake, parameters, number, context.partition_keys)
    )
    failed: list[Failure] = []
    refused: dict[str, int] = {}
    if number is None or unscored:  # else neither the registry nor the model is needed
        scorer = champion_scorer(lake, registry, parameters)
        number = scorer.number
        clips, unscored = _clips_by(lake, parameters, number, context.partition_keys)
        unscored, refused = permitted_clips(lake, unscored)
        record_scores(lake, number, unscored, refused=refused, run_id=context.run.run_id)
        failed = compute_clips(
            lake,
            context.partition_keys,
            "segment_scores",
            unscored,
            compute=partial(_score_clip, lake, scorer, context.run.run_id),
            code_version=CODE_VERSION,
        )
    num_computed = len(unscored) - len(failed)
    table = lake.read_all("segment_scores", camera_days=context.partition_keys)
    stored = {
        f"{day}/{name}"
        for day in context.partition_keys
        for name in lake.names("segment_scores", camera_day=day)
    }
    return dg.MaterializeResult(
        metadata={
            **figures(context, changed=bool(num_computed), draw=lambda: _pad_cube(table)),
            "clips_computed": num_computed,
            "clips_unchanged": len(clips) - len(unscored) - sum(refused.values()),
            **({"clips_refused": dg.MetadataValue.json(refused)} if refused else {}),
            **failed_metadata(failed),
            "champion": number,
            "scores": table.num_rows,
            "answered_share": _answered_share(table),
            "abstentions": dg.MetadataValue.json(count_reasons(table)),
            **links(lake, camera_day=context.partition_keys[-1]),
            "preview": table_preview(table.to_pylist()),
            "dagster/row_count": table.num_rows,
            **column_schema("segment_scores"),
        },
        data_version=dg.DataVersion(fingerprint(sorted(stored))),
        check_results=[checks.probabilities_sum_to_one(table), checks.no_clip_failed(failed)],
    )


def _answered_share(table: pa.Table) -> float:
    """Share of the scores that the model stands by; those from before abstention count as such."""
    abstained = sum(1 for each in table["abstained"].to_pylist() if each)
    return 1 - abstained / max(1, table.num_rows)


def count_reasons(table: pa.Table) -> dict[str, int]:
    """Count the scores that each reason speaks against; a score may have several."""
    found = Counter(reason for row in table["reasons"].to_pylist() for reason in row or ())
    return {reason: found[reason] for reason in REASONS}


def _pad_cube(table: pa.Table) -> list[tuple[str, "Figure"]]:
    scores = table.to_pandas()
    if scores.empty:
        return []
    anchors = emotion_pad().reset_index()
    return [("PAD of the segments", pad_cube(anchors, scores, synthetic=bool(scores["synthetic"].any())))]


def _clips_by(
    lake: Lake, parameters: Parameters, number: int, camera_days: Sequence[str]
) -> tuple[list[Job], list[Job]]:
    """Return all clips with segments, and those of them whose scores by a version are not there."""
    clips = [
        (camera_day, clip_id, _score_stamp(lake, parameters, number, camera_day, clip_id))
        for camera_day in camera_days
        for clip_id in scorable_clips(lake, camera_day)
    ]
    return clips, [clip for clip in clips if not _is_scored(lake, number, *clip)]


def _score_stamp(lake: Lake, parameters: Parameters, number: int, camera_day: str, clip_id: str) -> str:
    """Fingerprint of what this version says about these very segments."""
    return fingerprint(
        CODE_VERSION,
        number,
        lake.fingerprint_of("expression_segments", clip_id, camera_day=camera_day),
        parameters.hash_of("features"),
        hash_file(PAIRS_FILE),  # adjectives, and where `other` lies in PAD
    )


def _score_name(number: int, clip_id: str, stamp: str) -> str:
    """Name a clip's file by version and fingerprint: no score is ever overwritten."""
    return f"{clip_id}-v{number}-{stamp[:8]}"


def _is_scored(lake: Lake, number: int, camera_day: str, clip_id: str, stamp: str) -> bool:
    name = _score_name(number, clip_id, stamp)
    return lake.fingerprint_of("segment_scores", name, camera_day=camera_day) == stamp


def _score_clip(lake: Lake, scorer: Scorer, run_id: str, camera_day: str, clip_id: str, stamp: str) -> None:
    clip = lake.read("clip_manifest", clip_id, camera_day=camera_day).to_pylist()[0]
    common = {
        "clip_id": clip_id,
        "scored_at": datetime.now(UTC),
        "dagster_run_id": run_id,
        "synthetic": clip["synthetic"] or scorer.model.synthetic,
    }
    rows = [
        {**common, "segment_id": segment["segment_id"], "track_id": segment["track_id"], **score}
        for segment, score in scorer.score(LakeClip(lake, camera_day, clip_id))
    ]
    lake.write(
        "segment_scores",
        _score_name(scorer.number, clip_id, stamp),
        rows,
        stamp=stamp,
        camera_day=camera_day,
    )


def scorable_clips(lake: Lake, camera_day: str) -> list[str]:
    """Return the clips with segments, sorted, but those whose faces were deleted in time."""
    gone = without_faces(lake, camera_day)
    return [each for each in lake.names("expression_segments", camera_day=camera_day) if each not in gone]


def unscored_camera_days(lake: Lake, number: int) -> list[str]:
    """Return the camera-days with clips that a version has not scored and did not fail at; by names alone, sorted."""
    failed = {(each.camera_day, each.clip_id) for each in recorded_failures(lake, stage="segment_scores")}
    found: list[str] = []
    for day in stored_camera_days(lake):
        scored = {name.rpartition("-")[0] for name in lake.names("segment_scores", camera_day=day)}
        clips = scorable_clips(lake, day)
        if any(f"{clip}-v{number}" not in scored and (day, clip) not in failed for clip in clips):
            found.append(day)
    return found
