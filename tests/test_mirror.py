"""The shape of the house: tests mirror the source, files and folders stay small, rooms are entered by light doors."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = (
    "networks",
    "features",
    "ml",
    "assets",
    "governance",
    "orchestration",
    "sample",
    "review",
    "survey",
    "bench",
)
# Tests of several files, or of what is no Python file, and what they test.
SEVERAL = {
    "assets/ingest/test_decoding.py": ("assets/ingest/intake.py", "features/video/guarded.py"),
    "assets/publishing/test_report_in_browser.py": (
        "assets/publishing/report_page.py",
        "assets/templates/report.js.j2",
    ),
    "assets/publishing/test_warehouse_checks.py": ("sql/checks",),
    "assets/publishing/test_warehouse_clips.py": ("sql/marts", "sql/staging"),
    "assets/publishing/test_warehouse_reviews.py": ("sql/marts",),
    "assets/publishing/test_warehouse_scores.py": ("sql/marts",),
    "assets/publishing/test_warehouse_spotting.py": ("sql/marts",),
    "bench/test_benchmarks.py": ("bench/__init__.py",),
    "features/test_cuda.py": ("features/cuda.py", "features/flow/cuda.py", "features/modc/cuda.py"),
    "features/tracking/test_many_faces.py": ("features/faces/mtcnn.py", "features/tracking/tracker.py"),
    "features/video/test_damage.py": ("features/video/containers.py", "features/video/reader.py"),
    "features/video/test_second_files.py": ("features/video/guarded.py", "features/video/opening.py"),
    "review/test_timeline.py": ("review/static/timeline.js", "review/app.py"),
    "survey/test_design.py": ("survey/answers.py", "survey/app.py", "survey/contracts.py"),
    "survey/test_load.py": ("survey/app.py", "orchestration/pages/rating_store.py"),
    "survey/test_keyboard.py": ("survey/static/rating.js", "survey/app.py"),
    "orchestration/web/test_hostile_page.py": ("orchestration/web/guard.py",),
    "orchestration/web/test_proxies.py": ("docs/proxy", "orchestration/settings.py"),
    "orchestration/web/test_ui.py": (
        "ml/registry/ui.py",
        "orchestration/commands/servers.py",
        "orchestration/web",
    ),
    "orchestration/test_handbook.py": ("README.md", "docs/tutorial.md", "docs/howto", "docs/notebooks"),
    "orchestration/commands/governing/test_officer.py": (
        "docs/governance.md",
        "orchestration/commands/governing",
    ),
    "orchestration/commands/governing/test_roles.py": ("governance/people.py", "orchestration/commands"),
    "orchestration/test_doors.py": ("governance/register.py", "assets/ingest", "orchestration/commands"),
    "orchestration/test_doors_outside.py": ("docs/governance.md", "governance/register.py"),
    "orchestration/test_switch_outside.py": ("governance/switch.py", "orchestration/sensors.py"),
    "orchestration/test_line.py": ("assets", "orchestration", "sql"),
    "orchestration/test_poisoned_days.py": ("assets/lake", "assets/ingest", "orchestration/commands"),
    "orchestration/test_resume.py": ("assets/lake", "orchestration/commands/ingest.py"),
}
TESTS = sorted(
    path.relative_to(ROOT / "tests").as_posix()
    for room in ROOMS
    for path in (ROOT / "tests" / room).rglob("test_*.py")
)
SOURCES = sorted(
    path for room in (*ROOMS, "configs", "sql", "src", "tests") for path in (ROOT / room).rglob("*.py")
)
FOLDERS = sorted({path.parent.relative_to(ROOT).as_posix() for path in SOURCES if "tests" not in path.parts})
DOORS = [folder for folder in FOLDERS if folder.split("/")[0] in ROOMS]
# Asset rooms enter what computes, and benchmarks the peers; whoever asks for those waits for their libraries.
LIGHT = [
    door
    for door in DOORS
    if door.split("/")[0] in {"features", "ml"} or door in {"assets/lake", "assets/figures", "assets/explain"}
]
HEAVY = ("torch", "mlflow", "factor_analyzer", "matplotlib")


@pytest.mark.parametrize("test", TESTS)
def test_a_test_stands_where_its_source_stands(test):
    source = (ROOT / test).with_name(test.rpartition("/test_")[2])
    for tested in SEVERAL.get(test, (source,)):
        assert (ROOT / tested).exists(), f"{test} tests {tested}, which is not there"


def test_tests_of_several_files_are_there():
    assert set(SEVERAL) <= set(TESTS)


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_has_at_most_twelve_files(folder):
    names = {path.name for path in (ROOT / folder).glob("*.py")} - {"__init__.py"}
    assert len(names) <= 12, f"{folder} holds {sorted(names)}"


def test_no_python_file_has_more_than_400_lines():
    lengths = {
        path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in SOURCES
    }
    assert {name: lines for name, lines in lengths.items() if lines > 400} == {}


@pytest.mark.parametrize("door", DOORS)
def test_a_door_says_what_its_room_is_for(door):
    init = ROOT / door / "__init__.py"
    assert init.exists(), f"{door} has no door"
    assert ast.get_docstring(ast.parse(init.read_text(encoding="utf-8")))


@pytest.mark.parametrize("door", DOORS)
def test_names_of_a_door_resolve_and_hide_no_file(door):
    module = import_module("apexline." + door.replace("/", "."))
    names = set(getattr(module, "__all__", ()))
    assert [name for name in sorted(names) if not hasattr(module, name)] == []
    assert names & {path.stem for path in (ROOT / door).glob("*.py")} == set()


def test_doors_load_no_heavy_library():
    script = (
        "import sys\n"
        "from importlib import import_module\n"
        "loaded = {}\n"
        "for door in sys.argv[1:]:\n"
        "    import_module('apexline.' + door.replace('/', '.'))\n"
        f"    loaded |= {{name: door for name in {HEAVY} if name in sys.modules and name not in loaded}}\n"
        "assert not loaded, f'loaded through a door: {loaded}'\n"
    )
    subprocess.run([sys.executable, "-c", script, *LIGHT], check=True, cwd=ROOT)
