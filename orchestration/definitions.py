"""What Dagster loads: assets, jobs, schedules, sensors and resources, from this machine's settings."""

import dagster as dg

from apexline.assets import ingest, publishing, scoring, semantics, spotting, training
from apexline.orchestration.engines import build_executor
from apexline.orchestration.jobs import JOBS
from apexline.orchestration.occupancy import held_while_working
from apexline.orchestration.resources import build_resources
from apexline.orchestration.schedules import build_schedules
from apexline.orchestration.sensors import build_sensors
from apexline.orchestration.settings import Settings
from apexline.orchestration.warm_runs import start_runs_warm
from apexline.orchestration.watching import camera_assets, retention_job, retention_schedule

# The rooms that hold stages: what lies in one is loaded, so that a new stage has to be named nowhere.
_STAGES = (ingest, spotting, semantics, training, scoring, publishing)
# On import, so that runs are forked with them: their modules take a second.
_ASSETS = [asset for room in _STAGES for asset in dg.load_assets_from_package_module(room)]


def build_definitions(settings: Settings) -> dg.Definitions:
    """Return assets, jobs, schedules, sensors and resources for `settings`; tests pass those of their own."""
    settings.prepare()
    resources = build_resources(settings)
    forget = retention_job(settings.keep_runs_days)
    return dg.Definitions(
        assets=[
            *_ASSETS,
            *camera_assets(resources["lake"], silent_s=settings.camera_silent_s),
        ],
        jobs=[*JOBS, forget],
        schedules=[*build_schedules(running=settings.automate), retention_schedule(forget, settings)],
        sensors=build_sensors(settings),
        # All that read or write a clip take the lake: as long as they have it, nothing is erased.
        resources={**resources, "lake": held_while_working(settings, resources["lake"])},
        executor=build_executor(settings),
    )


@dg.definitions
def definitions() -> dg.Definitions:
    """Return the definitions of this machine; the settings are read when Dagster asks, not on import."""
    start_runs_warm(__name__)
    return build_definitions(Settings())
