"""What is found to be the matter: each look both ways."""

import os
from datetime import UTC, datetime
from types import SimpleNamespace

import dagster as dg
import pytest
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus
from dagster._daemon.types import DaemonHeartbeat
from upath import UPath

from apexline.assets.lake.storage import Lake
from apexline.orchestration.settings import Settings
from apexline.orchestration.watching import health
from tests.assets.small_lake import row_of

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC).timestamp()
HOUR = 3600.0


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def lake(tmp_path):
    return Lake(UPath(tmp_path / "home"))


@pytest.fixture
def ran(instance, definitions):
    def put(status, job_name="publish", **tags):
        job = definitions.resolve_job_def(job_name)
        return instance.create_run_for_job(job, tags=tags, status=status).run_id

    return put


SUCCESS, FAILURE, STARTED = (
    dg.DagsterRunStatus.SUCCESS,
    dg.DagsterRunStatus.FAILURE,
    dg.DagsterRunStatus.STARTED,
)


def test_a_failed_run_counts_until_the_same_goes_well(instance, ran):
    assert list(health.failed_runs(instance)) == []
    failed = ran(FAILURE)
    ran(SUCCESS, "rescore")
    [found] = health.failed_runs(instance)
    assert (found.kind, found.key, found.is_wrong) == ("failed run", failed, True)
    assert "run it again" in found.detail
    ran(SUCCESS)
    assert list(health.failed_runs(instance)) == []


def test_runs_of_one_camera_day_do_not_make_good_those_of_another(instance, ran):
    ran(FAILURE, "rescore", **{"dagster/partition": "a"})
    ran(SUCCESS, "rescore", **{"dagster/partition": "b"})
    [found] = health.failed_runs(instance)
    assert "rescore of a" in found.detail
    ran(SUCCESS, "rescore", **{"dagster/partition": "a"})
    assert list(health.failed_runs(instance)) == []


@pytest.mark.parametrize(("status", "count"), [(WorkerStatus.FAILED, 1), (WorkerStatus.RUNNING, 0)])
def test_a_run_whose_process_is_gone_is_stuck(instance, ran, monkeypatch, status, count):
    ran(STARTED)
    launcher = SimpleNamespace(
        supports_check_run_worker_health=True,
        check_run_worker_health=lambda run: CheckRunHealthResult(status, "its process 7 is gone"),
    )
    monkeypatch.setattr(type(instance), "run_launcher", launcher)
    assert len(list(health.stuck_runs(instance))) == count


@pytest.mark.parametrize("severity", [dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN])
def test_a_failed_check_counts_until_it_holds(instance, severity):
    key = dg.AssetCheckKey(dg.AssetKey("warehouse"), "warehouse_is_consistent")

    def evaluate(passed):
        @dg.asset(name="warehouse", check_specs=[dg.AssetCheckSpec(key.name, asset="warehouse")])
        def made():
            return dg.MaterializeResult(check_results=[dg.AssetCheckResult(passed=passed, severity=severity)])

        dg.materialize([made], instance=instance)

    evaluate(False)
    [found] = health.failed_checks(instance, [key])
    assert found.is_wrong is (severity is dg.AssetCheckSeverity.ERROR)
    assert "warehouse:warehouse_is_consistent" in found.detail
    evaluate(True)
    assert list(health.failed_checks(instance, [key])) == []


def arrive(lake, camera_day, moment):
    path = lake.home / "clips" / camera_day / f"{'0' * 16}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{}")
    os.utime(path, (moment, moment))


@pytest.mark.parametrize(
    ("camera_day", "arrived", "is_late"),
    [
        ("2026-03-02_gate-07", NOW - 3 * HOUR, True),
        ("2026-03-02_gate-07", NOW - 1 * HOUR, False),
        ("2026-02-28_gate-07", NOW - 48 * HOUR, True),
        ("2026-01-02_gate-07", NOW - 59 * 24 * HOUR, False),  # nobody waits for it any more
        ("2026-02-25_gate-07", NOW - 3 * HOUR, False),  # an import of what was recorded days before
    ],
)
def test_a_live_camera_that_is_silent_is_late(lake, monkeypatch, camera_day, arrived, is_late):
    monkeypatch.setattr(health, "time", lambda: NOW)
    arrive(lake, camera_day, arrived)
    found = list(health.late_cameras(lake, silent_s=2 * HOUR))
    assert bool(found) is is_late
    assert all("gate-07 is silent for" in each.detail for each in found)


@pytest.mark.parametrize(("alias", "count"), [(1, 0), (2, 1), (None, 0)])
def test_a_moved_alias_is_found(lake, alias, count):
    row = row_of("promotions", model_version=1, promoted=True, decided_at=datetime.now(UTC))
    lake.write("promotions", "a", [row], stamp="s")
    registry = SimpleNamespace(get_alias=lambda name: alias)
    found = list(health.moved(lake, registry))
    assert len(found) == count
    assert all("apexline approve --by NAME" in each.detail for each in found)


@pytest.mark.parametrize(("tags", "count"), [({}, 0), ({"learned_from_erased": "true"}, 1)])
def test_a_champion_that_learned_from_erased_data_asks_for_a_retrain(tags, count):
    registry = SimpleNamespace(get_alias=lambda name: 3, tags=lambda number: tags)
    found = list(health.learned_from_erased(registry))
    assert len(found) == count
    assert all("version 3" in each.detail and "apexline retrain" in each.detail for each in found)


@pytest.mark.parametrize(("free", "wrong"), [(1 << 30, [True]), (5 << 30, [False]), (50 << 30, [])])
def test_a_disk_is_full_or_nearly(tmp_path, monkeypatch, free, wrong):
    usage = SimpleNamespace(total=100 << 30, free=free)
    monkeypatch.setattr(health.shutil, "disk_usage", lambda folder: usage)
    found = list(health.full_disks(Settings(home=str(tmp_path))))
    assert [each.is_wrong for each in found] == wrong


def test_daemons_that_do_not_report_are_noted(instance):
    [found] = health.silent_daemons(instance)
    assert (found.is_wrong, "none has ever run" in found.detail) == (False, True)
    beat = DaemonHeartbeat(health.time() - 600, "SENSOR", "1", [])
    instance.add_daemon_heartbeat(beat)
    [found] = health.silent_daemons(instance)
    assert "the last one reported" in found.detail
    instance.add_daemon_heartbeat(beat._replace(timestamp=health.time()))
    assert list(health.silent_daemons(instance)) == []


def test_clips_that_wait_are_noted(lake):
    assert list(health.waiting_clips(lake)) == []
    arrive(lake, "2026-03-02_gate-07", NOW)
    [found] = health.waiting_clips(lake)
    assert "1 camera-days" in found.detail


def test_a_champion_that_does_not_load_is_named(lake):
    def load(number):
        msg = "no such file"
        raise FileNotFoundError(msg)

    registry = SimpleNamespace(get_alias=lambda name: 3, load_model=load)
    [found] = health.unloadable_champion(lake, registry)
    assert "version 3 does not load (FileNotFoundError: no such file)" in found.detail
    registry.load_model = lambda number: None
    assert list(health.unloadable_champion(lake, registry)) == []
