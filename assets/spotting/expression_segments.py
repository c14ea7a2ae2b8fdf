"""Asset ``expression_segments``: when an expression begins, culminates and ends."""

from functools import partial

import dagster as dg

from apexline.assets import checks, explain
from apexline.assets.lake import (
    CAMERA_DAYS,
    Lake,
    fingerprints,
    for_each_clip,
    hash_file,
    write_segments,
)
from apexline.assets.metadata import Drawing, asset_attributes, column_schema, figures, links, table_preview
from apexline.assets.parameters import Parameters
from apexline.features import DECIDING_COLUMNS
from apexline.features.spotting import SHIPPED_FOREST

CODE_VERSION = "5"
_EXPLAINED = 50  # tracks


@dg.asset(
    partitions_def=CAMERA_DAYS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    deps=["texture_features", "flow_features", "expression_features"],
    code_version=CODE_VERSION,
    check_specs=[
        checks.check_spec(checks.segments_are_ordered, asset="expression_segments", blocking=True),
        checks.check_spec(checks.no_clip_failed, asset="expression_segments"),
    ],
    **asset_attributes("features", "numpy", "parquet"),
)
def expression_segments(
    context: dg.AssetExecutionContext,
    lake: dg.ResourceParam[Lake],
    parameters: dg.ResourceParam[Parameters],
) -> dg.MaterializeResult:
    """Onset, apex and offset of each expression change (eq. 21-24), per face track, from texture, flow and words.

    A segment says that a face's expression changed there; what it resembles is the model's to say. The metadata
    says why there is a segment and why a track has none: `why` in words, the strongest of each with its curves.
    """
    progress = for_each_clip(
        lake,
        context.partition_keys,
        ["expression_segments"],
        clips=lambda day: fingerprints(lake, day, *DECIDING_COLUMNS),
        code_version=CODE_VERSION,
        depends_on=[parameters.hash_of("features.segments"), hash_file(SHIPPED_FOREST)],
        compute=partial(write_segments, lake, parameters.features),
    )
    table = lake.read_all("expression_segments", camera_days=context.partition_keys)
    return dg.MaterializeResult(
        metadata={
            **figures(
                context,
                changed=bool(progress.computed),
                draw=lambda: _explanations(lake, parameters, context.partition_keys[-1]),
                tables={"why": lambda: _reasons(lake, parameters, context.partition_keys[-1])},
            ),
            **progress.metadata(),
            "segments": table.num_rows,
            **links(lake, camera_day=context.partition_keys[-1]),
            "preview": table_preview(table.to_pylist()),
            "dagster/row_count": table.num_rows,
            **column_schema("expression_segments"),
        },
        data_version=progress.data_version,
        check_results=[checks.segments_are_ordered(table), checks.no_clip_failed(progress.failed)],
    )


def _reasons(lake: Lake, parameters: Parameters, camera_day: str) -> dg.MetadataValue:
    rows = explain.why_rows(lake, camera_day, parameters, limit=_EXPLAINED)
    return table_preview(rows, limit=2 * _EXPLAINED)


def _explanations(lake: Lake, parameters: Parameters, camera_day: str) -> list[tuple[str, Drawing]]:
    """Explain the camera-day's strongest segment, and why the liveliest track without one has none."""
    strongest = explain.strongest_tracks(lake, [camera_day], limit=1)
    silent = explain.silent_track(lake, camera_day)
    drawn: list[tuple[str, Drawing]] = []
    for name, shown in [
        *(("Strongest segment", each) for each in strongest),
        *([("Without a segment", silent)] if silent else []),
    ]:
        track = explain.explain_shown(lake, shown, parameters)
        best = max(track.explanations, key=lambda each: each.score, default=None)
        if best is None or track.curves is None:
            continue
        text = f"{best.segment_id} {best.headline}. {' '.join(best.grounds)}".strip()
        drawn += [(f"{name}: why", (text, best.figure)), (f"{name}: Figures 5 to 7", track.curves)]
    return drawn
