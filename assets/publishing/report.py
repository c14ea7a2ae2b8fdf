"""Asset ``report``: one HTML page with the paper's tables and figures redrawn from this data."""

import io
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from apexline.assets import checks, figures
from apexline.assets.explain import (
    explain_shown,
    shown_track,
    silent_track,
    strongest_tracks,
    track_view,
    why,
)
from apexline.assets.lake import Lake, crops_at, each_readable, fingerprint, listed_camera_days
from apexline.assets.metadata import asset_attributes, links
from apexline.assets.parameters import Parameters
from apexline.assets.publishing.report_page import (
    MAX_SEGMENTS,
    ChampionSummary,
    ExplainedTrack,
    ReportContext,
    ReportFigure,
    SemanticSpaceSummary,
    render_report,
)
from apexline.assets.publishing.spotting_evaluation import areas_and_roc, frame_scores
from apexline.assets.publishing.warehouse import lake_stamp
from apexline.assets.publishing.warehouse_read import open_warehouse, read_relation, run_checks
from apexline.assets.semantics import load_space, read_record, space_figures, usable_ratings
from apexline.assets.training import CHAMPION, VERSIONS
from apexline.ml import emotion_pad
from apexline.ml.registry import ModelRegistry

CODE_VERSION = "4"
NUM_EXPLAINED, NUM_SILENT = 8, 2  # tracks drawn with their segments, and without one
_FACE_PX = 48  # of a listed segment's face
_MARTS = (
    "spotting_summary",
    "answers_against_truth",
    "camera_day_summary",
    "segments",
    "quarantine",
    "promotions",
)
_CURVES = {"baseline": "9", "features": "10", "semantic": "11"}


@dg.asset(
    deps=["warehouse"],
    code_version=CODE_VERSION,
    check_specs=[checks.check_spec(checks.report_names_its_data, asset="report")],
    **asset_attributes("publishing", "html", "matplotlib"),
)
def report(
    context: dg.AssetExecutionContext,
    lake: dg.ResourceParam[Lake],
    parameters: dg.ResourceParam[Parameters],
    registry: dg.ResourceParam[ModelRegistry],
    warehouse_path: dg.ResourceParam[Path],
) -> dg.MaterializeResult:
    """Tables 2 and 3 and Figures 5-11 beside the paper's values, with intervals; one file per state of the lake.

    ``reports/latest/index.html`` is the newest. Numbers from generated data say "synthetic".
    """
    stamp = fingerprint(CODE_VERSION, lake_stamp(lake), parameters.hash_of("features", "survey", "training"))
    target = lake.home / "reports" / stamp[:12] / "index.html"
    computed = int(not target.exists())
    if computed:
        page = render_report(_contents(context, lake, parameters, registry, warehouse_path)).encode()
        for path in (target, lake.home / "reports" / "latest" / "index.html"):
            with lake.replacing(path) as file:
                file.write(page)
    return dg.MaterializeResult(
        metadata={
            "computed": computed,
            "unchanged": 1 - computed,
            **links(lake),
            "report": dg.MetadataValue.path(str(target)),
        },
        data_version=dg.DataVersion(stamp),
        check_results=[
            checks.report_names_its_data(target.read_text(encoding="utf-8"), synthetic=_any_synthetic(lake))
        ],
    )


