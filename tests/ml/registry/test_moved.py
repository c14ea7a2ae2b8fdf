"""A copy of a home uses its own models, and leaves those of the original alone."""

import shutil
import sqlite3
from contextlib import closing
from types import SimpleNamespace

import pytest

from apexline.ml.registry.client import ModelRegistry
from apexline.ml.registry.moved import follow_artifacts
from apexline.orchestration.resources import LOADER_MODULE


def open_registry(home):
    return ModelRegistry(f"sqlite:///{home}/mlflow.db", str(home / "artifacts"), loader_module=LOADER_MODULE)


def recorded_paths(home):
    with closing(sqlite3.connect(home / "mlflow.db")) as connection:
        return "\n".join(connection.iterdump())


@pytest.fixture
def copy(logged, tmp_path):
    """A copy of a registry with two versions; `original` is where it was."""
    original = logged.home
    home = tmp_path / "a copy"
    shutil.copytree(original, home)
    return SimpleNamespace(home=home, original=original, artifacts=home / "artifacts")


def test_a_copy_reads_and_writes_its_own_artifacts(copy, logged):
    before = {path: path.stat().st_mtime_ns for path in copy.original.rglob("*")}
    assert follow_artifacts(copy.home / "mlflow.db", copy.artifacts) > 0
    assert str(copy.original) not in recorded_paths(copy.home)
    registry = open_registry(copy.home)
    assert registry.load_model("champion").version == "semantic"
    assert "# Model card" in registry.document(logged.numbers["semantic"], "model_card.md")
    assert {path: path.stat().st_mtime_ns for path in copy.original.rglob("*")} == before


def test_a_run_of_a_copy_is_stored_in_the_copy(copy):
    follow_artifacts(copy.home / "mlflow.db", copy.artifacts)
    registry = open_registry(copy.home)
    run = registry.client.create_run(registry.client.get_experiment_by_name("apexline").experiment_id)
    registry.client.log_text(run.info.run_id, "of the copy", "note.txt")
    assert [path.read_text() for path in copy.artifacts.rglob("note.txt")] == ["of the copy"]
    assert not list(copy.original.rglob("note.txt"))


def test_a_second_look_and_the_original_change_nothing(copy):
    follow_artifacts(copy.home / "mlflow.db", copy.artifacts)
    after = recorded_paths(copy.home)
    assert follow_artifacts(copy.home / "mlflow.db", copy.artifacts) == 0
    assert recorded_paths(copy.home) == after
    assert follow_artifacts(copy.original / "mlflow.db", copy.original / "artifacts") == 0


def test_a_copy_without_the_artifacts_is_refused_and_left_alone(copy):
    shutil.rmtree(copy.artifacts)
    before = recorded_paths(copy.home)
    with pytest.raises(FileNotFoundError, match="copy the folder artifacts of that home too"):
        follow_artifacts(copy.home / "mlflow.db", copy.artifacts)
    assert recorded_paths(copy.home) == before


@pytest.mark.parametrize("location", ["s3://bucket/artifacts/apexline", "file:///elsewhere/models/apexline"])
def test_artifacts_that_lie_elsewhere_on_purpose_stay_there(tmp_path, location):
    registry = open_registry(tmp_path)
    registry.client.create_experiment("apexline", artifact_location=location)
    assert follow_artifacts(tmp_path / "mlflow.db", tmp_path / "artifacts") == 0
    assert registry.client.get_experiment_by_name("apexline").artifact_location == location


def test_a_registry_that_is_not_there_or_not_ready_is_left_alone(tmp_path):
    assert follow_artifacts(tmp_path / "mlflow.db", tmp_path) == 0
    assert not (tmp_path / "mlflow.db").exists()
    (tmp_path / "mlflow.db").touch()
    assert follow_artifacts(tmp_path / "mlflow.db", tmp_path) == 0
