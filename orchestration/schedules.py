"""Schedules: what happens by the clock (UTC)."""

import dagster as dg

from apexline.assets.lake import Lake
from apexline.assets.parameters import Parameters
from apexline.assets.training import nothing_to_learn
from apexline.orchestration.jobs import publish, purge, retrain
from apexline.orchestration.occupancy import who_stopped


def build_schedules(*, running: bool) -> list[dg.ScheduleDefinition]:
    """Return the schedules, switched on or off."""
    status = dg.DefaultScheduleStatus.RUNNING if running else dg.DefaultScheduleStatus.STOPPED

    @dg.schedule(
        job=retrain,
        cron_schedule="0 3 * * 1",
        execution_timezone="UTC",
        default_status=status,
        name="weekly_retraining",
        description="Mondays 03:00: retrain the three versions where there is anything to learn; promotion waits for a "
        "person.",
    )
    def weekly_retraining(
        lake: dg.ResourceParam[Lake], parameters: dg.ResourceParam[Parameters]
    ) -> dg.RunRequest | dg.SkipReason:
        return _unless(who_stopped(lake.home) or nothing_to_learn(lake, parameters))

    @dg.schedule(
        job=publish,
        cron_schedule="0 4 * * *",
        execution_timezone="UTC",
        default_status=status,
        name="daily_warehouse",
        description="Every day 04:00: warehouse and report.",
    )
    def daily_warehouse(lake: dg.ResourceParam[Lake]) -> dg.RunRequest | dg.SkipReason:
        return _unless(who_stopped(lake.home))

    @dg.schedule(
        job=purge,
        cron_schedule="30 * * * *",
        execution_timezone="UTC",
        default_status=status,
        name="hourly_purge",
        description="Every hour: delete what is older than its class is kept; not while everything is stopped.",
    )
    def hourly_purge(lake: dg.ResourceParam[Lake]) -> dg.RunRequest | dg.SkipReason:
        return _unless(who_stopped(lake.home))

    return [weekly_retraining, daily_warehouse, hourly_purge]


def _unless(reason: str | None) -> dg.RunRequest | dg.SkipReason:
    return dg.RunRequest() if reason is None else dg.SkipReason(reason)
