"""Sensors: what happens when something arrives or changes."""

import json
from time import monotonic, time

import dagster as dg
from upath import UPath

from apexline.assets.ingest import IntakeResult, clips_in, summarise, take_in
from apexline.assets.lake import CAMERA_DAYS, Lake, fingerprint, stored_camera_days, stored_clips
from apexline.ml.registry import ModelRegistry
from apexline.orchestration.jobs import process_camera_day, rescore

# Dagster gives a tick 60 s; what does not fit waits in the landing folder for the next one.
_TICK_BUDGET_S = 20.0
# A clip without its sidecar may still be on its way.
GRACE_S = 30.0


def build_sensors(*, running: bool) -> list[dg.SensorDefinition]:
    """Return the sensors, switched on or off."""
    status = dg.DefaultSensorStatus.RUNNING if running else dg.DefaultSensorStatus.STOPPED

    @dg.sensor(job=process_camera_day, minimum_interval_seconds=30, default_status=status)
    def landing_sensor(
        context: dg.SensorEvaluationContext, lake: dg.ResourceParam[Lake]
    ) -> dg.SensorResult | dg.SkipReason:
        """Take in what lies in ``landing/`` and process the camera-days it belongs to."""
        results = take_in_landing(lake)
        if not results:
            return dg.SkipReason("nothing in landing/")
        context.log.info(json.dumps(summarise(results)))
        return request_camera_days(lake, sorted({o.camera_day for o in results if o.status == "accepted"}))

    @dg.sensor(job=rescore, minimum_interval_seconds=60, default_status=status)
    def champion_sensor(
        context: dg.SensorEvaluationContext,
        lake: dg.ResourceParam[Lake],
        registry: dg.ResourceParam[ModelRegistry],
    ) -> dg.SensorResult | dg.SkipReason:
        """Re-score every camera-day when the alias ``champion`` points to another version."""
        champion = registry.get_alias("champion")
        if champion is None:
            return dg.SkipReason("no champion yet")
        if context.cursor == str(champion):
            return dg.SkipReason(f"champion is still version {champion}")
        days = stored_camera_days(lake)
        return dg.SensorResult(
            run_requests=[
                dg.RunRequest(
                    run_key=f"{day}-v{champion}", partition_key=day, tags={"champion": str(champion)}
                )
                for day in days
            ],
            dynamic_partitions_requests=[CAMERA_DAYS.build_add_request(days)],
            cursor=str(champion),
        )

    return [landing_sensor, champion_sensor]


def take_in_landing(lake: Lake) -> list[IntakeResult]:
    """Take in the clips of the landing folder, as many as fit one tick."""
    landing = lake.home / "landing"
    if not landing.is_dir():
        return []
    started = monotonic()
    results: list[IntakeResult] = []
    for clip in clips_in(landing):
        if monotonic() - started > _TICK_BUDGET_S:
            break
        if _may_be_unfinished(clip):
            continue
        results.append(take_in(lake, clip, move=True))
    return results


def _may_be_unfinished(clip: UPath) -> bool:
    return not clip.with_suffix(".json").exists() and time() - clip.stat().st_mtime < GRACE_S


def request_camera_days(lake: Lake, camera_days: list[str]) -> dg.SensorResult:
    """Ask for one run per camera-day, once for each set of clips it holds."""
    return dg.SensorResult(
        run_requests=[
            dg.RunRequest(
                run_key=f"{day}-{fingerprint([clip.clip_id for clip in stored_clips(lake, day)])}",
                partition_key=day,
            )
            for day in camera_days
        ],
        dynamic_partitions_requests=[CAMERA_DAYS.build_add_request(camera_days)],
    )
