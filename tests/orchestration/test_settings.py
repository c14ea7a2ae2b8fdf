"""Where things lie, by the settings of the machine."""

import os
import shutil
import stat

import dagster as dg
import pytest
import yaml
from pydantic import ValidationError
from upath import UPath

from apexline.assets.ingest.intake import take_in
from apexline.assets.lake.storage import Lake
from apexline.orchestration.jobs import JOBS
from apexline.orchestration.launcher import LocalRunLauncher
from apexline.orchestration.resources import build_registry, build_resources
from apexline.orchestration.settings import CONFIGS, Settings


def test_everything_lies_in_the_home_by_default(tmp_path):
    settings = Settings(home=str(tmp_path))
    assert settings.state_path == tmp_path
    assert settings.tracking_uri == f"sqlite:///{tmp_path}/mlflow.db"
    assert settings.warehouse_path == tmp_path / "warehouse.duckdb"
    assert settings.artifact_root == str(tmp_path / "mlartifacts")


def test_a_relative_home_is_made_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert str(Settings().home_path) == str(tmp_path / "data")


def test_environment_variables_count(tmp_path, monkeypatch):
    monkeypatch.setenv("APEXLINE_HOME", str(tmp_path / "a"))
    monkeypatch.setenv("APEXLINE_STATE", str(tmp_path / "b"))
    monkeypatch.setenv("APEXLINE_MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    monkeypatch.setenv("APEXLINE_AUTOMATE", "false")
    settings = Settings()
    assert (str(settings.home_path), settings.state_path) == (str(tmp_path / "a"), tmp_path / "b")
    assert settings.dagster_home == tmp_path / "b" / "dagster"
    assert settings.tracking_uri == "http://127.0.0.1:5000"
    assert settings.automate is False


def test_an_object_store_keeps_its_state_beside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = Settings(home="memory://bucket/apexline")
    assert str(settings.home_path) == "memory://bucket/apexline"
    assert settings.state_path == tmp_path / "data"
    assert settings.artifact_root == "memory://bucket/apexline/mlartifacts"
    # Of other processes no writer tells this one: a listing that is kept would hide what they store.
    assert (settings.home_path / "landing").fs.dircache.use_listings_cache is False


def test_parameters_come_from_the_option_then_the_home_then_the_defaults(tmp_path):
    assert Settings(home=str(tmp_path)).parameter_file == CONFIGS / "default.yaml"
    own = tmp_path / "parameters.yaml"
    own.write_text("training: {epochs: 4}\n")
    assert Settings(home=str(tmp_path)).parameter_file == own
    assert build_resources(Settings(home=str(tmp_path)))["parameters"].training.epochs == 4
    other = tmp_path / "other.yaml"
    assert Settings(home=str(tmp_path), config=other).parameter_file == other


def test_preparing_makes_what_dagster_needs_and_keeps_what_is_there(tmp_path):
    settings = Settings(home=str(tmp_path / "home"))
    settings.prepare()
    assert (tmp_path / "home" / "landing").is_dir()
    instance = settings.dagster_home / "dagster.yaml"
    with dg.DagsterInstance.from_config(str(settings.dagster_home)) as found:
        assert found.telemetry_enabled is False
    instance.write_text("telemetry: {enabled: true}\n")
    settings.prepare()
    assert instance.read_text() == "telemetry: {enabled: true}\n"


def instance_file(settings):
    return settings.dagster_home / "dagster.yaml"


def test_dagster_runs_by_the_settings(tmp_path):
    settings = Settings(home=str(tmp_path), num_runs=3, max_run_s=7200)
    settings.prepare()
    with dg.DagsterInstance.from_config(str(settings.dagster_home)) as found:
        assert isinstance(found.run_launcher, LocalRunLauncher)
        assert found.run_monitoring_enabled
        assert found.run_monitoring_max_runtime_seconds == 7200
        assert (found.run_retries_enabled, found.run_retries_max_retries) == (True, 2)
        assert not found.run_retries_retry_on_asset_or_op_failure
        limits = found.get_concurrency_config()
        assert limits.pool_config.default_pool_limit == 3
        assert limits.pool_config.pool_granularity.value == "run"
        assert limits.run_queue_config.max_concurrent_runs == 6
        assert {each["value"] for each in limits.run_queue_config.tag_concurrency_limits} < {
            job.tags["apexline/job"] for job in JOBS
        }
        assert found.get_settings("sensors")["use_threads"]


def test_postgresql_is_named_in_the_instance_file_without_its_password(tmp_path, monkeypatch):
    monkeypatch.setenv("APEXLINE_POSTGRES_URL", "postgresql://apexline:secret-word@db/dagster")
    settings = Settings(home=str(tmp_path))
    settings.prepare()
    written = (settings.dagster_home / "dagster.yaml").read_text()
    assert yaml.safe_load(written)["storage"] == {
        "postgres": {"postgres_url": {"env": "APEXLINE_POSTGRES_URL"}}
    }
    assert "secret-word" not in written
    assert "secret-word" not in repr(settings)


def test_the_instance_file_follows_the_settings_until_a_person_makes_it_their_own(tmp_path):
    Settings(home=str(tmp_path)).prepare()
    changed = Settings(home=str(tmp_path), num_runs=7)
    changed.prepare()
    file = instance_file(changed)
    assert yaml.safe_load(file.read_text())["concurrency"]["pools"]["default_limit"] == 7
    own = file.read_text().partition("\n")[2]
    file.write_text(own)
    Settings(home=str(tmp_path)).prepare()
    assert file.read_text() == own


def test_the_instance_file_of_0_1_is_brought_up_to_date(tmp_path):
    settings = Settings(home=str(tmp_path))
    settings.dagster_home.mkdir()
    instance_file(settings).write_text("telemetry:\n  enabled: false\nnux:\n  enabled: false\n")
    settings.prepare()
    assert "run_monitoring" in yaml.safe_load(instance_file(settings).read_text())


@pytest.fixture
def open_umask():
    """What most machines have: others may read what a process makes."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_a_new_home_is_for_its_user_alone(open_umask, tmp_path):
    settings = Settings(home=str(tmp_path / "home"))
    settings.prepare()
    lake = Lake(settings.home_path)
    lake.write("ratings", "one", [], stamp="s")
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"no video")
    clip.chmod(0o644)
    assert take_in(lake, UPath(clip), move=False).status == "quarantined"
    build_registry(settings).list_versions()
    found = [settings.home_path, *settings.home_path.rglob("*")]
    assert {"mlflow.db", "dagster.yaml", "one.parquet", "landing"} <= {path.name for path in found}
    wrong = [
        path for path in found if stat.S_IMODE(path.stat().st_mode) != (0o700 if path.is_dir() else 0o600)
    ]
    assert wrong == []


def test_a_home_that_is_there_keeps_its_permissions(open_umask, tmp_path):
    (tmp_path / "landing").mkdir()
    Settings(home=str(tmp_path)).prepare()
    assert stat.S_IMODE((tmp_path / "landing").stat().st_mode) == 0o755


def test_preparing_sweeps_what_killed_writers_left_in_home_and_state(tmp_path):
    settings = Settings(home=str(tmp_path / "home"), state=str(tmp_path / "state"))
    for folder in (settings.home_path, settings.state_path):
        (folder / "tmp").mkdir(parents=True)
        (folder / "tmp" / "0123-clip.mp4").write_bytes(b"half a face")
    for name in (".warehouse.duckdb.0123.building", ".warehouse.duckdb.0123.building.wal"):
        (settings.state_path / name).touch()
    (settings.state_path / "warehouse.duckdb").touch()
    settings.prepare()
    assert not list(tmp_path.rglob("*clip.mp4"))
    assert [path.name for path in settings.state_path.rglob("*warehouse*")] == ["warehouse.duckdb"]


@pytest.mark.parametrize("wrong", ["maybe", "3"])
def test_a_switch_is_on_or_off(monkeypatch, wrong):
    monkeypatch.setenv("APEXLINE_AUTOMATE", wrong)
    with pytest.raises(ValueError, match="automate"):
        Settings()


def test_a_setting_of_no_worker_is_refused(monkeypatch):
    monkeypatch.setenv("APEXLINE_NUM_WORKERS", "0")
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        Settings()


def test_the_registry_of_a_copied_home_lies_in_the_copy(tmp_path):
    original, copy = tmp_path / "original", tmp_path / "copy"
    client = build_registry(Settings(home=str(original))).client
    run = client.create_run(
        client.create_experiment("apexline", (original / "mlartifacts/apexline").as_uri())
    )
    client.log_text(run.info.run_id, "text", "note.txt")
    shutil.copytree(original, copy)
    of_copy = build_registry(Settings(home=str(copy))).client
    assert str(copy) in of_copy.get_run(run.info.run_id).info.artifact_uri
    assert str(original) in client.get_run(run.info.run_id).info.artifact_uri


def test_a_registry_that_homes_share_stays_where_it_is(tmp_path):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    homes = [Settings(home=str(tmp_path / name), mlflow_tracking_uri=uri) for name in ("first", "second")]
    client = build_registry(homes[0]).client
    location = (tmp_path / "first" / "mlartifacts" / "apexline").as_uri()
    client.create_experiment("apexline", location)
    assert build_registry(homes[1]).client.get_experiment_by_name("apexline").artifact_location == location


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("", ()),
        ("https://Apexline.example.org:443", ("https://apexline.example.org",)),
        (" http://localhost:4000, https://[::1]:8443 ", ("http://localhost:4000", "https://[::1]:8443")),
        ("http://localhost:80", ("http://localhost",)),
    ],
)
def test_origins_are_written_as_browsers_write_them(monkeypatch, given, taken):
    monkeypatch.setenv("APEXLINE_SERVER_ORIGINS", given)
    assert Settings().server_origins == taken


@pytest.mark.parametrize(
    "wrong",
    ["apexline.example.org", "*", "https://*", "https://a.example/path", "https://u@a.example", "null"],
)
def test_what_is_no_origin_is_refused(monkeypatch, wrong):
    monkeypatch.setenv("APEXLINE_SERVER_ORIGINS", wrong)
    with pytest.raises(ValidationError, match="expected one as https://apexline.example.org, without a path"):
        Settings()


@pytest.mark.parametrize("wrong", ["", "short", "0123456789 0123456789", "0123456789;0123456789"])
def test_a_token_that_can_be_guessed_or_spoils_a_link_is_refused(monkeypatch, wrong):
    monkeypatch.setenv("APEXLINE_SERVER_TOKEN", wrong)
    with pytest.raises(ValidationError, match="expected 20 or more"):
        Settings()


def test_a_token_is_not_shown(monkeypatch):
    monkeypatch.setenv("APEXLINE_SERVER_TOKEN", "a-token-that-nobody-sees")
    assert "nobody" not in repr(Settings())
