import os
from pathlib import Path

import numpy as np
import pytest
from mlflow.exceptions import MlflowException

from apexline.ml.deepid import load_pretrained
from apexline.ml.registry.client import DATA_SHEET, EXPERIMENT, MODEL_CARD, MODEL_NAME, ModelRegistry


def test_versions_are_numbered_and_found_by_fingerprint(logged):
    assert logged.numbers == {"semantic": 1, "baseline": 2}
    assert logged.registry.find_version("baseline-print") == 2
    assert logged.registry.find_version("other") is None


def test_a_version_that_learned_from_erased_data_is_not_found_again(logged):
    client = logged.registry.client
    client.set_model_version_tag(MODEL_NAME, "2", "learned_from_erased", "true")
    try:
        assert logged.registry.find_version("baseline-print") is None
    finally:
        client.delete_model_version_tag(MODEL_NAME, "2", "learned_from_erased")
    assert logged.registry.find_version("baseline-print") == 2


def test_tags_say_what_a_version_was_made_of(logged, split):
    assert logged.registry.tags(1) == {
        "version": "semantic",
        "feature_version": "7",
        "split_hash": split.split_hash,
        "pad_space_hash": "pad-hash",
        "dagster_run_id": "run-1",
        "fingerprint": "semantic-print",
        "synthetic": "true",
    }


def test_aliases_move(logged):
    registry = logged.registry
    assert registry.get_alias("champion") == 1
    assert registry.get_alias("challenger") is None
    registry.set_alias("challenger", 1)
    registry.set_alias("challenger", 2)
    assert registry.get_alias("challenger") == 2
    assert [version.aliases for version in registry.list_versions()] == [("champion",), ("challenger",)]
    with pytest.raises(ValueError, match="alias is 'best'"):
        registry.set_alias("best", 1)


def test_the_run_holds_curves_scores_parameters_and_inputs(logged, data):
    registry = logged.registry
    run_id = registry.run_id(1)
    run = registry.client.get_run(run_id)
    assert registry.test_metrics(1) == pytest.approx(logged.evaluations["semantic"].metrics())
    assert registry.validation_loss(1) == pytest.approx(logged.runs["semantic"].best_valid_loss)
    history = registry.client.get_metric_history(run_id, "valid_loss")
    assert [point.step for point in history] == [0, 1]
    expected = [row["loss"] for row in logged.runs["semantic"].curves if row["fold"] == "valid"]
    assert [point.value for point in history] == pytest.approx(expected)
    assert run.data.params["epochs"] == "2"
    assert run.data.params["seed"] == "5"
    inputs = {each.tags[0].value: each.dataset for each in run.inputs.dataset_inputs}
    assert set(inputs) == {"train", "valid", "test"}
    assert inputs["test"].name == "training_set-test-synthetic"
    assert len({dataset.digest for dataset in inputs.values()}) == 3


def test_the_run_holds_its_tables_and_figures(logged):
    registry = logged.registry
    run_id = registry.run_id(1)
    names = {each.path for each in registry.client.list_artifacts(run_id)}
    written = {"config.yaml", "confusion.csv", "test_predictions.csv", "slices.csv", "figures"}
    assert written | {"model_card.md", "data_sheet.md"} <= names
    root = Path(registry.client.get_run(run_id).info.artifact_uri.removeprefix("file://"))
    assert (root / "figures/learning_curves.png").stat().st_size > 0
    assert "alpha: 12.5" in (root / "config.yaml").read_text()
    assert "texture_components: 4" in (root / "config.yaml").read_text()
    assert (root / "confusion.csv").read_text().startswith("target,happy,angry,calm,scared")
    assert root.is_relative_to(Path(registry.artifact_root) / EXPERIMENT)


