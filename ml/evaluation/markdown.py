"""Pages in Markdown: their templates, and the tables in them.

Belongs here: the form of a table, and how a package's templates are found. Stays out: what a page says (its template)
and how its numbers read (its module).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from numbers import Real
from typing import Any

import jinja2
import pandas as pd

Number = Callable[[Any], str]


def markdown_pages(package: str, number: Number, *, missing: str = "") -> jinja2.Environment:
    """Return the templates of a package; nothing that they show is escaped.

    Parameters
    ----------
    package : str
        Top-level package with a folder ``templates``.
    number : callable
        Text of a number; the filter ``number``, and in the cells of the filter ``table``.
    missing : str
        Text of a cell without a value.
    """
    pages = jinja2.Environment(
        loader=jinja2.PackageLoader(package, "templates"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    pages.filters.update(number=number, table=partial(markdown_table, number=number, missing=missing))
    return pages


def markdown_table(
    table: pd.DataFrame | Sequence[Mapping[str, Any]], number: Number, *, missing: str = ""
) -> str:
    """Write a table in Markdown.

    Parameters
    ----------
    table : DataFrame or sequence of mappings
        Mappings may lack keys; columns come in the order in which their names are first seen.
    number : callable
        Text of a number.
    missing : str
        Text of a cell without a value: None, NaN, or a key that a row lacks.
    """
    # as objects, or a column of whole numbers with a gap would become one of floats
    frame = (table if isinstance(table, pd.DataFrame) else pd.DataFrame(table, dtype=object)).astype(object)

    def cell(value: Any) -> str:
        if pd.isna(value):
            return missing
        return number(value) if isinstance(value, Real) else str(value)

    lines = [list(map(str, frame.columns)), *([cell(value) for value in row] for row in frame.to_numpy())]
    heading, *rows = [f"| {' | '.join(line)} |" for line in lines]
    return "\n".join([heading, "|" + "---|" * len(frame.columns), *rows])
