"""Jobs: which assets are materialised together."""

import dagster as dg

CLIP_ASSETS = (
    "clip_manifest",
    "face_tracks",
    "texture_features",
    "flow_features",
    "expression_features",
    "expression_segments",
    "segment_scores",
)
TRAINING_ASSETS = (
    "rating_surveys",
    "pad_space",
    "training_set",
    "deepid_baseline",
    "deepid_features",
    "deepid_semantic",
    "model_comparison",
)

process_camera_day = dg.define_asset_job(
    "process_camera_day",
    selection=dg.AssetSelection.assets(*CLIP_ASSETS),
    description="From a camera-day's clips to scored expression segments.",
)
retrain = dg.define_asset_job(
    "retrain",
    selection=dg.AssetSelection.assets(*TRAINING_ASSETS),
    description="From ratings and labelled segments to three compared model versions and a challenger.",
)
promote = dg.define_asset_job(
    "promote",
    selection=dg.AssetSelection.assets("champion"),
    description="Make the challenger champion, if it wins and a person approves (config: approved_by).",
)
rescore = dg.define_asset_job(
    "rescore",
    selection=dg.AssetSelection.assets("segment_scores"),
    description="Score a camera-day's segments by the present champion; earlier scores stay.",
)
publish = dg.define_asset_job(
    "publish",
    selection=dg.AssetSelection.assets("warehouse", "report"),
    description="Build the DuckDB warehouse and the HTML report from the lake.",
)

JOBS = (process_camera_day, retrain, promote, rescore, publish)
