"""What Dagster loads: assets, jobs, schedules, sensors and resources, from this machine's settings."""

import dagster as dg

from assets.ingest.clip_manifest import clip_manifest
from assets.publishing.report import report
from assets.publishing.warehouse import warehouse
from assets.scoring.segment_scores import segment_scores
from assets.semantics.pad_space import pad_space
from assets.semantics.rating_surveys import rating_surveys
from assets.spotting.expression_segments import expression_segments
from assets.spotting.face_features import flow_features, texture_features
from assets.spotting.face_tracks import face_tracks
from assets.training.champion import champion
from assets.training.deepid_versions import DEEPID_VERSIONS
from assets.training.model_comparison import model_comparison
from assets.training.training_set import training_set
from orchestration.jobs import JOBS
from orchestration.resources import build_resources
from orchestration.schedules import build_schedules
from orchestration.sensors import build_sensors
from orchestration.settings import Settings

ASSETS = (
    clip_manifest,
    face_tracks,
    texture_features,
    flow_features,
    expression_segments,
    rating_surveys,
    pad_space,
    training_set,
    *DEEPID_VERSIONS,
    model_comparison,
    champion,
    segment_scores,
    warehouse,
    report,
)


def build_definitions(settings: Settings) -> dg.Definitions:
    """Return assets, jobs, schedules, sensors and resources for `settings`; tests pass those of their own."""
    settings.prepare()
    return dg.Definitions(
        assets=ASSETS,
        jobs=JOBS,
        schedules=build_schedules(running=settings.automate),
        sensors=build_sensors(running=settings.automate),
        resources=build_resources(settings),
        executor=dg.in_process_executor,
    )


@dg.definitions
def definitions() -> dg.Definitions:
    """Return the definitions of this machine; the settings are read when Dagster asks, not on import."""
    return build_definitions(Settings())
