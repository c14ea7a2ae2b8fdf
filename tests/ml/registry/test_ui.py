"""MLflow's pages show trainings to whoever has not chosen otherwise."""

import re
import warnings
from pathlib import Path

import mlflow.server
import pytest
from starlette.responses import PlainTextResponse

from apexline.ml.registry.ui import opening_at_trainings

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message="Using `httpx` with")
    from starlette.testclient import TestClient

PAGE = '<html><head><script src="main.js"></script></head></html>'


@pytest.fixture
def browser():
    return TestClient(opening_at_trainings(PlainTextResponse("MLflow's own"), PAGE))


def test_the_choice_is_made_before_mlflow_looks_for_it(browser):
    text = browser.get("/").text
    assert text.index("localStorage.setItem") < text.index("main.js")
    assert "??" in text  # what a person chose stays


@pytest.mark.parametrize("path", ["/static-files/main.js", "/version"])
def test_the_rest_is_mlflows(browser, path):
    assert browser.get(path).text == "MLflow's own"
    assert browser.post("/").text == "MLflow's own"


def test_mlflow_keeps_the_choice_where_it_is_made():
    build = Path(mlflow.server.__file__).parent / "js" / "build"
    assert (build / "index.html").read_text().count("<head>") == 1
    (script,) = (build / "static" / "js").glob("main.*.js")
    text = script.read_text()
    assert re.search(r'key:"mlflow.workflowType",version:1,', text)
    assert 'MACHINE_LEARNING="machine_learning"' in text
