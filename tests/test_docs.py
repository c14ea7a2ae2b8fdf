"""Every module, function and file that a document, a comment or a docstring names is there."""

import ast
import json
import pkgutil
import re
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
ROOMS = sorted(
    path.name for path in (ROOT / "src" / "apexline").iterdir() if path.is_symlink() and path.is_dir()
)
# What was tried or changed long ago keeps the names of its day.
HISTORY = {"CHANGELOG.md", "LOG.md"}
PAGES = [
    page
    for folder in ("", "docs", "docs/howto", "docs/reference", ".github")
    for page in sorted((ROOT / folder).glob("*.md"))
    if page.name not in HISTORY
]
COMMENTED = [
    path
    for room in ROOMS
    for path in sorted((ROOT / room).rglob("*"))
    if path.suffix in {".py", ".pyi", ".yaml", ".sql", ".cu", ".j2"}
]
MODULES = [path for path in COMMENTED if path.suffix == ".py"]
DOTTED = re.compile(rf"(?<![\w./-])(?:apexline\.)?(?:{'|'.join(ROOMS)})(?!\.md\b)(?:\.[A-Za-z_]\w*)+")
FILES = re.compile(rf"(?<![\w./-])(?:{'|'.join([*ROOMS, 'src', 'tests', 'docs'])})/[\w./-]*\w")
LINKS = re.compile(r"\]\((?!https?:)([^)\s]+)\)")
COMMENTS = re.compile(r"(?:#|--|//) .*")
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
# Sections of a parameter file may be called like a room: `survey.form` is a key, not a function.
KEYS = {
    f"{section}.{key}"
    for section, values in yaml.safe_load((ROOT / "configs" / "default.yaml").read_text()).items()
    if isinstance(values, dict)
    for key in values
}


def described(path):
    """What `path` says to a reader: a page as a whole, of code the comments and docstrings."""
    text = path.read_text()
    if path.suffix in {".md", ".j2"}:
        return text
    said = COMMENTS.findall(text)
    if path.suffix == ".py":
        nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, DOCUMENTED)]
        said += [ast.get_docstring(node) or "" for node in nodes]
    return "\n".join(said)


def is_there(name):
    try:
        pkgutil.resolve_name(f"apexline.{name.removeprefix('apexline.')}")
    except (AttributeError, ImportError):
        return name in KEYS
    return True


def missing_names(text):
    return [name for name in sorted(set(DOTTED.findall(text))) if not is_there(name)]


def missing_files(text):
    return [name for name in sorted(set(FILES.findall(text))) if not (ROOT / name).exists()]


def neighbours_named(docstring):
    """Modules that the sentence of what stays out points to."""
    stays_out = docstring.partition("Stays out:")[2].partition("\n\n")[0]
    brackets = " ".join(re.findall(r"\([^)]*\)", stays_out))
    return re.findall(r"(?<=``)[\w.]+(?=``)|\w+\.py\b", brackets)


def is_reached(name, folder):
    """Whether `name` is said from the root, or is a file or folder beside the module that says it."""
    if name.partition(".")[0] in ROOMS:
        return name in ROOMS or is_there(name)
    return (folder / name).is_dir() or (folder / f"{name}.py").exists()


def anchors(page):
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def relative(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", PAGES + COMMENTED, ids=relative)
def test_what_is_named_exists(path):
    text = described(path)
    assert missing_names(text) + missing_files(text) == []


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_what_stays_out_of_a_module_is_where_its_docstring_says(path):
    named = neighbours_named(ast.get_docstring(ast.parse(path.read_text())) or "")
    assert [name for name in named if not is_reached(name, path.parent)] == []


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_what_a_docstring_cites_is_listed_in_its_module(path):
    text = path.read_text()
    assert set(re.findall(r"\[(\d+)\]_", text)) <= set(re.findall(r"^ *\.\. \[(\d+)\] ", text, re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_links_lead_somewhere(page):
    broken = []
    for link in LINKS.findall(page.read_text()):
        file, _, anchor = link.partition("#")
        target = page.parent / file if file else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_much_is_named():
    pages = "\n".join(described(page) for page in PAGES)
    assert len(set(DOTTED.findall(pages))) > 40
    assert len(set(FILES.findall(pages))) > 40
    assert len(set(DOTTED.findall("\n".join(described(path) for path in MODULES)))) > 40


@pytest.mark.parametrize(
    "name",
    ["features.modc.no_such_function", "features.no_such_module.modc_codes", "apexline.survey.no_such_key"],
)
def test_a_name_that_is_not_there_is_noticed(name):
    assert missing_names(f"See `{name}(kind=...)`, and `features.modc.modc_codes`.") == [name]


def test_a_file_that_is_not_there_is_noticed():
    assert missing_files("`features/modc/kernels.py`, `features/modc/*.cu`") == ["features/modc/kernels.py"]


def test_a_neighbour_that_is_not_there_is_noticed():
    docstring = (
        "Belongs here: a. Stays out: b (``codes``, ``no_such``), c (``ml.norms``, rings.py).\n\nMore (``d``)."
    )
    missing = [
        name for name in neighbours_named(docstring) if not is_reached(name, ROOT / "features" / "modc")
    ]
    assert missing == ["no_such", "rings.py"]


def test_make_demo_says_first_what_to_expect():
    planned = subprocess.run(
        ["make", "--dry-run", "--no-print-directory", "demo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    first, *later = planned.stdout.splitlines()
    assert first.startswith('echo "make demo: about ')  # nothing is installed or imported before it
    assert any("apexline demo" in line for line in later)


def test_the_duration_of_the_demo_is_the_same_wherever_it_is_said():
    said = [
        re.findall(r"about (\d+ minutes) on two cores", (ROOT / name).read_text())
        for name in ("Makefile", "README.md", "orchestration/commands/cli.py")
    ]
    assert all(said)
    assert len({each for found in said for each in found}) == 1


@pytest.mark.parametrize("notebook", sorted((ROOT / "docs" / "notebooks").glob("*.ipynb")), ids=relative)
def test_a_notebook_shows_results_and_nothing_of_the_machine(notebook):
    cells = [each for each in json.loads(notebook.read_text())["cells"] if each["cell_type"] == "code"]
    shown = [output for cell in cells for output in cell["outputs"]]
    assert shown  # an executed one: a reader sees results without running it
    assert {each["output_type"] for each in shown} <= {"display_data", "execute_result"}
    assert notebook.stat().st_size < 100_000
