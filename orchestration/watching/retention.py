"""Runs that nobody needs any more.

Belongs here: which runs on record may go, the job that lets them go, and when. Stays out: ticks, which Dagster purges
by itself (``orchestration.settings``).

Dagster counts a camera-day as materialised by the events of the run that did it, so the latest run of each asset and
camera-day stays, however old it is.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg

from apexline.orchestration.settings import Settings

_FINISHED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
_AT_ONCE = 5000  # the others wait for the next day


def forget_runs(instance: dg.DagsterInstance, *, older_than: timedelta) -> int:
    """Delete finished runs with their events and logs, but for those that made what stands now; returns how many.

    Parameters
    ----------
    older_than : timedelta
        Since they were created.
    """
    wanted = dg.RunsFilter(statuses=_FINISHED, created_before=datetime.now(UTC) - older_than)
    found = [
        each.dagster_run.run_id for each in instance.get_run_records(wanted, limit=_AT_ONCE, ascending=True)
    ]
    doomed = [run_id for run_id in found if not _made_what_stands(instance, run_id)]
    for run_id in doomed:
        instance.delete_run(run_id)
        _drop_file(instance, run_id)
    return len(doomed)


def retention_job(days: int) -> dg.JobDefinition:
    """Return the job ``forget``, which deletes runs that are older than so many days."""

    @dg.op(name="forget_runs")
    def forget(context: dg.OpExecutionContext) -> None:
        count = forget_runs(context.instance, older_than=timedelta(days=days))
        context.log.info(f"{count} runs deleted that were older than {days} days")

    @dg.job(
        name="forget",
        tags={"apexline/job": "forget"},
        executor_def=dg.in_process_executor,
        description="Delete old runs, with events and logs, that made nothing of what stands now.",
    )
    def forget_job() -> None:
        forget()

    return forget_job


def retention_schedule(job: dg.JobDefinition, settings: Settings) -> dg.ScheduleDefinition:
    """Return the schedule of that job, switched on or off."""
    return dg.ScheduleDefinition(
        name="daily_forgetting",
        job=job,
        cron_schedule="0 5 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING
        if settings.automate
        else dg.DefaultScheduleStatus.STOPPED,
        description="Every day 05:00: old runs go that made nothing of what stands now.",
    )


def _made_what_stands(instance: dg.DagsterInstance, run_id: str) -> bool:
    events = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION).records
    for record in events:
        key, partition = record.asset_key, record.partition_key
        if key is None:
            continue
        wanted = dg.AssetRecordsFilter(key, asset_partitions=None if partition is None else [partition])
        latest = instance.fetch_materializations(wanted, limit=1).records
        if latest and latest[0].run_id == run_id:
            return True
    return False


def _drop_file(instance: dg.DagsterInstance, run_id: str) -> None:
    """Delete the SQLite file of a run's events, which Dagster empties and leaves."""
    path_of = getattr(instance.event_log_storage, "path_for_shard", None)  # no other storage has one
    if path_of is not None:
        Path(path_of(run_id)).unlink(missing_ok=True)
