"""Schedules: what happens by the clock (UTC)."""

import dagster as dg

from apexline.orchestration.jobs import publish, retrain


def build_schedules(*, running: bool) -> list[dg.ScheduleDefinition]:
    """Return the schedules, switched on or off."""
    status = dg.DefaultScheduleStatus.RUNNING if running else dg.DefaultScheduleStatus.STOPPED
    return [
        dg.ScheduleDefinition(
            name="weekly_retraining",
            job=retrain,
            cron_schedule="0 3 * * 1",
            execution_timezone="UTC",
            default_status=status,
            description="Mondays 03:00: retrain the three versions; promotion waits for a person.",
        ),
        dg.ScheduleDefinition(
            name="daily_warehouse",
            job=publish,
            cron_schedule="0 4 * * *",
            execution_timezone="UTC",
            default_status=status,
            description="Every day 04:00: warehouse and report.",
        ),
    ]
