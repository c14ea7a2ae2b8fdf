import importlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException

from apexline.ml.registry.client import DATA_SHEET, EXPERIMENT, MODEL_CARD, MODEL_NAME, ModelRegistry
from apexline.ml.registry.request import COLUMNS
from apexline.orchestration.resources import LOADER_MODULE


@dataclass(frozen=True)
class Logged:
    registry: ModelRegistry
    runs: dict
    evaluations: dict
    numbers: dict


@pytest.fixture(scope="module")
def logged(data, split, anchors, tmp_path_factory) -> Logged:
    """A registry with one semantic and one baseline version."""
    from matplotlib.figure import Figure

    from apexline.ml.config import TrainConfig
    from apexline.ml.deepid.train import train_deepid
    from apexline.ml.evaluation.recognition import evaluate

    home = tmp_path_factory.mktemp("mlflow")
    registry = ModelRegistry(
        f"sqlite:///{home}/mlflow.db", str(home / "artifacts"), loader_module=LOADER_MODULE
    )
    assert registry.list_versions() == []
    assert registry.find_version("semantic-print") is None
    assert registry.get_alias("champion") is None
    config = TrainConfig(epochs=2, texture_components=4)
    runs, evaluations, numbers = {}, {}, {}
    for version in ("semantic", "baseline"):
        run = runs[version] = train_deepid(
            *(data, split),
            **{"version": version, "config": config, "seed": 5, "pad_anchors": anchors},
            **{"feature_version": "7", "pad_space_hash": "pad-hash"},
        )
        evaluations[version] = evaluate(run.model, data, split.test)
        numbers[version] = registry.log_version(
            run,
            evaluations[version],
            data=data,
            split=split,
            parameters={"features": {"flow": {"alpha": 12.5}}},
            tags={"fingerprint": f"{version}-print", "dagster_run_id": "run-1"},
            figures={"learning_curves": Figure()},
        )
    registry.set_alias("champion", numbers["semantic"])
    return Logged(registry, runs, evaluations, numbers)


def test_versions_are_numbered_and_found_by_fingerprint(logged):
    assert logged.numbers == {"semantic": 1, "baseline": 2}
    assert logged.registry.find_version("baseline-print") == 2
    assert logged.registry.find_version("other") is None


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
    def refuse(name: str) -> None:
        raise MlflowException("no room for " + name)

    monkeypatch.setattr(logged.registry.client, "create_registered_model", refuse)
    with pytest.raises(MlflowException, match="no room for apexline-expression"):
        logged.registry._register("m-1", "run", {})


def test_a_fresh_process_serves_the_champion_without_pickle(logged, tmp_path):
    script = (
        "import base64, json, mlflow, numpy, sys\n"
        "from mlflow.pyfunc.scoring_server import invocations\n"
        f"model = mlflow.pyfunc.load_model('models:/{MODEL_NAME}@champion')\n"
        "assert model._model_impl.features.flow.alpha == 12.5\n"
        "model.predict(model.input_example).to_json(sys.argv[1])\n"
        # What `mlflow models serve` does with the body of a request.
        "faces = [bytes(numpy.uint8(face)) for face in model.input_example['image'].tolist()]\n"
        "rows = [{'image': base64.b64encode(face).decode(), 'aligned': True} for face in faces]\n"
        "body = json.dumps({'dataframe_records': rows})\n"
        "said = invocations(body, 'application/json', model, model.metadata.get_input_schema())\n"
        "print(said.response)\n"
    )
    environment = os.environ | {
        "MLFLOW_TRACKING_URI": logged.registry.tracking_uri,
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    target = tmp_path / "answers.json"
    command = [sys.executable, "-c", script, str(target)]
    said = subprocess.run(
        command, check=True, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, text=True
    ).stdout
    found = pd.read_json(target)
    served = json.loads(said.splitlines()[-1])["predictions"]
    assert [answer["emotion"] for answer in served] == found["emotion"].tolist()
    assert [answer["p_happy"] for answer in served] == pytest.approx(found["p_happy"].tolist(), abs=1e-6)
    assert served[0]["reasons"] == found["reasons"][0]
    assert served[0]["track"] is None
    assert found.columns.tolist() == list(COLUMNS)
    ramp = np.add.outer(np.arange(48), np.arange(48)).astype(np.uint8)
    expected = logged.runs["semantic"].model.predict(np.stack([ramp, 2 * ramp]))
    assert found["emotion"].tolist() == expected.emotion.tolist()
    np.testing.assert_allclose(found["p_happy"], expected.probabilities[:, 0], atol=1e-5)


def test_nothing_that_is_registered_is_pickled(logged):
    for number in (1, 2):
        source = logged.registry.client.get_run(logged.registry.run_id(number)).info.artifact_uri
        root = Path(source.removeprefix("file://")).parents[1]
        names = {path.name for path in root.rglob("*") if path.is_file()}
        assert {"model.json", "features.yaml", "MLmodel"} <= names
        assert not {name for name in names if name.endswith((".pkl", ".pickle", ".pt", ".pth", ".joblib"))}


def test_versions_are_served_by_the_module_that_the_resources_name(logged):
    assert LOADER_MODULE == "apexline.assets.serving"
    assert callable(importlib.import_module(LOADER_MODULE)._load_pyfunc)
    described = sorted(Path(logged.registry.artifact_root).rglob("MLmodel"))
    assert len(described) == 2
    for file in described:
        assert f"    loader_module: {LOADER_MODULE}\n" in file.read_text()


def test_importing_the_registry_is_light_and_switches_telemetry_off():
    script = (
        "import os, sys, ml.registry.client\n"
        "assert 'mlflow' not in sys.modules and 'torch' not in sys.modules\n"
        "assert os.environ['MLFLOW_DISABLE_TELEMETRY'] == 'true'\n"
        "assert os.environ['MLFLOW_ALLOW_PICKLE_DESERIALIZATION'] == 'false'\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
