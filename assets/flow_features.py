"""Asset ``flow_features``: how the regions of a face move."""

from functools import partial

import dagster as dg

from assets import checks
from assets.camera_day import CAMERA_DAYS, ClipWorkers, fingerprints, for_each_clip
from assets.crops import write_track_features
from assets.describe import asset_attributes, column_schema, figures
from assets.lake import Lake
from assets.parameters import Parameters
from assets.segment_figures import flow_figure
from features.pipeline import FlowStream

CODE_VERSION = "2"


@dg.asset(
    partitions_def=CAMERA_DAYS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    deps=["face_tracks"],
    code_version=CODE_VERSION,
    check_specs=[dg.AssetCheckSpec("flow_is_finite", asset="flow_features", blocking=True)],
    **asset_attributes("features", "numpy", "parquet"),
)
def flow_features(
    context: dg.AssetExecutionContext,
    lake: dg.ResourceParam[Lake],
    parameters: dg.ResourceParam[Parameters],
    workers: dg.ResourceParam[ClipWorkers],
) -> dg.MaterializeResult:
    """Horn-Schunck flow of brows, eyes and mouth (eq. 11-20), head motion removed.

    One row per kept face, frame and region: displacement against the reference, module, angle, px per second.
    """
    progress = for_each_clip(
        lake,
        context.partition_keys,
        ["flow_features"],
        clips=lambda day: fingerprints(lake, day, "face_tracks"),
        depends_on=[CODE_VERSION, parameters.hash_of("features.flow")],
        compute=partial(
            write_track_features, lake, "flow_features", partial(FlowStream, parameters.features)
        ),
        workers=workers,
    )
    table = lake.read_all(
        "flow_features", camera_days=context.partition_keys, columns=["track_id", "roi", "magnitude"]
    )
    return dg.MaterializeResult(
        metadata={
            **progress.metadata(),
            "regions": dg.MetadataValue.json(sorted(set(table["roi"].to_pylist()))),
            **figures(
                context,
                changed=bool(progress.computed),
                draw=lambda: flow_figure(lake, context.partition_keys[-1]),
            ),
            "dagster/row_count": table.num_rows,
            **column_schema("flow_features"),
        },
        data_version=progress.data_version,
        check_results=[checks.is_finite("flow_is_finite", table, "magnitude")],
    )
