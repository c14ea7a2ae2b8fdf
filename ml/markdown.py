"""Tables in Markdown, as pages, cards and reports show them.

Belongs here: the form of a table. Stays out: how a number reads, which each page decides for itself.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any


def markdown_table(columns: Sequence[Any], rows: Iterable[Iterable[Any]], cell: Callable[[Any], str]) -> str:
    """Write a table in Markdown.

    Parameters
    ----------
    columns : sequence of N
        Headings.
    rows : iterable of iterables of N
    cell : callable
        Text of a value.
    """
    lines = [f"| {' | '.join(map(str, columns))} |", "|" + "---|" * len(columns)]
    return "\n".join([*lines, *(f"| {' | '.join(map(cell, row))} |" for row in rows)])
