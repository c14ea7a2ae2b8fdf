"""What the sensors do with a landing folder and with a new champion."""

import os

import dagster as dg
import pytest
from upath import UPath

from apexline.assets.ingest.landing import GRACE_S, LandingQueue
from apexline.assets.ingest.quarantine import quarantined
from apexline.assets.lake.camera_days import CAMERA_DAYS
from apexline.assets.lake.clips import clip_ids
from apexline.assets.lake.storage import Lake
from apexline.orchestration import sensors
from tests.assets.small_lake import row_of

DAY = "2026-03-02_gate-03"


class StubRegistry:
    """A registry that only knows its champion."""

    def __init__(self, champion=None):
        self.champion = champion

    def get_alias(self, alias):
        assert alias == "champion"
        return self.champion


@pytest.fixture
def lake(tmp_path):
    return Lake(UPath(tmp_path / "home"))


@pytest.fixture
def landing(lake):
    folder = lake.home / "landing"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture(scope="module")
def instance(tmp_path_factory):
    with dg.DagsterInstance.from_config(str(tmp_path_factory.mktemp("dagster"))) as instance:
        yield instance


@pytest.fixture
def tick(definitions, lake, instance):
    """Let a sensor tick as the daemon does; partitions that it adds stay for the next tick."""

    def run(name, *, cursor=None, **resources):
        given = {"lake": lake, **resources}
        with dg.SensorEvaluationContext(
            instance.get_ref(),
            cursor=cursor,
            repository_def=definitions.get_repository_def(),
            sensor_name=name,
            resources={key: dg.ResourceDefinition.hardcoded_resource(value) for key, value in given.items()},
        ) as context:
            found = definitions.resolve_sensor_def(name).evaluate_tick(context)
        for request in found.dynamic_partitions_requests or []:
            instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))
        run.partitions = set(instance.get_dynamic_partitions(CAMERA_DAYS.name))
        return found

    yield run
    for key in instance.get_dynamic_partitions(CAMERA_DAYS.name):
        instance.delete_dynamic_partition(CAMERA_DAYS.name, key)


def test_empty_landing_folder_is_skipped(tick, landing):
    found = tick("landing_sensor")
    assert found.run_requests == []
    assert "nothing in landing" in found.skip_message


def test_missing_landing_folder_is_skipped(tick):
    assert tick("landing_sensor").run_requests == []


def test_one_run_is_requested_per_camera_day(tick, lake, landing, deliver, noise_clip):
    deliver(landing, "a.mp4", noise_clip(seed=0))
    deliver(landing, "b.mp4", noise_clip(seed=1))
    deliver(landing, "c.mp4", noise_clip(seed=2), camera="gate-04")
    found = tick("landing_sensor")
    assert [request.partition_key for request in found.run_requests] == [DAY, "2026-03-02_gate-04"]
    assert {request.job_name for request in found.run_requests} <= {None, "process_camera_day"}
    assert tick.partitions == {DAY, "2026-03-02_gate-04"}
    assert len(clip_ids(lake, DAY)) == 2
    assert list(landing.iterdir()) == []


def test_bad_files_go_to_quarantine_and_the_rest_goes_on(
    tick, lake, landing, deliver, noise_clip, broken_clips
):
    deliver(landing, "good.mp4", noise_clip())
    for reason, content in broken_clips.items():
        deliver(landing, f"{reason}.mp4", content)
    deliver(landing, "incomplete.mp4", noise_clip(seed=1), purpose=None)
    found = tick("landing_sensor")
    assert [request.partition_key for request in found.run_requests] == [DAY]
    reasons = {record["name"]: record["reason"] for record in quarantined(lake)}
    assert reasons == {
        **{f"{reason}.mp4": reason for reason in broken_clips},
        "incomplete.mp4": "missing_field",
    }
    assert list(landing.iterdir()) == []


def test_a_folder_of_bad_files_requests_nothing(tick, landing, deliver):
    deliver(landing, "bad.mp4", b"")
    found = tick("landing_sensor")
    assert found.run_requests == []
    assert tick.partitions == set()


def test_run_key_names_the_clips_of_the_day(tick, tmp_path, instance, landing, deliver, noise_clip):
    """The daemon runs a key once: another set of clips must have another key, the same set the same."""

    def key(*seeds):
        for seed in seeds:
            deliver(landing, f"{seed}.mp4", noise_clip(seed=seed))
        [request] = tick("landing_sensor").run_requests
        return request.run_key

    first = key(0)
    both = key(1)
    assert first != both
    other = Lake(UPath(tmp_path / "other"))
    for seed in (1, 0):
        clip = deliver(tmp_path / "other" / "landing", f"{seed}.mp4", noise_clip(seed=seed))
        assert clip.exists()
    sensors.take_in_landing(other, LandingQueue())
    [request], _ = sensors.request_camera_days(other, instance)
    assert request.run_key == both


