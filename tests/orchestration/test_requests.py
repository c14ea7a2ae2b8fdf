"""Which runs are asked for: derived from what is stored and from the runs on record."""

import time

import dagster as dg
import pytest
from dagster._core.events import DagsterEvent
from upath import UPath

from apexline.assets.lake.camera_days import CAMERA_DAYS
from apexline.assets.lake.failures import Failure, record_failure
from apexline.assets.lake.storage import Lake
from apexline.orchestration import requests
from apexline.orchestration.requests import (
    MAX_RUNS,
    request_processing,
    request_publishing,
    request_rescoring,
)
from tests.assets.small_lake import row_of

START, END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
DAYS = [f"2026-03-02_gate-{number:02d}" for number in range(4)]
SUCCESS, FAILURE, STARTED = (dg.DagsterRunStatus[name] for name in ("SUCCESS", "FAILURE", "STARTED"))


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def lake(tmp_path):
    return Lake(UPath(tmp_path / "home"))


@pytest.fixture(autouse=True)
def _no_rest(monkeypatch):
    """What was asked for a moment ago may be asked for again."""
    monkeypatch.setattr(requests, "_REST_S", -60.0)


def clip_id(number):
    return f"{number:016x}"


def store(lake, day, *numbers):
    """Put records of clips into a camera-day, as intake does."""
    folder = lake.home / "clips" / day
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        (folder / f"{clip_id(number)}.json").write_text("{}")


def search(lake, day, *numbers):
    for number in numbers:
        row = row_of("expression_segments", clip_id=clip_id(number))
        lake.write("expression_segments", clip_id(number), [row], stamp="s", camera_day=day)


def process(lake, day, *numbers):
    search(lake, day, *numbers)
    for number in numbers:
        score(lake, day, number, 1)


def score(lake, day, number, version):
    row = row_of("segment_scores", clip_id=clip_id(number))
    lake.write("segment_scores", f"{clip_id(number)}-v{version}-abcd1234", [row], stamp="s", camera_day=day)


@pytest.fixture
def ask(lake, instance):
    """Ask as a tick does: Dagster learns of the camera-days."""

    def processing():
        found = request_processing(lake, instance)
        instance.add_dynamic_partitions(CAMERA_DAYS.name, found.camera_days)
        return found

    return processing


@pytest.fixture
def rescore(lake, instance):
    def ask(champion=3):
        found = request_rescoring(lake, instance, champion)
        instance.add_dynamic_partitions(CAMERA_DAYS.name, found.camera_days)
        return found

    return ask


@pytest.fixture
def record(instance, definitions):
    """Put a run on record, as the daemon does with a request."""

    def put(request, status, job_name="process_camera_day", *, reason=None):
        tags = {"dagster/run_key": request.run_key or "none", **request.tags}
        if reason:
            tags["dagster/failure_reason"] = reason
        if request.partition_key:
            tags["dagster/partition"] = request.partition_key
        job = definitions.resolve_job_def(job_name)
        return instance.create_run_for_job(job, tags=tags, status=status).run_id

    return put


@pytest.fixture
def ran(instance, definitions):
    """Put a run on record that began and ended, so many seconds ago."""

    def put(job_name, began, ended, kind=dg.DagsterEventType.RUN_SUCCESS, **tags):
        run = instance.create_run_for_job(definitions.resolve_job_def(job_name), tags=tags)
        now = requests.time()
        for each, ago in ((dg.DagsterEventType.RUN_START, began), (kind, ended)):
            event = DagsterEvent(each.value, job_name, message="of a test")
            instance.report_dagster_event(event, run.run_id, timestamp=now - ago)

    return put


def covered(found):
    """First and last camera-day of each request."""
    return [
        (each.partition_key,) * 2 if each.partition_key else (each.tags[START], each.tags[END])
        for each in found.runs
    ]


