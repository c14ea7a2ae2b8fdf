"""When the schedules fire, and what they ask for."""

from datetime import UTC, datetime

import dagster as dg
import pytest

# What the scheduler daemon itself asks for the next ticks.
from dagster._utils.schedules import schedule_execution_time_iterator
from upath import UPath

from apexline.assets.lake.storage import Lake
from apexline.governance import stop
from apexline.orchestration import schedules as module
from apexline.orchestration.jobs import publish, purge, retrain
from apexline.orchestration.schedules import build_schedules


@pytest.fixture
def schedules():
    return {schedule.name: schedule for schedule in build_schedules(running=True)}


@pytest.fixture
def lake(tmp_path):
    return Lake(UPath(tmp_path))


def ticks(schedule, start, count):
    found = schedule_execution_time_iterator(
        start.timestamp(), schedule.cron_schedule, schedule.execution_timezone, ascending=True
    )
    return [next(found).astimezone(UTC) for _ in range(count)]


def test_retraining_fires_on_mondays_at_three_utc(schedules):
    saturday = datetime(2026, 3, 7, 12, tzinfo=UTC)
    assert ticks(schedules["weekly_retraining"], saturday, 3) == [
        datetime(2026, 3, 9, 3, tzinfo=UTC),
        datetime(2026, 3, 16, 3, tzinfo=UTC),
        datetime(2026, 3, 23, 3, tzinfo=UTC),
    ]


def test_retraining_waits_a_week_once_monday_three_has_passed(schedules):
    just_after = datetime(2026, 3, 9, 3, 0, 1, tzinfo=UTC)
    assert ticks(schedules["weekly_retraining"], just_after, 1) == [datetime(2026, 3, 16, 3, tzinfo=UTC)]


def test_warehouse_fires_daily_at_four_utc_also_where_clocks_change(schedules):
    # In Europe clocks go forward on 29 March 2026; UTC does not.
    before = datetime(2026, 3, 28, 5, tzinfo=UTC)
    assert ticks(schedules["daily_warehouse"], before, 3) == [
        datetime(2026, 3, day, 4, tzinfo=UTC) for day in (29, 30, 31)
    ]


@pytest.mark.parametrize(
    ("name", "job", "when"),
    [
        ("weekly_retraining", retrain, datetime(2026, 3, 9, 3, tzinfo=UTC)),
        ("daily_warehouse", publish, datetime(2026, 3, 9, 4, tzinfo=UTC)),
        ("hourly_purge", purge, datetime(2026, 3, 9, 4, 30, tzinfo=UTC)),
    ],
)
def test_a_tick_requests_one_run_of_its_job(schedules, name, job, when, monkeypatch, lake):
    monkeypatch.setattr(module, "nothing_to_learn", lambda lake, parameters: None)
    given = {"lake": lake, **({"parameters": None} if name == "weekly_retraining" else {})}
    context = dg.build_schedule_context(scheduled_execution_time=when, resources=given)
    [request] = schedules[name].evaluate_tick(context).run_requests
    assert schedules[name].job_name == job.name
    assert request.partition_key is None
    assert request.run_config == {}


def test_where_there_is_nothing_to_learn_monday_is_skipped_with_the_reason(schedules, monkeypatch, lake):
    monkeypatch.setattr(
        module, "nothing_to_learn", lambda lake, parameters: f"nothing to learn from {lake.home.name}"
    )
    context = dg.build_schedule_context(resources={"lake": lake, "parameters": None})
    found = schedules["weekly_retraining"].evaluate_tick(context)
    assert (found.run_requests, found.skip_message) == ([], f"nothing to learn from {lake.home.name}")


@pytest.mark.parametrize("name", ["weekly_retraining", "daily_warehouse", "hourly_purge"])
def test_nothing_is_scheduled_while_everything_is_stopped(schedules, name, lake):
    stop(lake.home, by="Ada", why="faces look wrong", now=datetime(2026, 3, 9, 2, tzinfo=UTC))
    given = {"lake": lake, **({"parameters": None} if name == "weekly_retraining" else {})}
    found = schedules[name].evaluate_tick(dg.build_schedule_context(resources=given))
    assert (found.run_requests, found.skip_message) == ([], "stopped by Ada: faces look wrong")