def test_card_and_sheet_come_back(logged):
    assert logged.registry.document(1, MODEL_CARD).startswith(
        "# Model card: apexline-expression, version `semantic`"
    )
    assert "apparent expression" in logged.registry.document(1, DATA_SHEET)
    assert logged.registry.document(2, "slices.csv").startswith("dimension,slice,count,accuracy")
    with pytest.raises(MlflowException, match="none.md"):
        logged.registry.document(1, "none.md")


@pytest.mark.parametrize("which", [1, "champion"])
def test_a_registered_model_comes_back_whole(logged, data, which):
    model = logged.registry.load_model(which)
    ours = logged.runs["semantic"].model.predict(data.images, *data.features)
    theirs = model.predict(data.images, *data.features)
    np.testing.assert_array_equal(ours.probabilities, theirs.probabilities)
    assert model.config == logged.runs["semantic"].model.config


def test_tags_without_a_fingerprint_are_refused(logged, data, split):
    with pytest.raises(ValueError, match=r"expected \['fingerprint'\] too"):
        logged.registry.log_version(
            *(logged.runs["baseline"], logged.evaluations["baseline"]),
            **{"data": data, "split": split, "parameters": {}, "figures": {}},
            tags={"dagster_run_id": "run-1"},
        )
    assert len(logged.registry.list_versions()) == 2


@pytest.mark.parametrize("before", [None, "sqlite:///elsewhere.db"])
def test_mlflows_own_settings_are_put_back(logged, monkeypatch, before):
    import mlflow

    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    mlflow.set_tracking_uri(before)
    logged.registry.load_model("champion")
    assert os.environ.get("MLFLOW_TRACKING_URI") == before
    assert mlflow.is_tracking_uri_set() == (before is not None)
    mlflow.set_tracking_uri(None)


def test_an_unknown_version_is_an_error(logged):
    with pytest.raises(MlflowException, match="not found"):
        logged.registry.load_model(99)


def test_a_registry_that_cannot_register_says_so(logged, monkeypatch):
    def refuse(name: str, *, description: str) -> None:
        raise MlflowException("no room for " + name)

    monkeypatch.setattr(logged.registry.client, "create_registered_model", refuse)
    with pytest.raises(MlflowException, match="no room for apexline-expression"):
        logged.registry._register("m-1", "run", {}, about="")


def test_the_experiment_opens_as_one_of_model_training(logged):
    experiment = logged.registry.client.get_experiment_by_name(EXPERIMENT)
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    assert "which is champion" in experiment.tags["mlflow.note.content"]


def test_an_experiment_made_before_is_shown_as_one_too(tmp_path):
    registry = ModelRegistry(f"sqlite:///{tmp_path / 'mlflow.db'}", str(tmp_path), loader_module="none")
    registry.client.create_experiment(EXPERIMENT)
    found = registry.client.get_experiment(registry._experiment_id())
    assert found.tags["mlflow.experimentKind"] == "custom_model_development"


def test_the_shipped_model_compares_with_those_that_are_trained(logged):
    registry = logged.registry
    number = registry.register_shipped(load_pretrained(), parameters={})
    shipped, trained = registry.run_id(number), registry.run_id(1)
    common = {
        "test_recognition",
        "test_recognition_low",
        "test_calibration_error",
        "best_epoch",
        "temperature",
    }
    for run_id in (shipped, trained):
        assert common <= set(registry.client.get_run(run_id).data.metrics)
        [point] = registry.client.get_metric_history(run_id, "test_recognition")
        assert point.step == 0
    assert registry.document(number, "data_sheet.md").startswith("# Data sheet: what the model that ships")
    assert registry.document(number, "slices.csv").startswith(
        "dimension,slice,accuracy\nexpression,happy,0.88"
    )
    for each in (number, 1):
        version = registry.client.get_model_version(MODEL_NAME, str(each))
        assert "of the test faces. See model_card.md." in version.description
        assert version.description == registry.client.get_run(version.run_id).data.tags["mlflow.note.content"]
    assert "never what is felt" in registry.client.get_registered_model(MODEL_NAME).description