def _contents(
    context: dg.AssetExecutionContext,
    lake: Lake,
    parameters: Parameters,
    registry: ModelRegistry,
    warehouse_path: Path,
) -> ReportContext:
    with open_warehouse(warehouse_path) as connection:
        marts = {name: read_relation(connection, name) for name in _MARTS}
        # The warehouse holds camera-days in the order in which they changed.
        marts["segments"] = marts["segments"].sort_values(["captured_at", "clip_id", "onset", "track_id"])
        marts["camera_day_summary"] = marts["camera_day_summary"].sort_values(["day", "camera"])
        problems = run_checks(connection)
    areas, points = areas_and_roc(frame_scores(lake))
    return ReportContext(
        generated_at=datetime.now(UTC),
        run_id=context.run.run_id,
        config_name=parameters.name,
        config_hash=parameters.hash_of("features", "survey", "training_set", "training", "promotion"),
        synthetic=_any_synthetic(lake),
        champion=_champion(lake, registry),
        lineage=_lineage(context.instance),
        areas=areas,
        comparison=lake.read_all("model_comparison").to_pandas(),
        figures=[
            *_segment_figures(lake, parameters),
            *_roc(areas, points),
            *_curves(lake),
            *_space(lake, marts),
        ],
        explained=_explained(lake, parameters),
        semantic_space=_space_summary(lake),
        spotting=marts["spotting_summary"],
        against_truth=marts["answers_against_truth"],
        camera_days=marts["camera_day_summary"],
        segments=marts["segments"],
        reasons=_reasons(lake, parameters, marts["segments"]),
        faces=_faces(lake, marts["segments"]),
        quarantine=marts["quarantine"],
        promotions=marts["promotions"],
        checks=problems,
    )


def _any_synthetic(lake: Lake) -> bool:
    return any(lake.read_all("clip_manifest", columns=["synthetic"])["synthetic"].to_pylist())


def _champion(lake: Lake, registry: ModelRegistry) -> ChampionSummary | None:
    number = registry.get_alias(CHAMPION)
    promoted = [row for row in lake.read_all("promotions").to_pylist() if row["promoted"]]
    chosen = [row for row in promoted if row["model_version"] == number]
    if number is None or not chosen:
        return None
    last = max(chosen, key=lambda row: row["decided_at"])
    return ChampionSummary(number, registry.tags(number)["version"], last["approved_by"], last["decided_at"])


def _lineage(instance: dg.DagsterInstance) -> pd.DataFrame:
    """Say which materialisation of each asset the numbers rest on."""
    rows: list[dict[str, str]] = []
    for key in sorted(instance.get_asset_keys(), key=lambda each: each.to_user_string()):
        event = instance.get_latest_materialization_event(key)
        if event is not None and event.asset_materialization is not None:
            version = (event.asset_materialization.tags or {}).get("dagster/data_version", "")
            rows.append({"asset": key.to_user_string(), "data_version": version[:12], "run_id": event.run_id})
    return pd.DataFrame(rows, columns=["asset", "data_version", "run_id"])


def _segment_figures(lake: Lake, parameters: Parameters) -> list[ReportFigure]:
    """Draw Figures 5 to 7 of the track with the strongest segment."""
    strongest = strongest_tracks(lake, listed_camera_days(lake), limit=NUM_EXPLAINED)
    view = next(each_readable(lambda track: track_view(lake, track, parameters), strongest), None)
    if view is None:
        return []
    captions = {
        "5": "SL and SR differences of one face; their smoothed mean is held against VE (eq. 21).",
        "6": "How far each region moved, with the least that counts, and where to.",
        "7": "Score curves of motion and texture, and their mean (eq. 24).",
    }
    drawn = [
        ("5", "Texture change", figures.texture_decision),
        ("6", "Module and angle of the flow", figures.flow_decision),
        ("7", "Texture and flow together", figures.fused_decision),
    ]
    return [
        ReportFigure(number, title, captions[number], draw(view), view.synthetic)
        for number, title, draw in drawn
    ]


def _reasons(lake: Lake, parameters: Parameters, segments: pd.DataFrame) -> dict[str, str]:
    """Say in words why there is each segment that the page lists."""
    days = {
        clip: day for day in listed_camera_days(lake) for clip in lake.names("clip_manifest", camera_day=day)
    }
    tracks = segments.head(MAX_SEGMENTS)[["clip_id", "track_id"]].drop_duplicates()
    said = each_readable(
        lambda track: why(lake, [shown_track(lake, days[track[0]], *track)], parameters),
        [track for track in tracks.itertuples(index=False, name=None) if track[0] in days],
    )
    return {row["segment_id"]: f"{row['decision']}. {row['grounds']}" for rows in said for row in rows}


