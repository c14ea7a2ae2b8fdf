"""Old runs go, and with them nothing that Dagster needs to know."""

from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from apexline.orchestration.watching.retention import forget_runs, retention_job

DAYS = dg.DynamicPartitionsDefinition(name="day")


@dg.asset(partitions_def=DAYS)
def made(context: dg.AssetExecutionContext) -> None:
    if context.run.tags.get("fails"):
        msg = "of a test"
        raise ValueError(msg)


@pytest.fixture
def instance(tmp_path):
    (tmp_path / "dagster").mkdir()
    with dg.DagsterInstance.from_config(str(tmp_path / "dagster")) as instance:
        instance.add_dynamic_partitions("day", ["a", "b"])
        yield instance


def run(instance, day, **tags):
    done = dg.materialize([made], instance=instance, partition_key=day, tags=tags, raise_on_error=False)
    return done.run_id


def test_what_stands_keeps_its_run(instance):
    first, other = run(instance, "a"), run(instance, "b")
    failed, latest = run(instance, "a", fails="yes"), run(instance, "a")
    files = {each: Path(instance.event_log_storage.path_for_shard(each)) for each in (first, failed, latest)}
    assert all(path.exists() for path in files.values())
    assert forget_runs(instance, older_than=timedelta(days=1)) == 0
    assert forget_runs(instance, older_than=timedelta(days=-1)) == 2
    assert {each.run_id for each in instance.get_runs()} == {other, latest}
    assert {each: path.exists() for each, path in files.items()} == {
        first: False,
        failed: False,
        latest: True,
    }
    assert instance.get_materialized_partitions(dg.AssetKey("made")) == {"a", "b"}


def test_the_job_deletes_by_the_setting(instance):
    run(instance, "a")
    job = retention_job(90)
    assert job.execute_in_process(instance=instance).success
    assert len(instance.get_runs()) == 2
