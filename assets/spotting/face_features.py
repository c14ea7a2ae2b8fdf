"""Assets ``texture_features``, ``flow_features`` and ``expression_features``: texture, motion and looks of a face."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import dagster as dg
import pyarrow as pa

from apexline.assets import checks, explain
from apexline.assets.lake import (
    CAMERA_DAYS,
    ClipWorkers,
    Lake,
    TrackStream,
    fingerprints,
    for_each_clip,
    hash_file,
    write_track_features,
)
from apexline.assets.metadata import asset_attributes, column_schema, figures
from apexline.assets.parameters import Parameters
from apexline.features import FeatureConfig
from apexline.features.expression import WEIGHTS, ExpressionStream
from apexline.features.flow import FlowStream
from apexline.features.modc import TextureStream

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEXTURE_CODE_VERSION, FLOW_CODE_VERSION, EXPRESSION_CODE_VERSION = "2", "2", "1"


@dataclass(frozen=True)
class _Stage:
    """What tells one of the assets from the others.

    Attributes
    ----------
    name : str
        The asset and its table.
    description, code_version : str
    depends_on : callable
        From the parameters, the fingerprint of what else the rows depend on.
    stream_maker : callable
        From the configuration, what makes the stream of one track. Worker processes get the latter pickled: it holds a
        class of a module, and of the parameters what it needs.
    check : str
        Name of the check that `value` is finite.
    value : str
        Column: the number that the stage is about, or a list of numbers.
    row_of : str
        Column that a frame's rows are told apart by; empty where it has one.
    listed_as : str
        Under which name the metadata lists what `row_of` takes.
    draw : callable
        Draws the last camera-day by title.
    """

    name: str
    description: str
    code_version: str
    depends_on: Callable[[Parameters], str]
    stream_maker: Callable[[FeatureConfig], Callable[[], TrackStream]]
    check: str
    value: str
    row_of: str
    listed_as: str
    draw: Callable[[Lake, str, Parameters], list[tuple[str, "Figure"]]]


_TEXTURE = _Stage(
    name="texture_features",
    description="MODC feature-difference curves (eq. 1-10, 21): chi-square distance of each frame's block "
    "histograms.\n\nOne row per kept face, frame and descriptor kind.",
    code_version=TEXTURE_CODE_VERSION,
    depends_on=lambda parameters: parameters.hash_of("features.texture"),
    stream_maker=lambda features: partial(TextureStream, features.texture, features.device),
    check="texture_is_finite",
    value="difference",
    row_of="kind",
    listed_as="kinds",
    draw=lambda lake, camera_day, parameters: explain.texture_figure(lake, camera_day, parameters),
)
_FLOW = _Stage(
    name="flow_features",
    description="Horn-Schunck flow of brows, eyes and mouth (eq. 11-20), head motion removed.\n\n"
    "One row per kept face, frame and region: displacement against the reference, module, angle, px per second.",
    code_version=FLOW_CODE_VERSION,
    depends_on=lambda parameters: parameters.hash_of("features.flow"),
    stream_maker=lambda features: partial(FlowStream, features.flow, features.device),
    check="flow_is_finite",
    value="magnitude",
    row_of="roi",
    listed_as="regions",
    draw=lambda lake, camera_day, _: explain.flow_figure(lake, camera_day),
)


_EXPRESSION = _Stage(
    name="expression_features",
    description="How a face looks in words: logits of FER+'s and FER2013's words by the DeepID network that ships with "
    "the package (eq. 25).\n\nOne row per kept face and frame. What spots, not what answers: that is the champion.",
    code_version=EXPRESSION_CODE_VERSION,
    depends_on=lambda _: hash_file(WEIGHTS),
    stream_maker=lambda _: ExpressionStream,
    check="words_are_finite",
    value="words",
    row_of="",
    listed_as="",
    draw=lambda lake, camera_day, _: explain.words_figure(lake, camera_day),
)


def _listed(stage: _Stage, table: pa.Table) -> dict[str, dg.MetadataValue[Any]]:
    if not stage.row_of:
        return {}
    return {stage.listed_as: dg.MetadataValue.json(sorted(set(table[stage.row_of].to_pylist())))}


def _build(stage: _Stage) -> dg.AssetsDefinition:
    @dg.asset(
        name=stage.name,
        partitions_def=CAMERA_DAYS,
        backfill_policy=dg.BackfillPolicy.single_run(),
        deps=["face_tracks"],
        code_version=stage.code_version,
        pool="gpu",
        description=stage.description,
        check_specs=[
            checks.check_spec(checks.is_finite, asset=stage.name, name=stage.check, blocking=True),
            checks.check_spec(checks.no_clip_failed, asset=stage.name),
        ],
        **asset_attributes("features", "numpy", "parquet"),
    )
    def face_features(
        context: dg.AssetExecutionContext,
        lake: dg.ResourceParam[Lake],
        parameters: dg.ResourceParam[Parameters],
        workers: dg.ResourceParam[ClipWorkers],
    ) -> dg.MaterializeResult:
        progress = for_each_clip(
            lake,
            context.partition_keys,
            [stage.name],
            clips=lambda day: fingerprints(lake, day, "face_tracks"),
            code_version=stage.code_version,
            depends_on=[stage.depends_on(parameters)],
            compute=partial(write_track_features, lake, stage.name, stage.stream_maker(parameters.features)),
            workers=workers,
        )
        table = lake.read_all(
            stage.name,
            camera_days=context.partition_keys,
            columns=["track_id", stage.value, *([stage.row_of] if stage.row_of else [])],
        )
        return dg.MaterializeResult(
            metadata={
                **figures(
                    context,
                    changed=bool(progress.computed),
                    draw=lambda: stage.draw(lake, context.partition_keys[-1], parameters),
                ),
                **progress.metadata(),
                **_listed(stage, table),
                "dagster/row_count": table.num_rows,
                **column_schema(stage.name),
            },
            data_version=progress.data_version,
            check_results=[
                checks.is_finite(stage.check, table, stage.value),
                checks.no_clip_failed(progress.failed),
            ],
        )

    return face_features


texture_features = _build(_TEXTURE)
flow_features = _build(_FLOW)
expression_features = _build(_EXPRESSION)