def test_neighbours_share_a_run_and_what_lies_between_is_left_out(lake, ask):
    for number, day in enumerate(DAYS):
        store(lake, day, number)
    assert covered(ask()) == [(DAYS[0], DAYS[3])]
    process(lake, DAYS[1], 1)
    assert covered(ask()) == [(DAYS[0], DAYS[0]), (DAYS[2], DAYS[3])]


def test_a_range_follows_the_order_in_which_camera_days_became_known(lake, ask):
    """Dagster's ranges do: another order would process other camera-days."""
    store(lake, DAYS[2], 2)
    ask()
    store(lake, DAYS[0], 0)
    found = ask()
    assert covered(found) == [(DAYS[2], DAYS[0])]
    assert set(found.runs[0].tags.values()) >= {DAYS[0], DAYS[2]}


def test_a_tick_asks_for_a_few_runs_and_counts_those_on_their_way(lake, ask, record, monkeypatch):
    monkeypatch.setattr(requests, "_DAYS_A_RUN", 1)
    monkeypatch.setattr(requests, "_RUNS_AT_ONCE", 3)
    for number, day in enumerate(DAYS):
        store(lake, day, number)
    found = ask()
    assert covered(found) == [(day, day) for day in DAYS[:3]]
    record(found.runs[0], STARTED)
    assert covered(ask()) == [(DAYS[1], DAYS[1]), (DAYS[2], DAYS[2])]


def test_a_camera_day_rests_after_a_run(lake, ask, record, monkeypatch):
    monkeypatch.setattr(requests, "_REST_S", 60.0)
    store(lake, DAYS[0], 0)
    [request] = ask().runs
    record(request, SUCCESS)
    store(lake, DAYS[0], 1)
    assert ask().runs == []
    store(lake, DAYS[1], 2)
    assert covered(ask()) == [(DAYS[1], DAYS[1])]  # another camera need not wait
    now = requests.time()
    monkeypatch.setattr(requests, "time", lambda: now + 61)
    assert covered(ask()) == [(DAYS[0], DAYS[1])]


def test_a_short_run_is_followed_by_a_short_rest(lake, ask, ran, monkeypatch):
    monkeypatch.setattr(requests, "_REST_S", 60.0)
    ran("process_camera_day", 9, 5, **{"dagster/partition": DAYS[0]})
    ran("process_camera_day", 30, 5, **{"dagster/partition": DAYS[1]})
    store(lake, DAYS[0], 0)
    store(lake, DAYS[1], 1)
    assert covered(ask()) == []
    now = requests.time()
    monkeypatch.setattr(requests, "time", lambda: now + 4)  # twice as long as the first took
    assert covered(ask()) == [(DAYS[0], DAYS[0])]


def test_the_warehouse_is_built_after_runs_that_computed_something(instance, ran):
    assert "nothing was computed" in request_publishing(instance)
    ran("process_camera_day", 90, 80)
    assert request_publishing(instance).asset_selection == [dg.AssetKey("warehouse")]
    ran("publish", 70, 60)
    assert "nothing was computed" in request_publishing(instance)
    ran("rescore", 75, 65)  # ended while the warehouse was built
    assert not isinstance(request_publishing(instance), str)


def test_the_warehouse_rests_twice_as_long_as_it_took(instance, ran):
    ran("publish", 40, 15)
    ran("process_camera_day", 20, 10, dg.DagsterEventType.RUN_FAILURE)
    assert "a moment ago" in request_publishing(instance)
    ran("publish", 40, 39)
    assert not isinstance(request_publishing(instance), str)


def test_builds_that_fail_again_and_again_wait_for_a_person(instance, ran):
    ran("process_camera_day", 900, 800)
    for _ in range(MAX_RUNS):
        assert not isinstance(request_publishing(instance), str)
        ran("publish", 500, 499, dg.DagsterEventType.RUN_FAILURE)
    assert "builds of the warehouse failed" in request_publishing(instance)


def test_the_warehouse_is_built_by_one_run_at_a_time(instance, record, ran):
    ran("process_camera_day", 90, 80)
    record(request_publishing(instance), STARTED, "publish")
    assert "on its way" in request_publishing(instance)


