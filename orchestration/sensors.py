"""Sensors: what happens when something arrives or changes."""

import json
from collections.abc import Iterable
from dataclasses import replace
from time import monotonic, time

import dagster as dg

from apexline.assets.ingest import IntakeResult, LandingQueue, summarise, take_in
from apexline.assets.lake import CAMERA_DAYS, Lake, fingerprint, stored_camera_days, unprocessed_clips
from apexline.ml.registry import ModelRegistry
from apexline.orchestration.jobs import process_camera_day, rescore

# Dagster gives a tick 60 s; what does not fit waits in the landing folder for the next one.
_TICK_BUDGET_S = 20.0
# A camera-day whose runs failed as often for the same clips waits for a person or for another clip.
MAX_RUNS = 3
# A killed process leaves its run "started" for ever; one that said nothing for so long is taken for dead.
_SILENT_S = 6 * 3600.0
_PARTITION_TAG = "dagster/partition"
_RUN_KEY_TAG = "dagster/run_key"


def build_sensors(*, running: bool) -> list[dg.SensorDefinition]:
    """Return the sensors, switched on or off."""
    status = dg.DefaultSensorStatus.RUNNING if running else dg.DefaultSensorStatus.STOPPED

    @dg.sensor(job=process_camera_day, minimum_interval_seconds=30, default_status=status)
    def landing_sensor(context: dg.SensorEvaluationContext, lake: dg.ResourceParam[Lake]) -> dg.SensorResult:
        """Take in what lies in ``landing/``, and process the camera-days with clips that are stored, not processed."""
        queue = LandingQueue(context.cursor)
        results = take_in_landing(lake, queue)
        if results:
            # A log is kept: the name of a clip that was erased has no place in it.
            told = [replace(each, name="") if each.status == "refused" else each for each in results]
            context.log.info(json.dumps(summarise(told)))
        requests, given_up = request_camera_days(lake, context.instance)
        if given_up:
            context.log.warning(
                f"not processed after {MAX_RUNS} failed runs: {', '.join(given_up)}; see the runs for the reason, "
                "then backfill them or run `apexline ingest`"
            )
        days = [str(request.partition_key) for request in requests]
        return dg.SensorResult(
            run_requests=requests,
            dynamic_partitions_requests=[CAMERA_DAYS.build_add_request(days)],
            skip_reason=None if results or requests else _nothing_to_do(queue),
            cursor=queue.to_text(),
        )

    @dg.sensor(job=rescore, minimum_interval_seconds=60, default_status=status)
    def champion_sensor(
        context: dg.SensorEvaluationContext,
        lake: dg.ResourceParam[Lake],
        registry: dg.ResourceParam[ModelRegistry],
    ) -> dg.SensorResult | dg.SkipReason:
        """Re-score every camera-day when the alias ``champion`` points to another version, until each has been."""
        champion = registry.get_alias("champion")
        if champion is None:
            return dg.SkipReason("no champion yet")
        if context.cursor == str(champion):
            return dg.SkipReason(f"champion is still version {champion}")
        requests, is_settled = request_rescoring(lake, context.instance, champion)
        days = [str(request.partition_key) for request in requests]
        return dg.SensorResult(
            run_requests=requests,
            dynamic_partitions_requests=[CAMERA_DAYS.build_add_request(days)],
            skip_reason=None if requests else f"no camera-day to ask for by version {champion}",
            cursor=str(champion) if is_settled else context.cursor,
        )

    return [landing_sensor, champion_sensor]


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
        results.append(take_in(lake, entry, move=True))
        queue.handled(entry, time())
    return results


def _nothing_to_do(queue: LandingQueue) -> str:
    waiting = f"; {len(queue)} not complete yet" if len(queue) else ""
    folders = f"; folders, not looked into: {', '.join(queue.folders)}" if queue.folders else ""
    return f"nothing in landing/ to take in{waiting}{folders}"


def request_camera_days(lake: Lake, instance: dg.DagsterInstance) -> tuple[list[dg.RunRequest], list[str]]:
    """Ask for a run of each camera-day that holds unprocessed clips and of which no run is on its way.

    The requests follow from what is stored and from the runs on record, not from what a tick moved: a tick or a run
    that was killed is made good by the next tick. `MAX_RUNS` failed runs for one set of clips are enough.

    Returns
    -------
    requests : list of RunRequest
    given_up : list of str
        Camera-days that are asked for no more until they hold another clip.
    """
    requests: list[dg.RunRequest] = []
    given_up: list[str] = []
    for camera_day, clip_ids in unprocessed_clips(lake).items():
        records = instance.get_run_records(
            dg.RunsFilter(job_name=process_camera_day.name, tags={_PARTITION_TAG: camera_day})
        )
        key = f"{camera_day}-{fingerprint(clip_ids)}"
        own = [each for each in records if each.dagster_run.tags.get(_RUN_KEY_TAG, "").startswith(key)]
        if any(each.dagster_run.is_success for each in own):
            continue  # it went all the way and said which clips it could not process
        if any(_is_on_its_way(instance, each) for each in records):
            continue
        if len(own) >= MAX_RUNS:
            given_up.append(camera_day)
            continue
        taken = {each.dagster_run.tags[_RUN_KEY_TAG] for each in own}
        requests.append(dg.RunRequest(run_key=_unused_key(key, taken), partition_key=camera_day))
    return requests, given_up


def request_rescoring(
    lake: Lake, instance: dg.DagsterInstance, champion: int
) -> tuple[list[dg.RunRequest], bool]:
    """Ask for a run of each camera-day that the champion has not scored, and tell whether there is nothing to wait for.

    As `request_camera_days`: a run that failed or was killed is asked for again, `MAX_RUNS` in all.
    """
    requests: list[dg.RunRequest] = []
    waiting = False
    for day in stored_camera_days(lake):
        tags = {_PARTITION_TAG: day, "champion": str(champion)}
        records = instance.get_run_records(dg.RunsFilter(job_name=rescore.name, tags=tags))
        if any(each.dagster_run.is_success for each in records) or len(records) >= MAX_RUNS:
            continue
        if any(_is_on_its_way(instance, each) for each in records):
            waiting = True
            continue
        taken = {each.dagster_run.tags.get(_RUN_KEY_TAG, "") for each in records}
        key = _unused_key(f"{day}-v{champion}", taken)
        requests.append(dg.RunRequest(run_key=key, partition_key=day, tags={"champion": str(champion)}))
    return requests, not (waiting or requests)


def _unused_key(key: str, taken: Iterable[str]) -> str:
    """Return a run key that no run has: Dagster asks for a key once, whatever became of the run."""
    keys = (key if number == 0 else f"{key}-{number}" for number in range(MAX_RUNS))
    return next(each for each in keys if each not in taken)


def _is_on_its_way(instance: dg.DagsterInstance, record: dg.RunRecord) -> bool:
    if record.dagster_run.is_finished:
        return False
    last = instance.get_records_for_run(record.dagster_run.run_id, limit=1, ascending=False).records
    said = last[0].timestamp if last else record.create_timestamp.timestamp()
    return time() - said < _SILENT_S
