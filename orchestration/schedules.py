"""Schedules: what happens by the clock (UTC)."""

import dagster as dg

from apexline.assets.lake import Lake
from apexline.assets.parameters import Parameters
from apexline.assets.training import nothing_to_learn
from apexline.orchestration.jobs import publish, retrain


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
        missing = nothing_to_learn(lake, parameters)
        return dg.RunRequest() if missing is None else dg.SkipReason(missing)

    return [
        weekly_retraining,
        dg.ScheduleDefinition(
            name="daily_warehouse",
            job=publish,
            cron_schedule="0 4 * * *",
            execution_timezone="UTC",
            default_status=status,
            description="Every day 04:00: warehouse and report.",
        ),
    ]