def test_a_request_that_came_to_nothing_is_made_again_with_the_same_key(lake, ask):
    store(lake, DAYS[0], 0)
    first, again = (ask().runs[0].run_key for _ in range(2))
    assert first == again


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING, STARTED])
@pytest.mark.parametrize("days", [1, 3])
def test_a_run_on_its_way_is_not_asked_for_again(lake, ask, record, status, days, monkeypatch):
    for number, day in enumerate(DAYS[:days]):
        store(lake, day, number)
    [request] = ask().runs
    record(request, status)
    assert ask().runs == []
    # A killed process leaves its run as it was, for ever.
    now = requests.time()
    monkeypatch.setattr(requests, "time", lambda: now + requests._SILENT_S + 60)
    [retry] = ask().runs
    assert retry.run_key != request.run_key


def test_failed_runs_are_asked_for_again_a_few_times_each_camera_day_for_itself(lake, ask, record):
    store(lake, DAYS[0], 0)
    store(lake, DAYS[1], 1)
    keys = []
    for _ in range(MAX_RUNS):
        [request] = ask().runs
        keys.append(request.run_key)
        record(request, FAILURE, reason="STEP_FAILURE")
    assert len(set(keys)) == MAX_RUNS
    found = ask()
    assert (found.runs, found.given_up) == ([], DAYS[:2])
    # Another clip is another matter, for its own camera-day.
    store(lake, DAYS[1], 2)
    found = ask()
    assert (covered(found), found.given_up) == ([(DAYS[1], DAYS[1])], DAYS[:1])


def test_runs_that_were_killed_are_asked_for_again_more_often(lake, ask, record):
    store(lake, DAYS[0], 0)
    for reason in ["UNEXPECTED_TERMINATION"] * 7 + ["STEP_FAILURE"] * (MAX_RUNS - 1):
        record(ask().runs[0], FAILURE, reason=reason)
    assert len(ask().runs) == 1
    record(ask().runs[0], FAILURE, reason="UNEXPECTED_TERMINATION")  # the clip itself may kill them
    assert (ask().runs, ask().given_up) == ([], DAYS[:1])


def test_clips_whose_run_was_killed_between_segments_and_scores_are_asked_for(lake, ask, record):
    store(lake, DAYS[0], 0, 1)
    record(ask().runs[0], FAILURE, reason="UNEXPECTED_TERMINATION")
    search(lake, DAYS[0], 0, 1)
    score(lake, DAYS[0], 0, 1)
    assert covered(ask()) == [(DAYS[0], DAYS[0])]
    score(lake, DAYS[0], 1, 1)
    assert ask().runs == []


def test_a_clip_whose_faces_are_gone_needs_no_scores(lake, ask):
    store(lake, DAYS[0], 0)
    search(lake, DAYS[0], 0)
    (lake.home / "clips" / DAYS[0] / f"{clip_id(0)}.purged").touch()
    _touch(lake, "face_crops", DAYS[0], clip_id(0))
    assert covered(ask()) == [(DAYS[0], DAYS[0])]  # scores need faces alone
    lake.path("face_crops", clip_id(0), camera_day=DAYS[0]).unlink()
    assert ask().runs == []


def test_a_key_is_not_used_twice_when_runs_were_deleted(lake, ask, record, instance):
    store(lake, DAYS[0], 0)
    first, second = (record(ask().runs[0], FAILURE) for _ in range(2))
    taken = instance.get_run_by_id(second).tags["dagster/run_key"]
    instance.delete_run(first)
    assert ask().runs[0].run_key != taken


def test_a_run_that_went_all_the_way_is_enough_though_a_clip_has_no_segments(lake, ask, record):
    store(lake, DAYS[0], 0)
    record(ask().runs[0], SUCCESS)
    assert ask().runs == []


def test_what_is_processed_is_not_asked_for(lake, ask):
    store(lake, DAYS[0], 0)
    process(lake, DAYS[0], 0)
    assert ask().runs == []


# --- a new champion ---------------------------------------------------------------------------------------


