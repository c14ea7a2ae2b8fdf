"""Sphinx: the site of the documentation, built by ``make docs``; a warning fails it.

Belongs here: how pages are read and what of them is generated. Stays out: words for readers, which stand in the pages.
"""

import re
import subprocess
import sys
from importlib.metadata import version as distribution_version
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parent.parent
_FIRST_COMMENT = re.compile(r"^-- (.*)$", re.MULTILINE)

project = "Apexline"
author = "the Apexline authors"
version = release = distribution_version("apexline")
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "proxy"]
html_theme = "furo"
html_title = f"Apexline {release}"
# The log and pages that benchmarks wrote link into the repository, where there are files and no pages.
suppress_warnings = ["toc.empty_glob"]

myst_heading_anchors = 3
nb_execution_mode = "off"  # the outputs were made in a home; a test runs the notebooks anew

default_role = "code"  # docstrings put names into single backticks
add_module_names = False
autodoc_typehints = "none"  # shapes and units stand in the docstrings, where a type would
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "imported-members": True}
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False


def _commands() -> str:
    """Return the help of every command as Markdown."""
    words = ["apexline.orchestration.commands.cli", "utils", "docs", "--name", "apexline"]
    done = subprocess.run([sys.executable, "-m", "typer", *words], check=True, capture_output=True, text=True)
    return done.stdout.partition("\n")[2]  # the page has a title of its own


def _marts() -> str:
    """Return a line for each mart: its name and what one of its rows is."""
    files = sorted((ROOT / "sql" / "marts").glob("*.sql"))
    rows = [f"| `{file.stem}` | {_FIRST_COMMENT.findall(file.read_text())[0]} |" for file in files]
    return "\n".join(["| mart | what it holds |", "|---|---|", *rows, ""])


_GENERATED = {"reference/commands": _commands, "reference/warehouse": _marts}


def _append_generated(_app: Sphinx, page: str, source: list[str]) -> None:
    if page in _GENERATED:
        source[0] += "\n" + _GENERATED[page]()


def _plain_citations(
    _app: Sphinx, _what: str, _name: str, _of: object, _options: object, lines: list[str]
) -> None:
    """Write ``[1]_`` as words: docstrings cite what their module lists, and a page shows several modules."""
    lines[:] = [re.sub(r"^\.\. \[(\d+)\]", r"* [\1]", re.sub(r"\[(\d+)\]_", r"[\1]", line)) for line in lines]


def setup(app: Sphinx) -> None:
    """Connect what is generated."""
    app.connect("source-read", _append_generated)
    app.connect("autodoc-process-docstring", _plain_citations, priority=400)  # before napoleon
