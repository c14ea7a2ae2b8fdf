"""Asset ``texture_features``: how much the texture of a face changes."""

from functools import partial

import dagster as dg

from assets import checks
from assets.camera_day import CAMERA_DAYS, ClipWorkers, fingerprints, for_each_clip
from assets.crops import write_track_features
from assets.describe import asset_attributes, column_schema, figures
from assets.lake import Lake
from assets.parameters import Parameters
from assets.segment_figures import texture_figure
from features.pipeline import TextureStream

CODE_VERSION = "2"


@dg.asset(
    partitions_def=CAMERA_DAYS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    deps=["face_tracks"],
    code_version=CODE_VERSION,
    check_specs=[dg.AssetCheckSpec("texture_is_finite", asset="texture_features", blocking=True)],
    **asset_attributes("features", "numpy", "parquet"),
)
def texture_features(
    context: dg.AssetExecutionContext,
    lake: dg.ResourceParam[Lake],
    parameters: dg.ResourceParam[Parameters],
    workers: dg.ResourceParam[ClipWorkers],
) -> dg.MaterializeResult:
    """MODC feature-difference curves (eq. 1-10, 21): chi-square distance of each frame's block histograms.

    One row per kept face, frame and descriptor kind.
    """
    progress = for_each_clip(
        lake,
        context.partition_keys,
        ["texture_features"],
        clips=lambda day: fingerprints(lake, day, "face_tracks"),
        depends_on=[CODE_VERSION, parameters.hash_of("features.texture")],
        compute=partial(
            write_track_features, lake, "texture_features", partial(TextureStream, parameters.features)
        ),
        workers=workers,
    )
    table = lake.read_all(
        "texture_features", camera_days=context.partition_keys, columns=["track_id", "kind", "difference"]
    )
    return dg.MaterializeResult(
        metadata={
            **progress.metadata(),
            "kinds": dg.MetadataValue.json(sorted(set(table["kind"].to_pylist()))),
            **figures(
                context,
                changed=bool(progress.computed),
                draw=lambda: texture_figure(lake, context.partition_keys[-1], parameters),
            ),
            "dagster/row_count": table.num_rows,
            **column_schema("texture_features"),
        },
        data_version=progress.data_version,
        check_results=[checks.is_finite("texture_is_finite", table, "difference")],
    )
