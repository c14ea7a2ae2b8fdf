import ast
from graphlib import TopologicalSorter
from pathlib import Path

from apexline import bench
from apexline.bench import BENCHMARKS, QUICK_BENCHMARKS, Benchmark

ROOT = Path(bench.__file__).resolve().parent


def imports(path: Path, modules: set[str]) -> set[str]:
    """Modules of bench that a file imports, at its top or in a function."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            inner = {f"{node.module}.{alias.name}" for alias in node.names} & modules
            found |= inner or {node.module}
    return found & modules


def test_no_circle_of_files():
    names = {}
    for path in ROOT.rglob("*.py"):
        parts = path.relative_to(ROOT.parent).with_suffix("").parts
        names[".".join(("apexline", *parts)).removesuffix(".__init__")] = path
    arrows = {name: imports(path, set(names)) for name, path in names.items()}
    assert sum(map(len, arrows.values())) > 20
    TopologicalSorter(arrows).prepare()  # a circle is an error, which names it


def test_a_benchmark_measures_writes_its_page_where_asked_and_returns_what_is_printed(tmp_path):
    written = []
    example = Benchmark(
        measure=lambda data: {"rows": [{"data": data.name}], "more": 1},
        write_page=lambda results, out: written.append((results["more"], out)),
        printed=lambda results: results["rows"],
    )
    assert example(Path("set")) == [{"data": "set"}]
    assert written == []
    assert example(Path("set"), tmp_path) == [{"data": "set"}]
    assert written == [(1, tmp_path)]
    assert Benchmark(measure=lambda data: [])(Path("set"), tmp_path) == []


def test_quick_benchmarks_write_the_same_pages():
    for name, quick in QUICK_BENCHMARKS.items():
        assert quick.write_page is BENCHMARKS[name].write_page
        assert quick.measure is not BENCHMARKS[name].measure
