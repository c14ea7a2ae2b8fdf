"""Two contracts that import-linter does not have: layers that strings count in, and doors.

Belongs here: what ``.importlinter`` names under ``contract_types``. Stays out: which layers and rooms there are.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from importlinter import Contract, ContractCheck, fields, output
from importlinter.contracts.layers import LayersContract

_DOTTED = re.compile(r"apexline(\.\w+)+")


class LayersWithStrings(LayersContract):
    """``layers`` over imports, and over string literals that name a module or something in it, and nothing else.

    A name that is handed to a loader is an arrow like an import, and just as able to point upwards.
    """

    def check(self, graph: Any, verbose: bool) -> ContractCheck:
        """Add an arrow for each such string, then check as ``layers`` does."""
        for importer in sorted(graph.modules):
            for line, text, imported in _named_modules(importer, graph.modules):
                graph.add_import(importer=importer, imported=imported, line_number=line, line_contents=text)
        return super().check(graph, verbose)


class Doors(Contract):
    """A room's files are imported by the files beside them and below; everybody else takes the room's door.

    Parameters
    ----------
    open_rooms : set of str
        Packages without a door: entry points, whose files are what others name.
    insiders : set of str
        Modules that measure a room's files one by one.
    """

    type_name = "doors"
    open_rooms = fields.SetField(subfield=fields.StringField())
    insiders = fields.SetField(subfield=fields.StringField(), required=False, default=frozenset())

    def check(self, graph: Any, verbose: bool) -> ContractCheck:
        """List the imports that climb in at a window."""
        passed = []
        for imported in sorted(graph.modules):
            room = imported.rpartition(".")[0]
            if room in ("", "apexline", *self.open_rooms) or graph.find_children(imported):  # type: ignore[misc]
                continue
            for importer in sorted(graph.find_modules_that_directly_import(imported)):
                if importer not in (room, *self.insiders) and not importer.startswith(f"{room}."):  # type: ignore[misc]
                    passed.append((importer, imported, room))
        return ContractCheck(kept=not passed, metadata={"passed": passed})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Say which door each import should take."""
        for importer, imported, room in check.metadata["passed"]:
            output.print_error(f"- {importer} -> {imported}; expected an import from {room}", bold=False)


def _named_modules(importer: str, modules: set[str]) -> Iterator[tuple[int, str, str]]:
    """Line, text and module of each string of `importer` that names a module other than itself and its packages."""
    for line, text in _dotted_strings(importer):
        name = text
        while name not in modules:
            name = name.rpartition(".")[0]
        if not f"{importer}.".startswith(f"{name}."):
            yield line, repr(text), name


@cache
def _dotted_strings(module: str) -> list[tuple[int, str]]:
    spec = find_spec(module)
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return []
    return [
        (node.lineno, node.value)
        for node in ast.walk(ast.parse(Path(spec.origin).read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _DOTTED.fullmatch(node.value)
    ]
