"""Asset ``clip_manifest``: the clips of a camera-day, checked and described."""

from datetime import UTC
from functools import partial

import dagster as dg

from apexline.assets import checks
from apexline.assets.lake import (
    CAMERA_DAYS,
    DamagedFile,
    Lake,
    clip_ids,
    for_each_clip,
    read_clip,
)
from apexline.assets.metadata import asset_attributes, column_schema
from apexline.features.video import probe_video

CODE_VERSION = "2"


@dg.asset(
    partitions_def=CAMERA_DAYS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    code_version=CODE_VERSION,
    check_specs=[
        checks.check_spec(checks.every_clip_may_be_processed, asset="clip_manifest", blocking=True),
        checks.check_spec(checks.no_clip_failed, asset="clip_manifest"),
    ],
    **asset_attributes("ingest", "python", "parquet"),
)
def clip_manifest(context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake]) -> dg.MaterializeResult:
    """Clips that were taken in: content hash, camera, purpose, legal basis, codec, size, exact timestamps.

    A clip is known by its content hash. What could not be accepted lies in ``quarantine/`` with its reason.
    Labels that came with a manifest go to the table ``annotations``.
    """
    progress = for_each_clip(
        lake,
        context.partition_keys,
        ["annotations", "clip_manifest"],
        clips=lambda day: {clip_id: _recorded(lake, day, clip_id) for clip_id in clip_ids(lake, day)},
        code_version=CODE_VERSION,
        compute=partial(_describe, lake),
    )
    table = lake.read_all("clip_manifest", camera_days=context.partition_keys)
    return dg.MaterializeResult(
        metadata={
            **progress.metadata(),
            "clips": table.num_rows,
            "seconds": float(sum(table["duration_s"].to_pylist())),
            "dagster/row_count": table.num_rows,
            **column_schema("clip_manifest"),
        },
        data_version=progress.data_version,
        check_results=[checks.every_clip_may_be_processed(table), checks.no_clip_failed(progress.failed)],
    )


def _recorded(lake: Lake, camera_day: str, clip_id: str) -> str:
    """Return what a clip's row depends on: its record, or what is wrong with that."""
    try:
        clip = read_clip(lake, camera_day, clip_id)
    except DamagedFile as error:  # met again, and put on record, when the clip is computed
        return str(error)
    return clip.sha256 + clip.manifest.model_dump_json()


def _describe(lake: Lake, camera_day: str, clip_id: str, stamp: str) -> None:
    clip = read_clip(lake, camera_day, clip_id)
    with lake.local_copy(clip.path) as local:
        info = probe_video(local)
    manifest = clip.manifest
    labels = [
        {
            **each.model_dump(exclude={"box"}),
            **dict(zip("xywh", each.box, strict=True)),
            "clip_id": clip.clip_id,
            "annotation_id": f"{clip.clip_id}-a{index}",
            "synthetic": manifest.synthetic,
        }
        for index, each in enumerate(manifest.annotations)
    ]
    row = {
        "clip_id": clip.clip_id,
        "sha256": clip.sha256,
        "camera": manifest.camera,
        "captured_at": manifest.captured_at.astimezone(UTC),
        "purpose": manifest.purpose,
        "legal_basis": manifest.legal_basis,
        "path": f"clips/{camera_day}/{clip.path.name}",
        "codec": info.codec,
        "width": info.width,
        "height": info.height,
        "num_frames": info.num_frames,
        "fps": info.fps,
        "duration_s": info.duration_s,
        "synthetic": manifest.synthetic,
    }
    lake.write("annotations", clip.clip_id, labels, stamp=stamp, camera_day=camera_day)
    lake.write("clip_manifest", clip.clip_id, [row], stamp=stamp, camera_day=camera_day)
