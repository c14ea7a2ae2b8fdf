"""What a command shows: tables or JSON on standard output; progress, notes and errors on standard error.

Belongs here: how things look in a terminal, a pipe and a log. Stays out: what is shown.
"""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

# A pipe or a log has no width of its own: give tables room there.
_out = Console(width=None if sys.stdout.isatty() else 140)
_err = Console(stderr=True)

Json = Annotated[bool, typer.Option("--json", help="Print data as JSON instead of tables.")]
MOMENTS = ["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d"]


@contextmanager
def show_progress(text: str) -> Iterator[Callable[..., None]]:
    """Show that work goes on while the block runs: a bar on a terminal, a line for each step in a pipe or a log.

    Yields
    ------
    callable
        ``on_step(text, done=0, total=None)`` changes the words and, where a total is known, moves the bar.
    """
    if not _err.is_terminal:
        yield _step_lines(text)
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=_err, transient=True) as progress:
        task = progress.add_task(text, total=None)

        def on_step(text: str, done: int = 0, total: int | None = None) -> None:
            progress.update(task, description=text, completed=done, total=total)

        yield on_step


def _step_lines(text: str) -> Callable[..., None]:
    """Return ``on_step`` for where nothing can be drawn over: a step that says the same again gives no line."""
    said = [text]
    print_note(text)

    def on_step(text: str, done: int = 0, total: int | None = None) -> None:
        if text != said[-1]:
            said[:] = [text]
            print_note(f"[{done + 1}/{total}] {text}" if total else text)

    return on_step


def print_data(data: Any, *, as_json: bool, title: str = "") -> None:
    """Print a list of flat dicts as a table, a dict as two columns, or either as JSON."""
    if as_json:
        typer.echo(json.dumps(data, indent=1, default=str))
        return
    rows = data if isinstance(data, list) else [{"": key, "value": value} for key, value in data.items()]
    if not rows:
        _out.print(f"{title}: none")
        return
    table = Table(title=title or None, title_justify="left")
    names = list(dict.fromkeys(name for row in rows for name in row))
    for name in names:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*[_cell(row.get(name, "")) for name in names])
    _out.print(table)


def _cell(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else escape(str(value))


def print_note(text: str) -> None:
    """Print a line beside the data, however long it is."""
    _err.print(escape(text), highlight=False, soft_wrap=True)


def print_error(text: str) -> None:
    """Print an error and its remedy as one line."""
    _err.print(f"[red]apexline:[/red] {escape(text)}", highlight=False, soft_wrap=True)
