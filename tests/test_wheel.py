"""The wheel in an empty environment, used from a folder that has packages of its own called assets and survey.

`make test-wheel` runs this; it installs all that the wheel asks for, in the versions of constraints.txt.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

pytestmark = pytest.mark.wheel

ROOT = Path(__file__).resolve().parent.parent
SUMMARY = "summary.json"
START_S = 180
TOKEN = "token-of-the-test-of-the-wheel"
CHECKOUTS_OWN = ("APEXLINE_", "COV_", "DAGSTER_", "MLFLOW_", "PYTHON", "VIRTUAL_ENV")

SERVE_BESIDE_OTHERS = """
import assets, survey
assert assets.OWNER == survey.OWNER == "somebody else"
import mlflow
model = mlflow.pyfunc.load_model("models:/apexline-expression@champion")
print(model.predict(model.input_example)["emotion"].to_json(orient="values"))
"""
SERVE_NEW_AND_OLD = """
import sys
import mlflow
new, old = models = [mlflow.pyfunc.load_model(folder) for folder in sys.argv[1:]]
loaders = [model.metadata.flavors["python_function"]["loader_module"] for model in models]
assert loaders == ["apexline.assets.serving", "assets.serving"], loaders
assert len(new.input_example) == 2
assert old.predict(new.input_example).equals(new.predict(new.input_example))
"""
WORKSPACE = """{
  workspaceOrError { ... on Workspace { locationEntries {
    locationOrLoadError { __typename ... on PythonError { message } }
  } } }
  assetNodes { assetKey { path } }
}"""


def without_the_checkout(**more):
    """This process's environment, less what points at the checkout, its interpreter or a home."""
    return {name: value for name, value in os.environ.items() if not name.startswith(CHECKOUTS_OWN)} | more


def run(*command, folder, **environment):
    done = subprocess.run(
        command, cwd=folder, env=without_the_checkout(**environment), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def tools(built_wheel, tmp_path_factory):
    """Programs of an environment that holds the wheel and what it asks for."""
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", folder, folder=folder)
    programs = folder / "bin"
    install = [programs / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run(*install, "--constraint", ROOT / "constraints.txt", built_wheel, folder=folder)
    yield programs
    shutil.rmtree(folder)  # pytest keeps the folders of three runs, and this one holds gigabytes


@pytest.fixture(scope="module")
def elsewhere(tools, tmp_path_factory):
    """Folder of somebody else, in which the demo has run."""
    folder = tmp_path_factory.mktemp("elsewhere")
    for name in ("assets", "survey"):
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text('OWNER = "somebody else"\n')
    own = ("register", "own-recordings", "--own", "--purpose", "test", "--by", "Ada")
    run(tools / "apexline", *own, folder=folder)
    (folder / SUMMARY).write_text(run(tools / "apexline", "demo", "--json", folder=folder))
    return folder


def registered_models(home):
    return sorted(path.parent for path in (home / "mlartifacts").rglob("MLmodel"))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answer(url, data=None):
    """What a server that is still starting says in the end."""
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"}
    request = urllib.request.Request(url, data=data, headers=headers)
    end = time.monotonic() + START_S
    while True:
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.read()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(1)


def test_what_is_installed_fits_together(tools, tmp_path):
    run(tools / "python", "-m", "pip", "check", folder=tmp_path)


def test_demo_runs_from_drawing_the_sample_to_the_report(elsewhere):
    assert (elsewhere / "data/reports/latest/index.html").exists()
    assert len(registered_models(elsewhere / "data")) == 4


def test_doctor_finds_nothing_wrong(tools, elsewhere):
    run(tools / "apexline", "doctor", folder=elsewhere)


def test_shipped_model_scores_a_clip(tools, elsewhere):
    clip = min((elsewhere / "data/sample").rglob("*.mp4"))
    assert json.loads(run(tools / "apexline", "score", clip, "--json", folder=elsewhere))


def test_registered_model_loads_beside_other_packages_of_those_names(tools, elsewhere):
    registry = f"sqlite:///{elsewhere / 'data/mlflow.db'}"
    printed = run(tools / "python", "-c", SERVE_BESIDE_OTHERS, folder=elsewhere, MLFLOW_TRACKING_URI=registry)
    assert set(json.loads(printed.splitlines()[-1])) <= {"happy", "angry", "calm", "scared"}


def test_model_registered_before_loads_and_answers_the_same(tools, elsewhere, tmp_path):
    """Until version 0.2 models were registered under the loader's short name."""
    new = registered_models(elsewhere / "data")[0]
    old = shutil.copytree(new, tmp_path / "old")
    described = (old / "MLmodel").read_text()
    (old / "MLmodel").write_text(described.replace("apexline.assets.serving", "assets.serving"))
    home = str(elsewhere / "data")  # whose register allows serving
    run(tools / "python", "-c", SERVE_NEW_AND_OLD, new, old, folder=tmp_path, APEXLINE_HOME=home)


def test_ui_that_the_demo_names_serves_the_line_and_the_registry(elsewhere, capfd):
    named = json.loads((elsewhere / SUMMARY).read_text())["where to look next"]["UI"]
    port, mlflow_port = free_port(), free_port()
    ports = ["--port", str(port), "--mlflow-port", str(mlflow_port)]
    command = [*named.partition("  (")[0].split(), *ports]
    environment = without_the_checkout(APEXLINE_AUTOMATE="false", APEXLINE_SERVER_TOKEN=TOKEN)
    with subprocess.Popen(command, cwd=elsewhere, env=environment) as ui:
        try:
            query = json.dumps({"query": WORKSPACE}).encode()
            found = json.loads(answer(f"http://127.0.0.1:{port}/graphql", query))["data"]
            registry = answer(f"http://127.0.0.1:{mlflow_port}/health")
            printed = "".join(capfd.readouterr())  # servers that are told to stop print tracebacks too
        finally:
            ui.terminate()
    (location,) = found["workspaceOrError"]["locationEntries"]
    assert location["locationOrLoadError"] == {"__typename": "RepositoryLocation"}
    keys = {node["assetKey"]["path"][-1] for node in found["assetNodes"]}
    assert {"clip_manifest", "face_tracks", "segment_scores", "champion", "report"} <= keys
    assert registry == b"OK"
    assert "Traceback" not in printed
    assert TOKEN not in printed


def test_benchmarks_say_that_they_need_a_checkout(tools, elsewhere):
    with pytest.raises(AssertionError, match="from a checkout of the repository"):
        run(tools / "apexline", "bench", "features", folder=elsewhere)
