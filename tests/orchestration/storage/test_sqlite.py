"""The storage that keeps its engines stores what Dagster's own does, in the same files, and makes few engines."""

import shutil

import dagster as dg
import pytest
import yaml
from dagster._core.storage.event_log.sqlite import sqlite_event_log
from dagster._core.storage.runs.sqlite import sqlite_run_storage
from dagster._core.storage.schedules.sqlite import sqlite_schedule_storage

from apexline.orchestration.settings import Settings
from apexline.orchestration.storage import sqlite


@dg.asset(check_specs=[dg.AssetCheckSpec("sound", asset="one")])
def one():
    return dg.MaterializeResult(metadata={"n": 1}, check_results=[dg.AssetCheckResult(passed=True)])


@pytest.fixture
def settings(tmp_path):
    made = Settings(home=str(tmp_path / "home"))
    made.prepare()
    return made


def instance_of(settings):
    return dg.DagsterInstance.from_config(str(settings.dagster_home))


def events(instance, run_id):
    return [(each.dagster_event_type, each.step_key) for each in instance.all_logs(run_id)]


def test_a_new_home_keeps_its_engines(settings, monkeypatch):
    sqlite._engine.cache_clear()
    made = []
    monkeypatch.setattr(
        sqlite, "create_engine", lambda address, **rest: made.append(address) or create(address, **rest)
    )
    with instance_of(settings) as instance:
        assert isinstance(instance.run_storage, sqlite._Runs)
        assert isinstance(instance.event_log_storage, sqlite._Events)
        assert isinstance(instance.schedule_storage, sqlite._Schedules)
        for _ in range(2):
            assert dg.materialize([one], instance=instance).success
        assert len(instance.get_runs()) == 2
        instance.all_instigator_state()
    assert len(made) == len(set(made)) == 5  # runs, ticks, the index of events, and events of each run


create = sqlite.create_engine


def test_a_home_that_was_copied_has_records_of_its_own(settings, tmp_path):
    with instance_of(settings) as instance:
        dg.materialize([one], instance=instance)
    shutil.copytree(settings.dagster_home, tmp_path / "copy")
    with dg.DagsterInstance.from_config(str(tmp_path / "copy")) as instance:
        dg.materialize([one], instance=instance)
        assert len(instance.get_runs()) == 2
    with instance_of(settings) as instance:
        assert len(instance.get_runs()) == 1


def test_tables_are_compared_with_their_history_once_and_again_where_they_are_gone(settings, monkeypatch):
    compared = []
    for module in (sqlite_run_storage, sqlite_schedule_storage, sqlite_event_log):
        check = module.check_alembic_revision
        monkeypatch.setattr(
            module, "check_alembic_revision", lambda *rest, check=check: compared.append(1) or check(*rest)
        )
    for _ in range(3):
        with instance_of(settings) as instance:
            assert dg.materialize([one], instance=instance).success
    assert len(compared) == 2 + 1 + 1 + 3  # runs, ticks, events twice where they are new, events of each run
    with instance_of(settings) as instance:
        assert len(instance.get_runs()) == 3
    for file in settings.dagster_home.rglob("*.db*"):
        file.unlink()
    with instance_of(settings) as instance:
        assert instance.get_runs() == []
        assert dg.materialize([one], instance=instance).success


def test_records_of_either_storage_are_read_by_the_other(settings):
    file = settings.dagster_home / "dagster.yaml"
    own = file.read_text()
    plain = {key: value for key, value in yaml.safe_load(own).items() if key != "instance_class"}
    found = {}
    for text, other in [(own, yaml.safe_dump(plain)), (yaml.safe_dump(plain), own)]:
        file.write_text(text)
        with instance_of(settings) as instance:
            run_id = dg.materialize([one], instance=instance).run_id
            found[run_id] = events(instance, run_id)
        file.write_text(other)
        with instance_of(settings) as instance:
            assert events(instance, run_id) == found[run_id]
            latest = instance.get_latest_materialization_event(dg.AssetKey("one"))
            assert latest.run_id == run_id
    first, second = found.values()
    assert first == second
