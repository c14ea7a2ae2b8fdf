"""What is kept and handed out, from the command line: the purge, the export of a track, evidence."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from apexline.orchestration.commands.console import MOMENTS, Json, print_data, show_progress
from apexline.orchestration.commands.usage import read_settings

By = Annotated[str, typer.Option(help="Your name; is kept.")]


def purge(
    by: By,
    at: Annotated[
        datetime | None,
        typer.Option(
            help="Take this for the present moment, UTC: what is due then goes now.", formats=MOMENTS
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count what is due; nothing is deleted.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Delete what is older than its class is kept, search the home for it, and report; held clips stay.

    How long each class is kept stands in retention.yaml in the home's folder governance; a schedule does the same
    every hour.
    """
    from apexline.governance import allow, check_person
    from apexline.orchestration.governing import purge as purge_home

    settings, person = read_settings(), check_person(by)
    allow(settings.home_path, "purge", by=person)
    now = datetime.now(UTC) if at is None else at if at.tzinfo else at.replace(tzinfo=UTC)
    with show_progress("starting") as on_step:
        report = purge_home(settings, now=now, by=person, on_step=on_step, dry_run=dry_run)
    print_data(report, as_json=as_json, title="would be purged" if dry_run else "purged")


def export(
    track: Annotated[str, typer.Argument(help="Track id; the mart `segments` has it.")],
    by: By,
    reason: Annotated[str, typer.Option(help="Why, such as who asked; is kept.")],
    out: Annotated[Path, typer.Option(help="Folder to write.")],
    as_json: Json = False,
) -> None:
    """Hand out what is stored of one track: its data, and the video with everybody else made unrecognisable."""
    from apexline.assets.lake import Lake
    from apexline.governance import allow, check_person
    from apexline.orchestration.governing import export_track

    lake, person = Lake(read_settings().home_path), check_person(by)
    allow(lake.home, "export", by=person)
    found = export_track(lake, track, out, by=person, why=reason, now=datetime.now(UTC))
    print_data(found, as_json=as_json, title="exported")


def evidence(
    version: Annotated[int, typer.Argument(metavar="MODEL_VERSION", help="Version in the registry.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder to write; default: evidence/VERSION in the home's governance.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write a model's evidence: card, data sheet, lineage, slices, approvals, audit, bill of materials, rights."""
    from apexline.assets.lake import Lake
    from apexline.governance import acting, governance_folder
    from apexline.orchestration.governing import write_evidence
    from apexline.orchestration.resources import build_registry

    settings = read_settings()
    lake, who = Lake(settings.home_path), acting(settings.home_path, "evidence")
    folder = out or governance_folder(lake.home) / "evidence" / str(version)
    with show_progress(f"evidence of version {version}"):
        registry = build_registry(settings)
        found = write_evidence(lake, registry, version, folder, by=who, now=datetime.now(UTC))
    print_data(found, as_json=as_json, title="evidence")
