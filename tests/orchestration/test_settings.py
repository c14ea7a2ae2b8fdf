"""Where things lie, by the settings of the machine."""

import dagster as dg
import pytest
from pydantic import ValidationError

from apexline.orchestration.resources import build_resources
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


@pytest.mark.parametrize("wrong", ["maybe", "3"])
def test_a_switch_is_on_or_off(monkeypatch, wrong):
    monkeypatch.setenv("APEXLINE_AUTOMATE", wrong)
    with pytest.raises(ValueError, match="automate"):
        Settings()


def test_a_setting_of_no_worker_is_refused(monkeypatch):
    monkeypatch.setenv("APEXLINE_NUM_WORKERS", "0")
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        Settings()
