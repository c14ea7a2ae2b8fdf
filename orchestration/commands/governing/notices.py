"""What people read, from the command line: the notice beside a camera, the impact assessment's form."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from apexline.orchestration.commands.console import Json, print_data
from apexline.orchestration.commands.usage import read_settings

if TYPE_CHECKING:
    from upath import UPath

    from apexline.governance import Entry
    from apexline.orchestration.settings import Settings


def notice(
    camera: Annotated[str, typer.Argument(help="As it is registered.")],
    by: Annotated[str, typer.Option(help="Your name; is kept.")],
    language: Annotated[
        list[str] | None, typer.Option(help="en, de, zh, or one of the home's own; may be repeated.")
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(help="Day from which it hangs beside the camera; default: today.", formats=["%Y-%m-%d"]),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Page to write, the PDF beside it; default: in the home's notices.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Print the notice of a camera, and enter its version and day in the register (Art. 50(3)).

    HTML and PDF, for A4: a short layer for who passes by, a long one for who asks.
    """
    from apexline.governance import allow, check_person, governance_folder, issue_notice

    home, now, person = read_settings().home_path, datetime.now(UTC), check_person(by)
    allow(home, "notice", by=person)
    day = now.date() if since is None else since.date()
    entry, page = issue_notice(home, camera, by=person, since=day, languages=language or ["en"], now=now)
    assert entry.notice is not None
    target = out or governance_folder(home) / "notices" / f"{camera}-{entry.notice.version}.html"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(page, encoding="utf-8")
    found = {
        "camera": camera,
        "version": entry.notice.version,
        "since": day,
        "page": str(target.resolve()),
        **_print_pdf(home, entry, target.with_suffix(".pdf")),
    }
    print_data(found, as_json=as_json, title="notice")


def _print_pdf(home: "UPath", entry: "Entry", target: Path) -> dict[str, str]:
    """Write the notice as PDF; say where it is, or why it can't be, which leaves the page in force."""
    from apexline.governance import has_letters_of_reader, notice_pdf

    try:
        pdf = notice_pdf(home, entry)
    except ValueError as error:
        return {"pdf": "", "note": str(error)}
    target.write_bytes(pdf)
    note = "look at the PDF before it hangs: its Chinese letters are those of the program that shows it"
    return {"pdf": str(target.resolve()), **({"note": note} if has_letters_of_reader(pdf) else {})}


def dpia(
    camera: Annotated[str, typer.Argument(help="As it is registered.")],
    out: Annotated[Path | None, typer.Option(help="File to write; default: standard output.")] = None,
) -> None:
    """Write the form of an impact assessment (GDPR Art. 35), filled with what this installation knows."""
    from apexline.governance import impact_assessment

    settings = read_settings()
    page = impact_assessment(
        settings.home_path, camera, now=datetime.now(UTC), model=known_of_champion(settings)
    )
    if out is None:
        typer.echo(page)
    else:
        out.write_text(page, encoding="utf-8")


def known_of_champion(settings: "Settings") -> dict[str, Any]:
    """Return what the home has decided of its champion, by name; empty where there is none yet."""
    from apexline.assets.lake import Lake
    from apexline.assets.training import champion_at

    reign = champion_at(Lake(settings.home_path), datetime.now(UTC))
    if reign is None:
        return {}
    return {
        "Champion": f"version {reign.model_version}, since {reign.since:%Y-%m-%d}, approved by {reign.approved_by}",
        "Why it is champion": reign.reason,
    }
