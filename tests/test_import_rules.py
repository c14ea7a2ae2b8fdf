"""The arrows of CONTRIBUTING.md: features, ml <- assets <- orchestration; one importer per heavy package."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OURS = {"features", "ml", "assets", "orchestration", "survey", "bench"}
FORBIDDEN = {
    "features": {"ml", "assets", "orchestration", "survey", "bench", "dagster", "duckdb", "mlflow", "torch"},
    "ml": {"features", "assets", "orchestration", "survey", "bench", "dagster", "duckdb"},
    "assets": {"orchestration", "survey", "bench", "mlflow"},
    "survey": {"features", "assets", "orchestration", "bench", "dagster", "duckdb", "mlflow", "torch"},
    "orchestration": {"mlflow"},
}
ONLY_IN = {
    "mlflow": {"ml/registry/client.py", "ml/registry/pyfunc.py"},
    "factor_analyzer": {"ml/semantic_space/factoring.py"},
}


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add((node.module or "").partition(".")[0])
    return found


@pytest.mark.parametrize("package", sorted(FORBIDDEN))
def test_package_imports_nothing_from_above(package):
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    offending = {str(f.relative_to(ROOT)): imports(f) & FORBIDDEN[package] for f in files}
    assert {name: found for name, found in offending.items() if found} == {}


@pytest.mark.parametrize(("library", "modules"), sorted(ONLY_IN.items()))
def test_library_stays_behind_its_modules(library, modules):
    importers = {
        str(f.relative_to(ROOT))
        for package in OURS
        for f in (ROOT / package).rglob("*.py")
        if library in imports(f)
    }
    assert importers == modules


def test_orchestration_package_stays_empty():
    assert (ROOT / "orchestration" / "__init__.py").read_text() == ""


def test_dagster_modules_do_not_postpone_annotations():
    """Dagster reads annotations of assets, sensors and configs at run time."""
    offending = [
        str(f.relative_to(ROOT))
        for package in ("assets", "orchestration")
        for f in (ROOT / package).rglob("*.py")
        if {"dagster", "__future__"} <= imports(f)
    ]
    assert offending == []
