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
    "score_shift",
)

_TRIED_BY_SENSORS = {"dagster/max_retries": "0"}  # they ask again for what is still to be done


def _tags(job: str, **more: str) -> dict[str, str]:
    """Return a job's tags; ``dagster.yaml`` limits runs by them."""
    return {"apexline/job": job, **more}


process_camera_day = dg.define_asset_job(
    "process_camera_day",
    tags=_tags("process_camera_day", **_TRIED_BY_SENSORS),
    selection=dg.AssetSelection.assets(*CLIP_ASSETS),
    description="From a camera-day's clips to scored expression segments.",
)
retrain = dg.define_asset_job(
    "retrain",
    tags=_tags("retrain"),
    selection=dg.AssetSelection.assets(*TRAINING_ASSETS),
    description="From ratings and labelled segments to three compared versions, and what the best would change.",
)
promote = dg.define_asset_job(
    "promote",
    tags=_tags("promote"),
    selection=dg.AssetSelection.assets("champion"),
    description="Make the challenger champion, if it wins and a person approves (config: approved_by).",
)
rescore = dg.define_asset_job(
    "rescore",
    tags=_tags("rescore", **_TRIED_BY_SENSORS),
    selection=dg.AssetSelection.assets("segment_scores"),
    description="Score a camera-day's segments by the present champion; earlier scores stay.",
)
publish = dg.define_asset_job(
    "publish",
    tags=_tags("publish"),
    selection=dg.AssetSelection.assets("warehouse", "report"),
    description="Build the DuckDB warehouse and the HTML report from the lake.",
)

JOBS = (process_camera_day, retrain, promote, rescore, publish)
