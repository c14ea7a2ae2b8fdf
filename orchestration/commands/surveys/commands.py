"""``apexline survey ...``: arguments, printing and exit codes.

Belongs here: what is parsed and printed. Stays out: work, which the modules called here do and which is imported where
it is first needed, since every command waits for this module.
"""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from apexline.orchestration.commands.console import Json, print_data, print_error, show_progress
from apexline.orchestration.commands.usage import read_settings

survey_app = typer.Typer(no_args_is_help=True, help="Rating surveys: the web page, and CSV import.")


@survey_app.command("serve")
def survey_serve(
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = 8000,
    contact: Annotated[
        str, typer.Option(help="Whom raters can ask, named in what they agree to: a name and an address.")
    ] = "",
) -> None:
    """Serve the rating page: looping face segments, adjective pairs, five levels."""
    from apexline.orchestration.commands.servers import serve_survey

    serve_survey(read_settings(), port=port, contact=contact)


@survey_app.command("plan")
def survey_plan(
    raters: Annotated[int, typer.Option(min=2, help="How many people will rate.")],
    minutes: Annotated[float, typer.Option(min=1, help="That each of them gives.")],
    per_segment: Annotated[int, typer.Option(min=2, help="Ratings that each segment is to have.")] = 5,
    save: Annotated[bool, typer.Option("--save", help="Let the rating page follow the plan.")] = False,
    as_json: Json = False,
) -> None:
    """Deal segments to raters, so that each rates a part and all can be compared.

    A page of 50 pairs is taken to last 150 s; `apexline survey status` says how long yours take. A plan that is saved
    counts for raters who begin from then on.
    """
    from apexline.governance import acting
    from apexline.orchestration.commands.surveys.plans import plan_raters

    acting(read_settings().home_path, "operate")
    plan = plan_raters(read_settings(), raters=raters, minutes=minutes, per_segment=per_segment, save=save)
    print_data(plan, as_json=as_json, title="plan")


@survey_app.command("status")
def survey_status(as_json: Json = False) -> None:
    """Say who took part on the rating page, how long it took them, and how far they agree."""
    from apexline.orchestration.pages import survey_status as status
    from apexline.orchestration.resources import build_resources

    print_data(status(build_resources(read_settings())["lake"]), as_json=as_json, title="survey")


@survey_app.command("import")
def survey_import(
    file: Annotated[
        Path,
        typer.Argument(
            exists=True,
            dir_okay=False,
            help="CSV: rater, segment, pair, level; with --poles a column for each scale, 0..100.",
        ),
    ],
    poles: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="CSV of the survey's own scales: left_*, right_*."),
    ] = None,
    norms: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="CSV of word norms: term, component, E/P/A_mean."),
    ] = None,
    rater: Annotated[str, typer.Option(help="With --poles: the column that names the rater.")] = "rater",
    stimulus: Annotated[
        str, typer.Option(help="With --poles: the column that names the stimulus.")
    ] = "segment",
    as_json: Json = False,
) -> None:
    """Check a CSV of ratings and keep the good rows, each answer once; bad rows are listed with their reason.

    The exit status is 1 where no row was accepted and none was known already.

    A survey with scales of its own comes with --poles and --norms; set survey.form in the parameter file to
    make the PAD space of it.
    """
    if (poles is None) != (norms is None):
        msg = "saw one of --poles and --norms, expected both or neither"
        raise typer.BadParameter(msg)
    from apexline.governance import acting
    from apexline.orchestration.commands.surveys.ratings import import_ratings

    acting(read_settings().home_path, "operate")
    result = import_ratings(read_settings(), file, poles=poles, norms=norms, rater=rater, stimulus=stimulus)
    print_data(result, as_json=as_json, title="ratings")
    if not result["accepted"] and not result["known"]:
        print_error(
            f"nothing was taken from {file.name}; correct the rows that are listed and import it again"
        )
        raise typer.Exit(1)


@survey_app.command("power")
def survey_power(
    file: Annotated[
        Path | None,
        typer.Argument(
            exists=True,
            dir_okay=False,
            help="CSV: rater, segment, pair, level; default: the ratings that make the PAD space.",
        ),
    ] = None,
    congruence: Annotated[
        float, typer.Option(min=0.01, max=0.999, help="Wanted congruence with an endless survey.")
    ] = 0.95,
    axis: Annotated[
        list[str] | None,
        typer.Option(help="Axis that has to reach it, repeatable; default: all three."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say by simulation how many raters and images a survey needs.

    Nine of ten surveys of the size named find loadings of at least that congruence with those of an endless survey
    on the same scales, of stimuli as varied, by raters as careful, each image rated by other raters. The ceiling
    is the congruence of the endless survey with the norms: no number of raters lifts that.
    """
    from apexline.ml import PAD_AXES
    from apexline.orchestration.commands.surveys.ratings import plan_survey
    from apexline.orchestration.resources import build_resources

    resources = build_resources(read_settings())
    simulating = "simulating surveys"
    with show_progress(simulating) as on_step:
        plan = plan_survey(
            resources["lake"],
            resources["parameters"],
            file=file,
            congruence=congruence,
            axes=axis or PAD_AXES,
            on_step=partial(on_step, simulating),
        )
    if as_json:
        print_data(plan, as_json=True)
        return
    titles = {
        "basis": "noise and stimuli as in",
        "needed": f"raters of each image for a congruence of {congruence:g}, {' and '.join(axis or PAD_AXES)}",
        "reached": "congruence that nine of ten surveys reach",
        "ceiling": "congruence of an endless survey with the norms",
    }
    for name, title in titles.items():
        print_data(plan[name], as_json=False, title=title)
