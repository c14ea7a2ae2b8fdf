"""Asset ``face_tracks``: faces found, followed and aligned."""

from functools import partial

import dagster as dg
import pyarrow.compute as pc

from apexline.assets import checks, explain
from apexline.assets.lake import (
    CAMERA_DAYS,
    ClipWorkers,
    Lake,
    fingerprints,
    for_each_clip,
    lost_frames,
    write_tracks,
)
from apexline.assets.metadata import asset_attributes, column_schema, figures
from apexline.assets.parameters import Parameters

CODE_VERSION = "3"


@dg.asset(
    partitions_def=CAMERA_DAYS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    deps=["clip_manifest"],
    code_version=CODE_VERSION,
    pool="decoding",
    check_specs=[
        checks.check_spec(checks.faces_are_usable, asset="face_tracks"),
        checks.check_spec(checks.every_frame_decodes, asset="face_tracks"),
        checks.check_spec(checks.no_clip_failed, asset="face_tracks"),
    ],
    **asset_attributes("faces", "opencv", "parquet"),
)
def face_tracks(
    context: dg.AssetExecutionContext,
    lake: dg.ResourceParam[Lake],
    parameters: dg.ResourceParam[Parameters],
    workers: dg.ResourceParam[ClipWorkers],
) -> dg.MaterializeResult:
    """Faces per frame: box, five landmarks, quality, and why a frame was dropped; crops lie in ``face_crops``.

    How many frames of each clip were read, how many lost and why lies in ``clip_frames``.

    A track id is random within its clip and links to nothing outside it: no identity is kept or compared.
    """
    progress = for_each_clip(
        lake,
        context.partition_keys,
        ["clip_frames", "face_crops", "face_tracks"],
        clips=lambda day: fingerprints(lake, day, "clip_manifest"),
        code_version=CODE_VERSION,
        depends_on=[parameters.hash_of("features.faces", "features.tracks")],
        compute=partial(write_tracks, lake, parameters.features),
        workers=workers,
    )
    lost = lost_frames(lake, context.partition_keys)
    num_lost = sum(each.num_lost for each in lost.values())
    table = lake.read_all(
        "face_tracks",
        camera_days=context.partition_keys,
        columns=["clip_id", "track_id", "kept", "size_px", "drop_reason"],
    )
    dropped = table.filter(~pc.field("kept")).group_by("drop_reason").aggregate([([], "count_all")])
    return dg.MaterializeResult(
        metadata={
            **figures(
                context,
                changed=bool(progress.computed),
                draw=lambda: explain.faces_figure(lake, context.partition_keys[-1]),
            ),
            **progress.metadata(),
            "tracks": len(set(table["track_id"].to_pylist())),
            "face_frames": table.num_rows,
            "frames_lost": num_lost,
            "kept_frames": table.filter(pc.field("kept")).num_rows,
            "dropped": dg.MetadataValue.json({r["drop_reason"]: r["count_all"] for r in dropped.to_pylist()}),
            "dagster/row_count": table.num_rows,
            **column_schema("face_tracks"),
        },
        data_version=progress.data_version,
        check_results=[
            checks.faces_are_usable(
                table, explain.obstacles_of_days(lake, context.partition_keys, parameters)
            ),
            checks.every_frame_decodes(lost, frames_lost=num_lost),
            checks.no_clip_failed(progress.failed),
        ],
    )
