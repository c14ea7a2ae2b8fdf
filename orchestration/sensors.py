"""Sensors: what happens when something arrives or changes."""

import json
from dataclasses import replace
from time import monotonic, time

import dagster as dg

from apexline.assets.ingest import IntakeResult, LandingQueue, summarise, take_in
from apexline.assets.lake import CAMERA_DAYS, Lake
from apexline.assets.training import moved_alias, put_alias_back
from apexline.ml.registry import ModelRegistry
from apexline.orchestration.jobs import process_camera_day, publish, rescore
from apexline.orchestration.occupancy import who_stopped
from apexline.orchestration.requests import (
    MAX_RUNS,
    request_processing,
    request_publishing,
    request_rescoring,
)
from apexline.orchestration.settings import Settings
from apexline.orchestration.watching import failed_checks, heard, tell, watched

# Dagster gives a tick 60 s; what does not fit waits in the landing folder for the next one.
_TICK_BUDGET_S = 20.0


def build_sensors(settings: Settings) -> list[dg.SensorDefinition]:
    """Return the sensors, switched on or off."""
    status = dg.DefaultSensorStatus.RUNNING if settings.automate else dg.DefaultSensorStatus.STOPPED

    @dg.sensor(
        job=process_camera_day,
        minimum_interval_seconds=5,
        default_status=status,
        description="Take in what lies in `landing/`, and process the camera-days that hold unprocessed clips.",
    )
    def landing_sensor(context: dg.SensorEvaluationContext, lake: dg.ResourceParam[Lake]) -> dg.SensorResult:
        if (stop := who_stopped(lake.home)) is not None:
            return dg.SensorResult(skip_reason=stop, cursor=context.cursor)
        queue = LandingQueue(context.cursor)
        results = take_in_landing(lake, queue)
        if results:
            # A log is kept: the name of a clip that was erased has no place in it.
            told = [replace(each, name="") if each.status == "refused" else each for each in results]
            context.log.info(json.dumps(summarise(told)))
        found = request_processing(lake, context.instance)
        if found.given_up:
            context.log.warning(
                f"not processed after {MAX_RUNS} failed runs: {', '.join(found.given_up)}; see the runs for the "
                "reason, then backfill them or run `apexline ingest`"
            )
        return dg.SensorResult(
            run_requests=found.runs,
            dynamic_partitions_requests=[CAMERA_DAYS.build_add_request(found.camera_days)],
            skip_reason=None if results or found.runs else _nothing_to_do(queue),
            cursor=queue.to_text(),
            asset_events=heard(results),
        )

    @dg.sensor(
        job=rescore,
        minimum_interval_seconds=60,
        default_status=status,
        description="Re-score what the champion has not scored, when another version becomes it, the newest first.",
    )
    def champion_sensor(
        context: dg.SensorEvaluationContext,
        lake: dg.ResourceParam[Lake],
        registry: dg.ResourceParam[ModelRegistry],
    ) -> dg.SensorResult | dg.SkipReason:
        if (stop := who_stopped(lake.home)) is not None:
            return dg.SkipReason(stop)
        champion = registry.get_alias("champion")
        if champion is None:
            return dg.SkipReason("no champion yet")
        if (moved := moved_alias(lake, champion)) is not None:
            put_alias_back(lake, registry, by="apexline")
            context.log.warning(f"{moved}; it is put back now, and that is on record in `promotions`")
            return dg.SkipReason(moved)
        if context.cursor == str(champion):
            return dg.SkipReason(f"champion is still version {champion}")
        found = request_rescoring(lake, context.instance, champion)
        if found.given_up:
            context.log.warning(
                f"not scored by version {champion} after {MAX_RUNS} runs: {', '.join(found.given_up)}; see the runs "
                "for the reason, then backfill `segment_scores`"
            )
        return dg.SensorResult(
            run_requests=found.runs,
            dynamic_partitions_requests=[CAMERA_DAYS.build_add_request(found.camera_days)],
            skip_reason=None if found.runs else f"no camera-day to ask for by version {champion}",
            cursor=str(champion) if found.is_settled else context.cursor,
        )

    @dg.sensor(
        job=publish,
        minimum_interval_seconds=5,
        default_status=status,
        description="Build the warehouse after runs that computed something; the report waits for `daily_warehouse`.",
    )
    def warehouse_sensor(
        context: dg.SensorEvaluationContext, lake: dg.ResourceParam[Lake]
    ) -> dg.RunRequest | dg.SkipReason:
        found = who_stopped(lake.home) or request_publishing(context.instance)
        return dg.SkipReason(found) if isinstance(found, str) else found

    @dg.sensor(
        minimum_interval_seconds=60,
        default_status=status,
        description="Tell of failed runs and checks, stuck runs, late cameras, a moved alias and a full disk.",
    )
    def alert_sensor(
        context: dg.SensorEvaluationContext,
        lake: dg.ResourceParam[Lake],
        registry: dg.ResourceParam[ModelRegistry],
    ) -> dg.SkipReason:
        repository = context.repository_def
        checks = repository.asset_graph.asset_check_keys if repository else ()
        problems = [
            *watched(settings, lake, registry, context.instance),
            *(each for each in failed_checks(context.instance, checks) if each.is_wrong),
        ]
        told = tell(settings, problems, context.log)
        return dg.SkipReason(f"{len(problems)} problems, {len(told)} messages")

    return [landing_sensor, champion_sensor, warehouse_sensor, alert_sensor]


def take_in_landing(lake: Lake, queue: LandingQueue) -> list[IntakeResult]:
    """Handle what is complete in the landing folder, as much as fits one tick."""
    landing = lake.home / "landing"
    if not landing.is_dir():
        return []
    started = monotonic()
    results: list[IntakeResult] = []
    for entry in queue.look(landing, time()):
        if monotonic() - started > _TICK_BUDGET_S:
            break
        results.append(take_in(lake, entry, move=True, by="landing sensor"))
        queue.handled(entry, time())
    return results


def _nothing_to_do(queue: LandingQueue) -> str:
    waiting = f"; {len(queue)} not complete yet" if len(queue) else ""
    folders = f"; folders, not looked into: {', '.join(queue.folders)}" if queue.folders else ""
    return f"nothing in landing/ to take in{waiting}{folders}"
