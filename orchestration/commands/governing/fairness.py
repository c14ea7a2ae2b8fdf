"""People who consented to be tested on, from the command line: taking them in, testing a version on them."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from apexline.orchestration.commands.console import Json, print_data, show_progress
from apexline.orchestration.commands.usage import read_settings


def consented(
    folder: Annotated[
        Path,
        typer.Argument(help="Pictures and faces.csv: image, emotion, subject, a column for each attribute."),
    ],
    consent: Annotated[str, typer.Option(help="Who consented to what, and where that is kept.")],
    until: Annotated[datetime, typer.Option(help="Last day of the consent.", formats=["%Y-%m-%d"])],
    by: Annotated[str, typer.Option(help="Your name; is kept.")],
    as_json: Json = False,
) -> None:
    """Take in people who consented to be tested on, with sex, age, skin colour or the like as they say them.

    In place of those before: who withdraws is left out of faces.csv. Nothing learns from them; only `apexline fairness`
    and the comparison before a promotion look at them, and the purge deletes them when the consent ends.
    """
    from apexline.assets.lake import Lake
    from apexline.assets.parameters import load_parameters
    from apexline.assets.training import take_in_consented
    from apexline.governance import allow, check_person

    settings, person = read_settings(), check_person(by)
    allow(settings.home_path, "register", by=person)
    with show_progress("aligning faces") as on_step:
        found = take_in_consented(
            Lake(settings.home_path),
            load_parameters(settings.parameter_file),
            folder,
            consent=consent,
            until=until.date(),
            by=person,
            now=datetime.now(UTC),
            on_step=on_step,
        )
    print_data(found, as_json=as_json, title="consented")


def fairness(
    version: Annotated[int, typer.Argument(metavar="MODEL_VERSION", help="Version in the registry.")],
    as_json: Json = False,
) -> None:
    """Say how evenly a version does by the people who consented to be tested on, and keep it for the evidence."""
    from apexline.assets.lake import Lake
    from apexline.assets.parameters import load_parameters
    from apexline.assets.training import measure_fairness
    from apexline.governance import acting
    from apexline.orchestration.resources import build_registry

    settings = read_settings()
    who = acting(settings.home_path, "evidence")
    with show_progress(f"testing version {version}"):
        found = measure_fairness(
            Lake(settings.home_path),
            build_registry(settings),
            version,
            min_count=load_parameters(settings.parameter_file).promotion.min_slice_count,
            by=who,
            now=datetime.now(UTC),
        )
    if as_json:
        print_data(found, as_json=True)
        return
    print_data(found["groups"], as_json=False, title="accuracy by group, 95 % interval by subject")
    print_data(found["fairlearn"], as_json=False, title=f"by attribute; groups left out: {found['left_out']}")