def _faces(lake: Lake, segments: pd.DataFrame) -> dict[str, bytes]:
    """Return the face at the apex of each segment that the page lists, a small picture (PNG) by segment."""
    listed = segments.head(MAX_SEGMENTS)
    keys = {
        clip_id: [(row["segment_id"], (row["track_id"], int(row["apex"]))) for row in rows.to_dict("records")]
        for clip_id, rows in listed.groupby("clip_id")
    }
    days = {
        clip: day for day in listed_camera_days(lake) for clip in lake.names("face_crops", camera_day=day)
    }

    def of_clip(clip_id: str) -> dict[str, bytes]:
        crops = crops_at(lake, days[clip_id], clip_id, [key for _, key in keys[clip_id]])
        return {name: _small_png(crops[key]) for name, key in keys[clip_id] if key in crops}

    found = each_readable(of_clip, [str(clip_id) for clip_id in keys if clip_id in days])
    return {name: picture for of_it in found for name, picture in of_it.items()}


def _small_png(crop: NDArray[np.uint8]) -> bytes:
    picture = io.BytesIO()
    Image.fromarray(crop).resize((_FACE_PX, _FACE_PX)).save(picture, format="PNG", optimize=True)
    return picture.getvalue()


def _explained(lake: Lake, parameters: Parameters) -> list[ExplainedTrack]:
    """Explain the strongest segments of all, then what moved most of late without being one."""
    days = listed_camera_days(lake)
    silent = (silent_track(lake, day) for day in reversed(days))
    shown = [
        *strongest_tracks(lake, days, limit=NUM_EXPLAINED),
        *islice((each for each in silent if each is not None), NUM_SILENT),
    ]
    # Naming clip and track lets `apexline erase` find the page that shows them.
    return list(
        each_readable(
            lambda each: ExplainedTrack(
                each.camera_day, each.clip_id, explain_shown(lake, each, parameters), each.synthetic
            ),
            shown,
        )
    )


def _roc(areas: pd.DataFrame, points: pd.DataFrame) -> list[ReportFigure]:
    if areas.empty:
        return []
    synthetic = bool(areas["synthetic"].any())
    figure = figures.roc_curves(points, areas, synthetic=synthetic)
    return [
        ReportFigure(
            "8", "ROC by frame", "Each method's score curve against the annotated frames.", figure, synthetic
        )
    ]


def _curves(lake: Lake) -> list[ReportFigure]:
    found: list[ReportFigure] = []
    comparison = {row["version"]: row for row in lake.read_all("model_comparison").to_pylist()}
    for version in VERSIONS:
        if version in lake.names("learning_curves") and version in comparison:
            synthetic = comparison[version]["synthetic"]
            curves = lake.read("learning_curves", version).to_pandas()
            figure = figures.learning_curves(curves, version=version, synthetic=synthetic)
            found.append(
                ReportFigure(_CURVES[version], f"Learning curves: {version}", "One seed.", figure, synthetic)
            )
    return found


def _space(lake: Lake, marts: dict[str, pd.DataFrame]) -> list[ReportFigure]:
    record = read_record(lake)
    if not record:
        return []
    synthetic = record["diagnostics"]["synthetic"]
    space = load_space(lake)
    drawn = space_figures(space, usable_ratings(lake, space.pairs), synthetic=synthetic)
    # What the model abstains from is no point in the space.
    answered = marts["segments"][~marts["segments"]["abstained"].fillna(value=False).astype(bool)]
    scored = pd.DataFrame(answered).dropna(subset=["pleasure"])
    cube = figures.pad_cube(emotion_pad().reset_index(), scored, synthetic=bool(scored["synthetic"].any()))
    return [
        ReportFigure("", "PAD space", "Anchors are word norms; points are scored segments.", cube, synthetic),
        *(ReportFigure("", name.capitalize(), "", figure, synthetic) for name, figure in drawn.items()),
    ]


def _space_summary(lake: Lake) -> SemanticSpaceSummary | None:
    record = read_record(lake)
    if not record:
        return None
    stored: dict[str, Any] = record["diagnostics"]
    values: dict[str, Any] = {key: np.nan if value is None else value for key, value in stored.items()}
    return SemanticSpaceSummary(**values)
