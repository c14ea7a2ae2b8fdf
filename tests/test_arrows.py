"""The contracts of ``.importlinter`` on a copy of the house with something in a wrong place; `make lint` runs them."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = sorted(
    path.name for path in (ROOT / "src" / "apexline").iterdir() if path.is_symlink() and path.is_dir()
)


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A copy of what is imported, links included."""
    copy = tmp_path_factory.mktemp("house")
    for name in ROOMS:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "data"))
    (copy / "src" / "apexline").mkdir(parents=True)
    shutil.copy(ROOT / "src" / "apexline" / "__init__.py", copy / "src" / "apexline")
    for name in ROOMS:
        (copy / "src" / "apexline" / name).symlink_to(copy / name)
    (copy / "tests").mkdir()
    shutil.copy(ROOT / "tests" / "import_contracts.py", copy / "tests")
    shutil.copy(ROOT / ".importlinter", copy)
    return copy


def lint(house, contract, path, text):
    """Add text to a file of the copy, check one contract and take it back; return the exit code and what was said."""
    file = house / path
    before = file.read_text() if file.exists() else None
    file.write_text((before or "") + text)
    environment = {**os.environ, "PYTHONPATH": f"{house / 'src'}{os.pathsep}{house}"}
    command = [Path(sys.executable).parent / "lint-imports", "--contract", contract]
    done = subprocess.run(command, cwd=house, env=environment, capture_output=True, text=True)
    if before is None:
        file.unlink()
    else:
        file.write_text(before)
    return done.returncode, " ".join((done.stdout + done.stderr).split())


@pytest.mark.parametrize(
    ("contract", "path", "text", "said"),
    [
        ("features", "features/rogue.py", "", "apexline.features.rogue"),
        ("features-modc", "features/modc/rogue.py", "", "apexline.features.modc.rogue"),
        ("apexline", "features/backend.py", "\nimport apexline.ml.emotions\n", "apexline.features"),
        (
            "assets",
            "assets/spotting/face_tracks.py",
            "\nimport apexline.assets.training\n",
            "assets.training",
        ),
        (
            "assets",
            "assets/lake/workers.py",
            '\nMODULE = "apexline.assets.spotting.face_tracks"\n',
            "assets.spotting",
        ),
        ("apexline", "ml/registry/client.py", '\nLOADER = "apexline.assets.serving"\n', "apexline.assets"),
        (
            "doors",
            "features/pipeline.py",
            "\nimport apexline.features.modc.rings\n",
            "expected an import from apexline.features.modc",
        ),
        ("mlflow", "assets/checks.py", "\nimport mlflow\n", "apexline.assets.checks"),
        ("ml-libraries", "ml/norms.py", "\nimport dagster\n", "apexline.ml.norms"),
    ],
    ids=[
        "file in no layer",
        "file in no layer of a room",
        "upward import",
        "later stage",
        "string that names a later stage",
        "string that names an upper room",
        "past the door",
        "library out of place",
        "library forbidden",
    ],
)
def test_what_lies_in_a_wrong_place_is_refused(house, contract, path, text, said):
    code, output = lint(house, contract, path, text)
    assert code == 1, output
    assert said in output


def test_a_copy_with_nothing_added_is_in_order(house):
    code, output = lint(house, "assets", "assets/checks.py", "")
    assert code == 0, output


def imported(path):
    """Top-level names that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def test_dagster_modules_do_not_postpone_annotations():
    """Dagster reads annotations of assets, sensors and configs at run time."""
    files = {
        file: imported(file) for room in ("assets", "orchestration") for file in (ROOT / room).rglob("*.py")
    }
    assert sum("dagster" in names for names in files.values()) > 10
    assert [file for file, names in files.items() if {"dagster", "__future__"} <= names] == []