def processed(lake):
    """Do as if a run had brought every stored clip to its segments."""
    for clip_id in clip_ids(lake, DAY):
        row = row_of("expression_segments", clip_id=clip_id)
        lake.write("expression_segments", clip_id, [row], stamp="s", camera_day=DAY)


def test_same_content_again_requests_nothing(tick, lake, landing, deliver, noise_clip):
    deliver(landing, "a.mp4", noise_clip())
    assert len(tick("landing_sensor").run_requests) == 1
    processed(lake)
    deliver(landing, "renamed.mp4", noise_clip())
    assert tick("landing_sensor").run_requests == []
    assert len(clip_ids(lake, DAY)) == 1
    assert list(landing.iterdir()) == []


def test_a_clip_may_arrive_before_its_sidecar(tick, lake, landing, deliver, noise_clip):
    clip = deliver(landing, "late.mp4", noise_clip(), sidecar=False)
    found = tick("landing_sensor")
    assert "nothing in landing" in found.skip_message
    assert clip.exists()
    deliver(landing, "late.mp4", noise_clip())
    assert len(tick("landing_sensor", cursor=found.cursor).run_requests) == 1


def test_a_clip_without_sidecar_is_quarantined_after_the_grace_period(
    tick, lake, landing, deliver, noise_clip, monkeypatch
):
    """Its old time of change says when it was recorded, not when it came."""
    clip = deliver(landing, "alone.mp4", noise_clip(), sidecar=False)
    os.utime(clip, (1e9, 1e9))
    cursor = None
    for now, gone in ((0.0, False), (GRACE_S - 1, False), (GRACE_S, True)):
        monkeypatch.setattr(sensors, "time", lambda now=now: now)
        found = tick("landing_sensor", cursor=cursor)
        cursor = found.cursor
        assert clip.exists() != gone
        assert found.run_requests == []
    assert [record["reason"] for record in quarantined(lake)] == ["no_manifest"]
    assert not clip.exists()


def test_odd_entries_stop_nobody(tick, lake, landing, deliver, noise_clip):
    (landing / "a.mp4").symlink_to("/dev/zero")
    os.mkfifo(landing / "b.mp4")
    (landing / "c.mp4").mkdir()
    (landing / "cam1").mkdir()
    deliver(landing, "d.mp4", noise_clip(seed=1))
    (landing / "d.json").write_text('{"a":' * 100_000)
    deliver(landing, "e.mp4", noise_clip())
    found = tick("landing_sensor")
    assert [request.partition_key for request in found.run_requests] == [DAY]
    reasons = {record["name"]: record["reason"] for record in quarantined(lake)}
    assert reasons == {"a.mp4": "symbolic_link", "b.mp4": "not_a_file", "d.mp4": "unreadable_manifest"}
    assert sorted(path.name for path in landing.iterdir()) == ["c.mp4", "cam1"]


# --- what is stored gets its run ---------------------------------------------------------------------------


@pytest.fixture
def stored(lake, landing, deliver, noise_clip):
    """A clip that a tick took in before it was killed: nobody asked for its run."""
    deliver(landing, "a.mp4", noise_clip())
    [result] = sensors.take_in_landing(lake, LandingQueue())
    assert result.status == "accepted"


@pytest.fixture
def record_run(instance, definitions):
    """Put a run on record, as the daemon does with a request; all are deleted in the end."""
    made = []

    def record(request, status, job_name="process_camera_day"):
        job = definitions.resolve_job_def(job_name)
        tags = {
            "dagster/partition": request.partition_key,
            "dagster/run_key": request.run_key,
            **request.tags,
        }
        made.append(instance.create_run_for_job(job, tags=tags, status=status).run_id)
        return made[-1]

    yield record
    for run_id in made:
        instance.delete_run(run_id)


def test_a_clip_that_was_stored_by_a_killed_tick_gets_its_run(tick, stored):
    found = tick("landing_sensor")
    assert [request.partition_key for request in found.run_requests] == [DAY]
    assert tick.partitions == {DAY}


def test_a_request_that_came_to_nothing_is_made_again_with_the_same_key(tick, stored):
    first, again = (tick("landing_sensor").run_requests[0].run_key for _ in range(2))
    assert first == again


@pytest.mark.parametrize(
    "status",
    [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED],
)
def test_a_run_on_its_way_is_not_asked_for_again(tick, stored, record_run, status, monkeypatch):
    [request] = tick("landing_sensor").run_requests
    record_run(request, status)
    assert tick("landing_sensor").run_requests == []
    # A killed process leaves its run as it was, for ever.
    now = sensors.time()
    monkeypatch.setattr(sensors, "time", lambda: now + sensors._SILENT_S + 60)
    [retry] = tick("landing_sensor").run_requests
    assert retry.run_key != request.run_key


