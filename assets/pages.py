"""Pages: templates, and how a value stands in them.

Belongs here: what the report and the page of a clip share. Stays out: what either shows.
"""

from __future__ import annotations

import math
from datetime import UTC, date, datetime

import jinja2
import pandas as pd

from apexline.assets.figures import figure_data_uri

_NOTHING = "–"


def environment() -> jinja2.Environment:
    """Return the templates with their filters; what they show is escaped."""
    pages = jinja2.Environment(
        loader=jinja2.PackageLoader("apexline.assets", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters.update(
        fixed=_fixed, percent=_percent, whole=_whole, moment=_moment, day=_day, data_uri=figure_data_uri
    )
    pages.tests["absent"] = _absent
    return pages


def _absent(value: object) -> bool:
    """Tell whether a cell is empty: None, NaN or NaT."""
    return value is None or value is pd.NaT or (isinstance(value, float) and math.isnan(value))


def _fixed(value: object, digits: int = 3) -> str:
    return f"{value:.{digits}f}" if isinstance(value, float | int) and not _absent(value) else _NOTHING


def _percent(value: object, digits: int = 1) -> str:
    return (
        f"{100 * value:.{digits}f} %" if isinstance(value, float | int) and not _absent(value) else _NOTHING
    )


def _whole(value: object) -> str:
    # A column of integers that has gaps arrives as floats.
    return f"{int(value):,}" if isinstance(value, float | int) and not _absent(value) else _NOTHING


def _moment(value: object) -> str:
    if not isinstance(value, datetime) or _absent(value):
        return _NOTHING
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _day(value: object) -> str:
    # DuckDB's own frames carry a date as a timestamp at midnight, Arrow's as a date.
    return f"{value:%Y-%m-%d}" if isinstance(value, date) and not _absent(value) else _NOTHING
