"""Jobs: which assets are materialised together, and the purge."""

import subprocess
import sys

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
    selection=dg.AssetSelection.assets("warehouse", "drift", "report"),
    description="Bring the DuckDB warehouse up to the lake, look for drift, write the HTML report.",
)


@dg.op(name="delete_what_is_due")
def _delete_what_is_due() -> None:
    """Purge in a process of its own: a run that deletes old runs is not to be one that holds the lake.

    What it starts stands above this room and loads the definitions itself, so that it can't be imported here.
    """
    subprocess.run([sys.executable, "-P", "-m", f"{__package__}.governing"], check=True)


@dg.job(
    tags=_tags("purge"), description="Delete what is older than its class is kept, and prove it by a search."
)
def purge() -> None:
    """The job of the schedule ``hourly_purge``."""
    _delete_what_is_due()


JOBS = (process_camera_day, retrain, promote, rescore, publish, purge)
