"""Asset ``face_tracks``: faces found, followed and aligned."""

from functools import partial
from typing import Any

import dagster as dg
import pyarrow.compute as pc

from assets import checks
from assets.camera_day import CAMERA_DAYS, ClipWorkers, fingerprints, for_each_clip
from assets.crops import rows_table
from assets.describe import asset_attributes, column_schema, figures
from assets.lake import Lake
from assets.parameters import Parameters
from assets.segment_figures import faces_figure
from features.tracks import TrackedFace, track_faces
from features.video import read_frames

CODE_VERSION = "2"
_FRAMES_AT_ONCE = 64


@dg.asset(
    partitions_def=CAMERA_DAYS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    deps=["clip_manifest"],
    code_version=CODE_VERSION,
    check_specs=[dg.AssetCheckSpec("faces_are_usable", asset="face_tracks")],
    **asset_attributes("faces", "opencv", "parquet"),
)
def face_tracks(
    context: dg.AssetExecutionContext,
    lake: dg.ResourceParam[Lake],
    parameters: dg.ResourceParam[Parameters],
    workers: dg.ResourceParam[ClipWorkers],
) -> dg.MaterializeResult:
    """Faces per frame: box, five landmarks, quality, and why a frame was dropped; crops lie in ``face_crops``.

    A track id is random within its clip and links to nothing outside it: no identity is kept or compared.
    """
    progress = for_each_clip(
        lake,
        context.partition_keys,
        ["face_crops", "face_tracks"],
        clips=lambda day: fingerprints(lake, day, "clip_manifest"),
        depends_on=[CODE_VERSION, parameters.hash_of("features.faces", "features.tracks")],
        compute=partial(_track, lake, parameters),
        workers=workers,
    )
    table = lake.read_all(
        "face_tracks",
        camera_days=context.partition_keys,
        columns=["clip_id", "track_id", "kept", "size_px", "drop_reason"],
    )
    dropped = table.filter(~pc.field("kept")).group_by("drop_reason").aggregate([([], "count_all")])
    return dg.MaterializeResult(
        metadata={
            **progress.metadata(),
            "tracks": len(set(table["track_id"].to_pylist())),
            "face_frames": table.num_rows,
            "kept_frames": table.filter(pc.field("kept")).num_rows,
            **figures(
                context,
                changed=bool(progress.computed),
                draw=lambda: faces_figure(lake, context.partition_keys[-1]),
            ),
            "dropped": dg.MetadataValue.json({r["drop_reason"]: r["count_all"] for r in dropped.to_pylist()}),
            "dagster/row_count": table.num_rows,
            **column_schema("face_tracks"),
        },
        data_version=progress.data_version,
        check_results=[checks.faces_are_usable(table)],
    )


def _track(lake: Lake, parameters: Parameters, camera_day: str, clip_id: str, stamp: str) -> None:
    manifest = lake.read("clip_manifest", clip_id, camera_day=camera_day).to_pylist()[0]
    config = parameters.features
    with (
        lake.local_copy(lake.home / manifest["path"]) as local,
        lake.writer("face_tracks", clip_id, stamp=stamp, camera_day=camera_day) as tracks,
        lake.writer("face_crops", clip_id, stamp=stamp, camera_day=camera_day) as crops,
    ):
        faces = track_faces(
            read_frames(local), faces=config.faces, tracks=config.tracks, clip_key=manifest["sha256"]
        )
        track_rows: list[dict[str, Any]] = []
        crop_rows: list[dict[str, Any]] = []
        for face in faces:
            track_rows.append(_track_row(clip_id, face))
            if face.crop is not None:
                crop_rows.append(_crop_row(clip_id, face))
            if len(track_rows) >= _FRAMES_AT_ONCE:
                tracks.write_table(rows_table("face_tracks", track_rows))
                crops.write_table(rows_table("face_crops", crop_rows))
                track_rows, crop_rows = [], []
        tracks.write_table(rows_table("face_tracks", track_rows))
        crops.write_table(rows_table("face_crops", crop_rows))


def _track_row(clip_id: str, face: TrackedFace) -> dict[str, Any]:
    x, y, w, h = (float(value) for value in face.box)
    return {
        "clip_id": clip_id,
        "track_id": face.track_id,
        "frame": face.frame,
        "time_s": face.time_s,
        "x": x,
        "y": y,
        "w": w,
        "h": h,
        "landmarks": face.landmarks.ravel().tolist(),  # (5, 2) -> (10,)
        "detector_score": face.detector_score,
        "detected": face.detected,
        "size_px": face.quality.size_px,
        "blur": face.quality.blur,
        "yaw": face.quality.yaw,
        "roll_deg": face.quality.roll_deg,
        "kept": face.kept,
        "drop_reason": face.drop_reason,
    }


def _crop_row(clip_id: str, face: TrackedFace) -> dict[str, Any]:
    return {
        "clip_id": clip_id,
        "track_id": face.track_id,
        "frame": face.frame,
        "time_s": face.time_s,
        "crop": face.crop.tobytes() if face.crop is not None else None,
    }
