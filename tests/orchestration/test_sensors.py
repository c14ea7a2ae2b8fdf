"""What the sensors do with a landing folder and with a new champion."""

import os
import time

import dagster as dg
import pytest
from upath import UPath

from apexline.assets.ingest.intake import quarantined
from apexline.assets.lake.camera_days import CAMERA_DAYS
from apexline.assets.lake.clips import stored_clips
from apexline.assets.lake.storage import Lake
from apexline.orchestration import sensors

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
    assert len(stored_clips(lake, DAY)) == 2
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


def test_run_key_names_the_clips_of_the_day(tick, tmp_path, landing, deliver, noise_clip):
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
    sensors.take_in_landing(other)
    [request] = sensors.request_camera_days(other, [DAY]).run_requests
    assert request.run_key == both


def test_same_content_again_requests_nothing(tick, lake, landing, deliver, noise_clip):
    deliver(landing, "a.mp4", noise_clip())
    assert len(tick("landing_sensor").run_requests) == 1
    deliver(landing, "renamed.mp4", noise_clip())
    assert tick("landing_sensor").run_requests == []
    assert len(stored_clips(lake, DAY)) == 1
    assert list(landing.iterdir()) == []


def test_a_clip_may_arrive_before_its_sidecar(tick, lake, landing, deliver, noise_clip):
    clip = deliver(landing, "late.mp4", noise_clip(), sidecar=False)
    assert "nothing in landing" in tick("landing_sensor").skip_message
    assert clip.exists()
    deliver(landing, "late.mp4", noise_clip())
    assert len(tick("landing_sensor").run_requests) == 1


def test_a_clip_without_sidecar_is_quarantined_after_the_grace_period(
    tick, lake, landing, deliver, noise_clip
):
    clip = deliver(landing, "alone.mp4", noise_clip(), sidecar=False)
    before = time.time() - sensors.GRACE_S - 1
    os.utime(clip, (before, before))
    assert tick("landing_sensor").run_requests == []
    assert [record["reason"] for record in quarantined(lake)] == ["no_manifest"]
    assert not clip.exists()


def test_a_tick_stops_before_the_daemon_does(tick, lake, landing, deliver, noise_clip, monkeypatch):
    for seed in range(3):
        deliver(landing, f"{seed}.mp4", noise_clip(seed=seed))
    clock = iter([0.0, 1.0, sensors._TICK_BUDGET_S + 1])
    monkeypatch.setattr(sensors, "monotonic", lambda: next(clock))
    assert len(tick("landing_sensor").run_requests) == 1
    assert [path.name for path in sorted(landing.glob("*.mp4"))] == ["1.mp4", "2.mp4"]
    monkeypatch.setattr(sensors, "monotonic", lambda: 0.0)
    assert len(tick("landing_sensor").run_requests) == 1
    assert len(stored_clips(lake, DAY)) == 3


@pytest.fixture
def two_days(lake, landing, deliver, noise_clip):
    deliver(landing, "a.mp4", noise_clip(seed=0))
    deliver(landing, "b.mp4", noise_clip(seed=1), camera="gate-04")
    sensors.take_in_landing(lake)


def test_without_a_champion_nothing_is_scored_again(tick, two_days):
    found = tick("champion_sensor", registry=StubRegistry())
    assert found.run_requests == []
    assert "no champion yet" in found.skip_message


def test_a_new_champion_scores_every_camera_day_again(tick, two_days):
    found = tick("champion_sensor", registry=StubRegistry(3), cursor="2")
    assert [request.partition_key for request in found.run_requests] == [DAY, "2026-03-02_gate-04"]
    assert [request.run_key for request in found.run_requests] == [f"{DAY}-v3", "2026-03-02_gate-04-v3"]
    assert all(request.tags["champion"] == "3" for request in found.run_requests)
    assert found.cursor == "3"
    assert tick.partitions == {DAY, "2026-03-02_gate-04"}


def test_the_same_champion_scores_nothing_again(tick, two_days):
    first = tick("champion_sensor", registry=StubRegistry(3))
    again = tick("champion_sensor", registry=StubRegistry(3), cursor=first.cursor)
    assert len(first.run_requests) == 2
    assert again.run_requests == []
    assert "still version 3" in again.skip_message


def test_sensors_start_the_jobs_that_fit(definitions):
    targets = {sensor.name: [target.job_name for target in sensor.targets] for sensor in definitions.sensors}
    assert targets == {"landing_sensor": ["process_camera_day"], "champion_sensor": ["rescore"]}
