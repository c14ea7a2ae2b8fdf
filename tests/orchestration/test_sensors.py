"""What the sensors do with a landing folder and with a new champion."""

import os
from datetime import UTC, datetime

import dagster as dg
import pytest
from upath import UPath

from apexline.assets.ingest.landing import GRACE_S, LandingQueue
from apexline.assets.ingest.quarantine import quarantined
from apexline.assets.lake.camera_days import CAMERA_DAYS
from apexline.assets.lake.clips import clip_ids
from apexline.assets.lake.storage import Lake
from apexline.assets.training.decisions import (
    latest_decision,
    promoted_version,
    store_decision,
    undisputed,
)
from apexline.governance.switch import stop
from apexline.orchestration import sensors
from apexline.orchestration.requests import request_processing
from tests.assets.small_lake import row_of

DAY = "2026-03-02_gate-03"


def covers(request):
    """First and last camera-day of a request."""
    if request.partition_key:
        return (request.partition_key,) * 2
    return tuple(request.tags[f"dagster/asset_partition_range_{end}"] for end in ("start", "end"))


class StubRegistry:
    """A registry that only knows its champion."""

    def __init__(self, champion=None):
        self.champion = champion

    def get_alias(self, alias):
        assert alias == "champion"
        return self.champion

    def set_alias(self, alias, number):
        assert alias == "champion"
        self.champion = number


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


@pytest.mark.parametrize("sensor", ["landing_sensor", "champion_sensor", "warehouse_sensor"])
def test_nothing_is_asked_for_while_everything_is_stopped(tick, lake, sensor, monkeypatch):
    monkeypatch.setattr(sensors, "request_publishing", lambda _: dg.RunRequest())  # a run ended a moment ago
    stop(lake.home, by="Ada", why="faces look wrong", now=datetime(2026, 3, 9, 2, tzinfo=UTC))
    found = tick(sensor, **({"registry": StubRegistry(1)} if sensor == "champion_sensor" else {}))
    assert (found.run_requests, found.skip_message) == ([], "stopped by Ada: faces look wrong")


def test_missing_landing_folder_is_skipped(tick):
    assert tick("landing_sensor").run_requests == []


def test_one_run_is_requested_for_neighbouring_camera_days(tick, lake, landing, deliver, noise_clip):
    deliver(landing, "a.mp4", noise_clip(seed=0))
    deliver(landing, "b.mp4", noise_clip(seed=1))
    deliver(landing, "c.mp4", noise_clip(seed=2), camera="gate-04")
    found = tick("landing_sensor")
    assert [covers(request) for request in found.run_requests] == [(DAY, "2026-03-02_gate-04")]
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
    [request] = request_processing(other, instance).runs
    assert request.run_key == both


def processed(lake):
    """Do as if a run had brought every stored clip to its scores."""
    for clip_id in clip_ids(lake, DAY):
        for table, name in {
            "expression_segments": clip_id,
            "segment_scores": f"{clip_id}-v1-abcd1234",
        }.items():
            lake.write(table, name, [row_of(table, clip_id=clip_id)], stamp="s", camera_day=DAY)


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


def test_without_a_champion_nothing_is_scored_again(tick):
    found = tick("champion_sensor", registry=StubRegistry())
    assert found.run_requests == []
    assert "no champion yet" in found.skip_message


def test_an_alias_that_was_moved_from_outside_is_put_back_and_told(tick, lake):
    store_decision(lake, undisputed(2, "of a test", approved_by="ada"), "p")
    registry = StubRegistry(3)
    found = tick("champion_sensor", registry=registry, cursor="2")
    assert found.run_requests == []
    assert "points at version 3" in found.skip_message
    assert registry.champion == promoted_version(lake) == 2
    decision = latest_decision(lake)
    assert decision["approved_by"] == "apexline"
    assert "pointed at version 3, which no decision had made champion: put back" in decision["reason"]
    assert (
        "champion is still version 2" in tick("champion_sensor", registry=registry, cursor="2").skip_message
    )


def test_what_is_the_matter_is_told_once(tick, lake, tmp_path, instance, definitions):
    job = definitions.resolve_job_def("publish")
    run = instance.create_run_for_job(job, status=dg.DagsterRunStatus.FAILURE)
    registry = StubRegistry(None)
    assert tick("alert_sensor", registry=registry).skip_message.endswith(" 1 messages")
    assert tick("alert_sensor", registry=registry).skip_message.endswith(" 0 messages")
    instance.delete_run(run.run_id)
    assert tick("alert_sensor", registry=registry).skip_message.endswith(" 1 messages")  # it is over


def test_sensors_start_the_jobs_that_fit(definitions):
    targets = {sensor.name: [target.job_name for target in sensor.targets] for sensor in definitions.sensors}
    assert targets == {
        "landing_sensor": ["process_camera_day"],
        "champion_sensor": ["rescore"],
        "warehouse_sensor": ["publish"],
        "alert_sensor": [],
    }
