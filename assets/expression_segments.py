"""Asset ``expression_segments``: when an expression begins, culminates and ends."""

from dataclasses import asdict
from typing import Any

import dagster as dg
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from matplotlib.figure import Figure
from numpy.typing import NDArray

from assets import checks
from assets.camera_day import CAMERA_DAYS, fingerprints, for_each_clip
from assets.describe import about, columns_of, plots, table_preview
from assets.lake import Lake
from assets.parameters import Parameters
from assets.segment_figures import curve_figures, strongest_segments
from features.pipeline import find_segments

CODE_VERSION = "2"


@dg.asset(
    partitions_def=CAMERA_DAYS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    deps=["texture_features", "flow_features"],
    code_version=CODE_VERSION,
    check_specs=[dg.AssetCheckSpec("segments_are_ordered", asset="expression_segments", blocking=True)],
    **about("features", "numpy", "parquet"),
)
def expression_segments(
    context: dg.AssetExecutionContext,
    lake: dg.ResourceParam[Lake],
    parameters: dg.ResourceParam[Parameters],
) -> dg.MaterializeResult:
    """Onset, apex and offset of each expression change (eq. 21-24), per face track, from texture and flow.

    A segment says that a face's expression changed there; what it resembles is the model's to say.
    """
    progress = for_each_clip(
        lake,
        context.partition_keys,
        ["expression_segments"],
        clips=lambda day: fingerprints(lake, day, "texture_features", "flow_features"),
        depends_on=[CODE_VERSION, parameters.hash_of("features.segments")],
        compute=lambda day, clip_id, stamp: _spot(lake, parameters, day, clip_id, stamp),
    )
    table = lake.read_all("expression_segments", camera_days=context.partition_keys)
    return dg.MaterializeResult(
        metadata={
            **progress.metadata(),
            "segments": table.num_rows,
            **plots(
                context,
                changed=bool(progress.computed),
                draw=lambda: _explanations(lake, parameters, context.partition_keys[-1]),
            ),
            "preview": table_preview(table.to_pylist()),
            "dagster/row_count": table.num_rows,
            **columns_of("expression_segments"),
        },
        data_version=progress.data_version,
        check_results=[checks.segments_are_ordered(table)],
    )


def _explanations(lake: Lake, parameters: Parameters, camera_day: str) -> list[tuple[str, Figure]]:
    """Draw the curves behind the camera-day's strongest segment."""
    return [
        (title, figure)
        for shown in strongest_segments(lake, camera_day, limit=1)
        for _, title, figure in curve_figures(lake, shown, parameters)
    ]


def _spot(lake: Lake, parameters: Parameters, camera_day: str, clip_id: str, stamp: str) -> None:
    texture = lake.read("texture_features", clip_id, camera_day=camera_day)
    flow = lake.read("flow_features", clip_id, camera_day=camera_day)
    rows: list[dict[str, Any]] = []
    for track_id in sorted(set(flow["track_id"].to_pylist()) | set(texture["track_id"].to_pylist())):
        found = find_segments(
            columns_of_track(texture, track_id),
            columns_of_track(flow, track_id),
            track_id=track_id,
            config=parameters.features,
        )
        rows.extend(
            {**asdict(each), "clip_id": clip_id, "segment_id": f"{track_id}-{each.onset}"} for each in found
        )
    lake.write("expression_segments", clip_id, rows, stamp=stamp, camera_day=camera_day)


def columns_of_track(table: pa.Table, track_id: str) -> dict[str, NDArray[Any]]:
    """Return a feature table's columns for one track, as arrays by name; list columns become 2-D."""
    chosen = table.filter(pc.field("track_id") == track_id)
    columns: dict[str, NDArray[Any]] = {}
    for name in chosen.column_names:
        column = chosen[name]
        if pa.types.is_list(column.type):
            columns[name] = np.asarray(column.to_pylist(), dtype=np.float32)
        else:
            columns[name] = column.to_numpy()
    return columns