@pytest.fixture
def three_days(lake, instance):
    for number, day in enumerate(DAYS[:3]):
        store(lake, day, number)
        process(lake, day, number)
        score(lake, day, number, 2)
    instance.add_dynamic_partitions(CAMERA_DAYS.name, DAYS[:3])


def test_a_new_champion_scores_all_by_one_run_behind_what_comes_in(three_days, rescore):
    found = rescore()
    assert covered(found) == [(DAYS[0], DAYS[2])]
    [request] = found.runs
    assert (request.tags["champion"], request.tags["dagster/priority"]) == ("3", "-1")
    assert not found.is_settled


def test_many_camera_days_are_scored_run_by_run_the_newest_first(
    lake, three_days, rescore, record, monkeypatch
):
    monkeypatch.setattr(requests, "_RESCORED_A_RUN", 2)
    found = rescore()
    assert covered(found) == [(DAYS[1], DAYS[2])]
    record(found.runs[0], STARTED, "rescore")
    assert rescore().runs == []
    record(found.runs[0], SUCCESS, "rescore")
    for number in (1, 2):
        score(lake, DAYS[number], number, 3)
    now = requests.time()
    monkeypatch.setattr(requests, "time", lambda: now + requests._SILENT_S + 60)
    assert covered(rescore()) == [(DAYS[0], DAYS[0])]
    score(lake, DAYS[0], 0, 3)
    assert rescore().is_settled


def test_what_the_champion_has_scored_or_failed_at_is_not_asked_for(lake, three_days, rescore):
    score(lake, DAYS[0], 0, 3)
    failed = Failure("segment_scores", DAYS[2], clip_id(2), *"abcdef")
    record_failure(lake, failed)
    assert covered(rescore()) == [(DAYS[1], DAYS[1])]


def test_what_is_being_processed_is_scored_by_that_run(lake, three_days, ask, rescore, record):
    store(lake, DAYS[2], 9)
    record(ask().runs[0], STARTED)
    assert covered(rescore()) == [(DAYS[0], DAYS[1])]


@pytest.mark.parametrize(
    ("status", "reason", "runs"),
    [
        (SUCCESS, None, MAX_RUNS),
        (FAILURE, "STEP_FAILURE", MAX_RUNS),
        (FAILURE, "UNEXPECTED_TERMINATION", requests._MAX_KILLED),
    ],
)
def test_a_rescoring_that_changes_nothing_is_given_up(three_days, rescore, record, status, reason, runs):
    keys = set()
    for _ in range(runs):
        [request] = rescore().runs
        keys.add(request.run_key)
        record(request, status, "rescore", reason=reason)
    found = rescore()
    assert len(keys) == runs
    assert (found.runs, found.given_up, found.is_settled) == ([], DAYS[:3], True)


def _touch(lake, table, day, name):
    """Put a file of the lake's where requests look for names alone."""
    path = lake.path(table, name, camera_day=day)
    path.parent.mkdir(parents=True)
    path.touch()


def test_intake_ticks_on_while_a_new_champion_scores_two_thousand_camera_days(lake, ask, rescore, record):
    days = [f"2026-{1 + n // 560:02d}-{1 + n // 20 % 28:02d}_gate-{n % 20:02d}" for n in range(2000)]
    for number, day in enumerate(days):
        store(lake, day, number)
        _touch(lake, "expression_segments", day, clip_id(number))
        _touch(lake, "segment_scores", day, f"{clip_id(number)}-v1-abcd1234")
    before = time.process_time()
    found = rescore()
    assert covered(found) == [(days[-200], days[-1])]  # the newest first, one run at a time
    record(found.runs[0], STARTED, "rescore")
    assert rescore().runs == []
    store(lake, "2026-05-01_gate-00", 5000)
    assert covered(ask()) == [("2026-05-01_gate-00",) * 2]
    assert int(found.runs[0].tags["dagster/priority"]) < 0
    # Three ticks; Dagster ends one that takes 60 s.
    assert time.process_time() - before < 15
