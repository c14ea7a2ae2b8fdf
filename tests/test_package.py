"""The package `apexline`: links to the rooms at the root, and a wheel that holds their files and nothing else."""

import os
import subprocess
import sys
import tarfile
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = {
    "networks",
    "features",
    "governance",
    "ml",
    "assets",
    "orchestration",
    "review",
    "survey",
    "sample",
    "sql",
    "configs",
}
ONLY_IN_A_CHECKOUT = {"bench"}


def files_of(room):
    """Names below a room as they stand in the wheel; caches of the interpreter and of Numba stay out of it."""
    return {
        file.relative_to(ROOT).as_posix()
        for file in (ROOT / room).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }


def code_in(wheel):
    with ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def test_every_link_leads_to_its_room():
    links = {path.name: path.resolve() for path in (ROOT / "src/apexline").iterdir() if path.is_symlink()}
    assert links == {name: ROOT / name for name in {*ROOMS, *ONLY_IN_A_CHECKOUT, "workspace.yaml"}}


def test_arrow_frees_memory_for_all():
    told = "import apexline.assets.lake.storage, pyarrow; print(pyarrow.default_memory_pool().backend_name)"
    command = [sys.executable, "-c", told]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ARROW")}
    run = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    assert run.stdout.strip() == "system"


def test_wheel_holds_the_rooms_and_the_loader_that_older_models_name(built_wheel):
    rooms = {f"apexline/{name}" for room in ROOMS for name in files_of(room)}
    own = {"apexline/__init__.py", "apexline/workspace.yaml", "assets/serving.py"}
    assert code_in(built_wheel) == rooms | own


@pytest.fixture
def source_distribution(tmp_path):
    """The source distribution, unpacked."""
    built = tmp_path / "built"
    command = [sys.executable, "-m", "hatchling", "build", "--target", "sdist", "--directory", built]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    [archive] = built.iterdir()
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path / "unpacked", filter="data")
    [folder] = (tmp_path / "unpacked").iterdir()
    return folder


def test_source_distribution_gives_the_same_wheel(source_distribution, built_wheel, build_wheel, tmp_path):
    assert code_in(build_wheel(source_distribution, tmp_path / "wheel")) == code_in(built_wheel)
