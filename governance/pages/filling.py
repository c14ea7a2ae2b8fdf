"""What people read: the notice beside a camera, in layers and languages, and the impact assessment's form.

Belongs here: filling the templates with what the register and the limits of retention know. Stays out: the notice's
printing as PDF (``printing``), law. The texts are a start, not advice: have counsel read them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import yaml
from upath import UPath

from apexline.governance.audit import record
from apexline.governance.entries import Entry, Notice
from apexline.governance.folder import governance_folder
from apexline.governance.register import enter, entry_of
from apexline.governance.rules import Retention, read_retention

_TEXTS = "texts"


@dataclass(frozen=True)
class Layer:
    """A part of a notice, in one language: the short one for who passes by, or the long one for who asks.

    Attributes
    ----------
    code : str
        Of the language.
    is_long : bool
    blocks : list of tuple
        ``h1``, ``h2``, ``p`` or ``footer`` and its text; or ``dl`` and pairs of term and value.
    """

    code: str
    is_long: bool
    blocks: list[tuple[str, Any]]


def languages_of(home: UPath | Path) -> list[str]:
    """Return the codes of the languages that notices can be printed in: those of the package, and of the home."""
    own = governance_folder(home) / _TEXTS
    shipped = [each.name for each in files("apexline.governance").joinpath(_TEXTS).iterdir()]
    return sorted({Path(name).stem for name in [*shipped, *(each.name for each in own.glob("*.yaml"))]})


def issue_notice(
    home: UPath | Path, camera: str, *, by: str, since: date, languages: Sequence[str], now: datetime
) -> tuple[Entry, str]:
    """Give a camera's notice its next version, enter it in the register, and return entry and page.

    Parameters
    ----------
    since : date
        From which day it hangs beside the camera.
    languages : sequence of str
        In this order on the page.

    Returns
    -------
    entry : Entry
    page : str
        HTML, to be printed.

    Raises
    ------
    LookupError
        Where the camera is not registered.
    ValueError
        For a language without a text.
    """
    entry = entry_of(home, camera)
    number = 1 + (entry.notice.version if entry.notice else 0)
    notice = Notice(version=number, since=since, languages=tuple(languages), says=entry.statement)
    entry = entry.model_copy(update={"notice": notice})
    page = notice_page(home, entry)
    enter(home, entry, by=by, now=now, why=f"notice {number}")
    record(home, "notice", who=by, now=now, camera=camera, notice=number, since=since.isoformat())
    return entry, page


def notice_page(home: UPath | Path, entry: Entry) -> str:
    """Return the page of an entry's present notice, as HTML.

    Raises
    ------
    ValueError
        Where it has none, or for a language without a text.
    """
    layers = notice_layers(home, entry)
    title = f"{entry.camera}: {layers[0].blocks[0][1]}"
    return _templates(escape=True).get_template("notice.html.j2").render(title=title, layers=layers)


def notice_layers(home: UPath | Path, entry: Entry) -> list[Layer]:
    """Return what an entry's present notice says: the short layer in each language, then the long ones.

    Raises
    ------
    ValueError
        As `notice_page`.
    """
    if entry.notice is None:
        msg = f"{entry.camera!r} has no notice yet"
        raise ValueError(msg)
    kept = read_retention(home)
    texts = [(code, _read_text(home, code)) for code in entry.notice.languages]
    return [
        *(Layer(code, is_long=False, blocks=[*_short_layer(text, entry)]) for code, text in texts),
        *(Layer(code, is_long=True, blocks=[*_long_layer(text, entry, kept)]) for code, text in texts),
    ]


def _short_layer(text: dict[str, str], entry: Entry) -> Iterator[tuple[str, Any]]:
    yield "h1", text["title"]
    yield "p", text["what"]
    yield "dl", [(text["responsible"], entry.responsible), (text["purpose"], "; ".join(entry.purposes))]
    yield "p", text["rights_short"]
    if entry.notice is not None:
        yield "footer", f"{text['version']} {entry.notice.version} {text['since']} {entry.notice.since}"


def _long_layer(text: dict[str, str], entry: Entry, kept: Retention) -> Iterator[tuple[str, Any]]:
    yield "h1", text["more"]
    known = [(text["site"], entry.site), (text["camera"], entry.camera), (text["basis"], entry.legal_basis)]
    if entry.impact_assessment:
        known.append((text["assessment"], entry.impact_assessment))
    yield "dl", known
    yield "p", text["automated"]
    yield "h2", text["kept"]
    yield "dl", [(text[f"kept_{name}"], _span(kept, name)) for name in ("clips", "crops", "scores")]
    yield "h2", text["rights"]
    yield "p", text["rights_long"]


def impact_assessment(home: UPath | Path, camera: str, *, now: datetime, model: dict[str, Any]) -> str:
    """Return the form of a data protection impact assessment, filled with what the installation knows, as Markdown.

    Parameters
    ----------
    model : mapping
        What is known of the champion, by name; empty where there is none yet.
    """
    entry = entry_of(home, camera)
    return (
        _templates(escape=False)
        .get_template("dpia.md.j2")
        .render(entry=entry, kept=read_retention(home), day=f"{now.astimezone(UTC):%Y-%m-%d}", model=model)
    )


def _read_text(home: UPath | Path, code: str) -> dict[str, str]:
    own = governance_folder(home) / _TEXTS / f"{code}.yaml"
    shipped = files("apexline.governance").joinpath(_TEXTS, f"{code}.yaml")
    found = own if own.exists() else shipped
    if code not in languages_of(home):
        msg = f"no text of a notice in {code!r} is here; there are {languages_of(home)}, others go to {own.parent}"
        raise ValueError(msg)
    return yaml.safe_load(found.read_text(encoding="utf-8"))


def _templates(*, escape: bool) -> jinja2.Environment:
    pages = jinja2.Environment(
        loader=jinja2.PackageLoader("apexline.governance", "templates"),
        autoescape=escape,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: Any = pages.filters
    filters["span"] = _span
    return pages


def _span(kept: Retention, name: str) -> str:
    """Return for how long a class is kept, in hours up to four days and in days beyond."""
    hours = kept.age(name).total_seconds() / 3600
    return f"{hours:g} h" if hours <= 96 else f"{hours / 24:g} d"