def test_a_failed_run_is_asked_for_again_a_few_times(
    tick, lake, stored, record_run, landing, deliver, noise_clip
):
    keys = []
    for _ in range(sensors.MAX_RUNS):
        [request] = tick("landing_sensor").run_requests
        keys.append(request.run_key)
        record_run(request, dg.DagsterRunStatus.FAILURE)
    assert len(set(keys)) == sensors.MAX_RUNS
    assert tick("landing_sensor").run_requests == []
    # Another clip is another matter.
    deliver(landing, "b.mp4", noise_clip(seed=1))
    [request] = tick("landing_sensor").run_requests
    assert request.run_key not in keys


def test_a_key_is_not_used_twice_when_runs_were_deleted(tick, stored, record_run, instance):
    first, second = (
        record_run(tick("landing_sensor").run_requests[0], dg.DagsterRunStatus.FAILURE) for _ in range(2)
    )
    taken = instance.get_run_by_id(second).tags["dagster/run_key"]
    instance.delete_run(first)
    assert tick("landing_sensor").run_requests[0].run_key != taken


def test_a_run_that_went_all_the_way_is_enough_though_a_clip_has_no_segments(tick, stored, record_run):
    record_run(tick("landing_sensor").run_requests[0], dg.DagsterRunStatus.SUCCESS)
    assert tick("landing_sensor").run_requests == []


def test_what_is_processed_is_not_asked_for(tick, lake, stored):
    processed(lake)
    assert tick("landing_sensor").run_requests == []


def test_a_tick_stops_before_the_daemon_does(tick, lake, landing, deliver, noise_clip, monkeypatch):
    for seed in range(3):
        deliver(landing, f"{seed}.mp4", noise_clip(seed=seed))
    clock = iter([0.0, 1.0, sensors._TICK_BUDGET_S + 1])
    monkeypatch.setattr(sensors, "monotonic", lambda: next(clock))
    assert len(tick("landing_sensor").run_requests) == 1
    assert [path.name for path in sorted(landing.glob("*.mp4"))] == ["1.mp4", "2.mp4"]
    monkeypatch.setattr(sensors, "monotonic", lambda: 0.0)
    assert len(tick("landing_sensor").run_requests) == 1
    assert len(clip_ids(lake, DAY)) == 3


@pytest.fixture
def two_days(lake, landing, deliver, noise_clip):
    deliver(landing, "a.mp4", noise_clip(seed=0))
    deliver(landing, "b.mp4", noise_clip(seed=1), camera="gate-04")
    sensors.take_in_landing(lake, LandingQueue())


def test_without_a_champion_nothing_is_scored_again(tick, two_days):
    found = tick("champion_sensor", registry=StubRegistry())
    assert found.run_requests == []
    assert "no champion yet" in found.skip_message


def test_a_new_champion_scores_every_camera_day_again(tick, two_days):
    found = tick("champion_sensor", registry=StubRegistry(3), cursor="2")
    assert [request.partition_key for request in found.run_requests] == [DAY, "2026-03-02_gate-04"]
    assert [request.run_key for request in found.run_requests] == [f"{DAY}-v3", "2026-03-02_gate-04-v3"]
    assert all(request.tags["champion"] == "3" for request in found.run_requests)
    assert found.cursor == "2"  # not done yet
    assert tick.partitions == {DAY, "2026-03-02_gate-04"}


def test_the_same_champion_scores_nothing_again(tick, two_days, record_run):
    first = tick("champion_sensor", registry=StubRegistry(3))
    assert len(first.run_requests) == 2
    for request in first.run_requests:
        record_run(request, dg.DagsterRunStatus.SUCCESS, "rescore")
    again = tick("champion_sensor", registry=StubRegistry(3), cursor=first.cursor)
    assert (again.run_requests, again.cursor) == ([], "3")
    assert "still version 3" in tick("champion_sensor", registry=StubRegistry(3), cursor="3").skip_message


def test_a_failed_rescoring_is_asked_for_again(tick, two_days, record_run):
    """A run on its way is waited for; one that failed is asked for under another key, three in all."""
    first, second = tick("champion_sensor", registry=StubRegistry(3)).run_requests
    record_run(first, dg.DagsterRunStatus.FAILURE, "rescore")
    record_run(second, dg.DagsterRunStatus.STARTED, "rescore")
    again = tick("champion_sensor", registry=StubRegistry(3))
    assert [request.run_key for request in again.run_requests] == [f"{first.run_key}-1"]
    assert again.cursor is None
    for number in (1, 2):
        request = dg.RunRequest(f"{first.run_key}-{number}", partition_key=DAY, tags={"champion": "3"})
        record_run(request, dg.DagsterRunStatus.FAILURE, "rescore")
    assert tick("champion_sensor", registry=StubRegistry(3)).run_requests == []


def test_sensors_start_the_jobs_that_fit(definitions):
    targets = {sensor.name: [target.job_name for target in sensor.targets] for sensor in definitions.sensors}
    assert targets == {"landing_sensor": ["process_camera_day"], "champion_sensor": ["rescore"]}
