"""Every code block of README, tutorial and how-to pages, and both notebooks, as a reader would run them.

One home is made by the demo on a small sample. Each page gets a copy of it, and a folder `clips`, and its blocks run in
order: shell by bash, Python by a new interpreter. What can't run so is named in `NOT_HERE`, with what runs it. These
are programs that start again and again, which takes minutes: only `make test-handbook` asks for them.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import dagster as dg
import nbformat
import pytest
from nbclient import NotebookClient

from apexline.features.video.reader import read_frames
from apexline.features.video.writer import write_video
from apexline.orchestration.line import open_line
from apexline.orchestration.requests import request_processing, request_rescoring
from apexline.orchestration.settings import Settings
from tests.orchestration.installation import promote

pytestmark = [pytest.mark.handbook, pytest.mark.timeout(3600)]  # a page is many programs

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "docs" / "tutorial.md", *sorted((ROOT / "docs" / "howto").glob("*.md"))]
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
BLOCK = re.compile(r"^```(\S*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
# A block that is not run here: why, and what runs it.
NOT_HERE = {
    "make setup\nsource .venv/bin/activate\n": "makes the environment of this very test, as each make target does",
    ".venv/bin/python -m pip install --constraint constraints.txt --editable '.[gpu]'\nmake gpu-check\n": (
        "needs a GPU; `make test-kernels` installs the extra, builds the kernels and runs them on the host"
    ),
}
# Runs until it is interrupted: started on free ports, asked for a page, and ended.
SERVERS = {
    "apexline review\n": ["--port"],
    "apexline survey serve\n": ["--port"],
    "apexline ui\n": ["--port", "--mlflow-port"],
}
START_S, STOP_S = 300, 60


def blocks_of(page):
    return BLOCK.findall(page.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def environment():
    """As an activated environment has it; no settings from outside."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("APEXLINE_", "MLFLOW_"))
    }
    return {**kept, "PATH": f"{Path(sys.executable).parent}:{kept['PATH']}", "MPLBACKEND": "agg"}


@pytest.fixture
def folder(line, tmp_path):
    """A folder where the demo ran, with clips of one's own: it holds what `make demo` leaves."""
    home = tmp_path / "data"
    shutil.copytree(line.settings.home, home)
    shutil.copyfile(line.settings.config, home / "parameters.yaml")
    (tmp_path / "mlflow.db").symlink_to(home / "mlflow.db")
    (tmp_path / "clips").mkdir()
    drawn = sorted((home / "sample").rglob("*.mp4"))
    # a clip that the home holds already would be a duplicate: a few frames less make another one
    frames = [each.image for each in read_frames(drawn[0])]
    write_video(tmp_path / "clips" / "first.mp4", iter(frames[:-3]), fps=15)
    return tmp_path


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port):
    """Whether something speaks HTTP there; a guard that asks for its token does."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10):
            return True
    except urllib.error.HTTPError as error:
        return error.code == 401
    except OSError:
        return False


def serve(block, options, folder, environment):
    ports = {option: free_port() for option in options}
    words = [*block.split(), *(word for option, port in ports.items() for word in (option, str(port)))]
    with subprocess.Popen(words, cwd=folder, env=environment, start_new_session=True) as server:
        try:
            end = time.monotonic() + START_S
            while not all(answers(port) for port in ports.values()):
                assert server.poll() is None, f"{block} ended with {server.returncode}"
                assert time.monotonic() < end, f"{block} does not answer"
                time.sleep(1)
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(STOP_S)


def run(language, block, folder, environment):
    if block in NOT_HERE:
        return
    if block in SERVERS:
        serve(block, SERVERS[block], folder, environment)
        return
    command = {"bash": ["bash", "-euo", "pipefail", "-c", block], "python": [sys.executable, "-c", block]}
    done = subprocess.run(command[language], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_does_what_it_says(page, folder, environment, line):
    if page.stem == "roll_back":  # there has to be an earlier champion
        with open_line(Settings(home=str(folder / "data"))) as copied:
            promote(copied, 2)
    for language, block in blocks_of(page):
        run(language, block, folder, environment)


def test_what_is_not_run_here_is_shown_somewhere():
    shown = {block for page in PAGES for _, block in blocks_of(page)}
    assert set(NOT_HERE) | set(SERVERS) <= shown
    assert {language for page in PAGES for language, _ in blocks_of(page)} == {"bash", "python"}


def test_a_first_start_after_the_demo_asks_for_no_run(line):
    with dg.DagsterInstance.from_config(str(line.settings.dagster_home)) as instance:
        assert request_processing(line.lake, instance).runs == []
        assert request_rescoring(line.lake, instance, line.registry.get_alias("champion")).runs == []


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_from_a_clean_kernel(notebook, folder, monkeypatch):
    monkeypatch.setenv("APEXLINE_HOME", str(folder / "data"))
    read = nbformat.read(notebook, as_version=4)
    NotebookClient(
        read, timeout=600, kernel_name="python3", resources={"metadata": {"path": folder}}
    ).execute()
    assert any(cell.get("outputs") for cell in read.cells)
