"""Versions as MLflow serves them: in a fresh process, without pickle."""

import importlib
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from apexline.governance import OWN_RECORDINGS, enter_synthetic
from apexline.ml.registry.client import MODEL_NAME
from apexline.ml.registry.request import COLUMNS
from apexline.orchestration.resources import LOADER_MODULE


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
    stated = {"purpose": "test", "legal_basis": "consent"}
    enter_synthetic(tmp_path / "home", OWN_RECORDINGS, **stated, by="a test", now=datetime.now(UTC))
    environment = os.environ | {
        "APEXLINE_HOME": str(tmp_path / "home"),
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
    assert len(described) >= 2  # other tests may have added versions
    for file in described:
        assert f"    loader_module: {LOADER_MODULE}\n" in file.read_text()
