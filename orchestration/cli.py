"""The command ``apexline``.

Belongs here: arguments, printing and exit codes (0 done, 1 failed, 2 wrong usage). Stays out: work, which the
modules called here do.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from orchestration.settings import Settings

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Recognises apparent emotional expression in surveillance video; never identities, never feelings.",
)
survey_app = typer.Typer(no_args_is_help=True, help="Rating surveys: the web page, and CSV import.")
app.add_typer(survey_app, name="survey")

Json = Annotated[bool, typer.Option("--json", help="Print data as JSON instead of tables.")]
# A pipe or a log has no width of its own: give tables room there.
_out = Console(width=None if sys.stdout.isatty() else 140)
_err = Console(stderr=True)


def main() -> None:
    """Run the command; errors with a remedy are one line, not a traceback."""
    try:
        app()
    except (ValueError, OSError, LookupError) as error:
        _err.print(f"[red]apexline:[/red] {escape(str(error))}", highlight=False, soft_wrap=True)
        sys.exit(1)


@contextmanager
def _progress() -> Iterator[Progress]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=_err, transient=True) as progress:
        yield progress


def _print(data: Any, *, as_json: bool, title: str = "") -> None:
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


@app.command()
def demo(
    clips: Annotated[
        Path | None, typer.Option(help="Folder of your own clips to run instead of the sample.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Run the whole line on the embedded synthetic sample, or on your clips with the model it trained."""
    from orchestration.demo import run_demo

    with _progress() as progress:
        task = progress.add_task("starting", total=None)

        def on_step(text: str, done: int, total: int) -> None:
            progress.update(task, description=text, completed=done, total=total)

        summary = run_demo(Settings(), clips=clips, on_step=on_step)
    if as_json:
        _print(summary, as_json=True)
        return
    for title, section in summary.items():
        _print(section, as_json=False, title=title)


@app.command()
def ui(
    port: Annotated[int, typer.Option(help="Port of the Dagster UI.")] = 3000,
    mlflow_port: Annotated[int, typer.Option(help="Port of the MLflow UI.")] = 5000,
) -> None:
    """Serve the Dagster and MLflow UIs on 127.0.0.1 until interrupted."""
    from orchestration.servers import serve_uis

    raise typer.Exit(serve_uis(Settings(), port=port, mlflow_port=mlflow_port))


@app.command()
def ingest(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(help="Clips, or folders of clips with sidecars; default: the landing folder."),
    ] = None,
    camera: Annotated[str | None, typer.Option(help="Camera that recorded the clips.")] = None,
    captured_at: Annotated[
        datetime | None,
        typer.Option(
            help="Start of the recording (UTC unless it has an offset).",
            formats=["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d"],
        ),
    ] = None,
    purpose: Annotated[str | None, typer.Option(help="Why the clips may be processed.")] = None,
    legal_basis: Annotated[str | None, typer.Option(help="Legal basis of the processing.")] = None,
    as_json: Json = False,
) -> None:
    """Take clips in, quarantine what can't be accepted, and process their camera-days."""
    from orchestration.ingest import ingest_paths, manifest_from_options

    manifest = manifest_from_options(camera, captured_at, purpose, legal_basis)
    with _progress() as progress:
        task = progress.add_task("starting", total=None)

        def on_step(text: str, done: int, total: int) -> None:
            progress.update(task, description=text, completed=done, total=total)

        summary = ingest_paths(Settings(), paths or [], manifest=manifest, on_step=on_step)
    if as_json:
        _print(summary, as_json=True)
        return
    quarantined = summary.pop("quarantined")
    _print(summary, as_json=False, title="ingest")
    _print(quarantined, as_json=False, title="quarantined")


@app.command()
def score(
    clip: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    plot_file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="With --plot: the file to write, .html or .png."),
    ] = None,
    plot: Annotated[
        bool,
        typer.Option(
            "--plot",
            help="Also say and draw why: a page in FILE, or in the home's folder `plots`. It shows faces.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Find the expression segments of one clip and score them by the champion; only --plot stores anything."""
    from assets.clip_page import check_suffix, explain_clip, write_explanation
    from assets.clip_stages import process_clip
    from assets.segment_scores import champion_scorer, score_clip
    from orchestration.resources import build_resources

    if plot_file is not None and not plot:
        msg = f"saw a second file, {str(plot_file)!r}, without --plot; expected one clip"
        raise typer.BadParameter(msg)
    if plot_file is not None:
        check_suffix(plot_file)
    settings = Settings()
    resources = build_resources(settings)
    parameters = resources["parameters"]
    with _progress() as progress:
        task = progress.add_task(f"scoring {clip.name}", total=None)
        scorer = champion_scorer(resources["lake"], resources["registry"], parameters)
        with process_clip(clip, features=parameters.features) as processed:
            rows = score_clip(processed, scorer)
            if plot:
                progress.update(task, description=f"explaining {clip.name}")
                why = explain_clip(processed, clip.name, parameters)
                # Named by content too: another clip of the same name keeps its page, and `erase` finds this one.
                plot_file = plot_file or settings.state_path / "plots" / f"{clip.stem}-{why.clip_id}.html"
                write_explanation(plot_file, why, rows)
    shown = rows if as_json else [_answer(row) for row in rows]
    _print(shown, as_json=as_json, title=f"{clip.name}: apparent expressions")
    if plot_file is not None:
        _err.print(f"why: {plot_file.resolve()}", highlight=False, soft_wrap=True)


def _answer(score: dict[str, Any]) -> dict[str, str]:
    """Put a score into few columns for a person; --json has every value on its own."""
    abstained = score["abstained"]
    pad = " ".join(f"{score[axis]:+.2f}" for axis in ("pleasure", "arousal", "dominance"))
    return {
        "track": score["track"],
        "from - to (s)": f"{score['onset_s']:.2f} - {score['offset_s']:.2f}",
        "apex (s)": f"{score['apex_s']:.2f}",
        "resembles": f"no answer: {abstained}"
        if abstained
        else f"{score['emotion']} {score['confidence']:.2f}",
        "P A D": "" if abstained else pad,
        "adjectives": "" if abstained else score["adjectives"],
        "model": f"v{score['model_version']}{', synthetic' if score['synthetic'] else ''}",
    }


@app.command()
def erase(
    clip_id: Annotated[str, typer.Argument(help="First 16 hex digits of the clip's SHA-256.")],
    by: Annotated[str, typer.Option(help="Who asked for it; stands in the receipt.")],
    as_json: Json = False,
) -> None:
    """Delete a clip and what was derived from it, and print a receipt."""
    from orchestration.erase import erase as erase_everywhere

    receipt = erase_everywhere(Settings(), clip_id, by=by)
    _print(receipt, as_json=as_json, title="receipt")


@app.command()
def approve(
    by: Annotated[str, typer.Option(help="Your name: the person who approves.")],
    as_json: Json = False,
) -> None:
    """Approve the challenger: it becomes champion if it wins on the frozen test split."""
    from assets.champion import CHAMPION, latest_decision
    from assets.model_comparison import CHALLENGER
    from orchestration.line import open_line

    with _progress() as progress, open_line(Settings()) as line:
        if line.registry.get_alias(CHALLENGER) in (None, line.registry.get_alias(CHAMPION)):
            msg = (
                "there is no challenger to approve that is not champion already; run the job `retrain` first"
            )
            raise ValueError(msg)
        progress.add_task("comparing challenger and champion", total=None)
        line.run("promote", config={"ops": {"champion": {"config": {"approved_by": by}}}})
        decision = latest_decision(line.lake)
    _print(decision, as_json=as_json, title="decision")


@app.command()
def doctor(as_json: Json = False) -> None:
    """Check the installation and say what is there; exit code 1 where something is wrong."""
    from orchestration.doctor import examine

    findings = examine(Settings())
    _print(findings, as_json=as_json, title="doctor")
    if any(finding["state"] == "wrong" for finding in findings):
        raise typer.Exit(1)


@app.command()
def bench(
    name: Annotated[
        str, typer.Argument(help="features, flow, recognition, semantic, serving, spotting or video.")
    ],
    data: Annotated[
        Path,
        typer.Option(
            envvar="APEXLINE_BENCH_DATA", help="Folder of the benchmark data; features and serving need none."
        ),
    ] = Path("../shared/data"),
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for a page with tables and plots; all but flow write one."),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="One seed and few epochs, for a look: recognition only.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Measure against named peers or truth, in one run on the same input."""
    from bench import BENCHMARKS, QUICK_BENCHMARKS

    known = QUICK_BENCHMARKS if quick else BENCHMARKS
    if name not in known:
        msg = f"saw {name!r}{' with --quick' if quick else ''}, expected one of {sorted(known)}"
        raise typer.BadParameter(msg)
    with _progress() as progress:
        progress.add_task(f"measuring {name}", total=None)
        found = known[name](data, out)
    if as_json or isinstance(found, list):
        _print(found, as_json=as_json, title=f"bench {name}")
        return
    for title, rows in found.items():
        _print(rows, as_json=False, title=f"bench {name}: {title}")


@survey_app.command("serve")
def survey_serve(port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = 8000) -> None:
    """Serve the rating page: looping face segments, adjective pairs, five levels."""
    from orchestration.servers import serve_survey

    serve_survey(Settings(), port=port)


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
    """Check a CSV of ratings and keep the good rows; bad rows are listed with their reason.

    A survey with scales of its own comes with --poles and --norms; set survey.form in the parameter file to
    make the PAD space of it.
    """
    from assets.rating_surveys import import_csv, import_scale_table
    from orchestration.resources import build_resources

    if (poles is None) != (norms is None):
        msg = "saw one of --poles and --norms, expected both or neither"
        raise typer.BadParameter(msg)
    lake = build_resources(Settings())["lake"]
    if poles is None or norms is None:
        result = import_csv(lake, file)
    else:
        result = import_scale_table(lake, file, poles=poles, norms=norms, rater=rater, stimulus=stimulus)
    _print(result, as_json=as_json, title="ratings")


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
    from ml.datasets import PAD_AXES
    from orchestration.resources import build_resources
    from orchestration.survey_plan import plan_survey

    resources = build_resources(Settings())
    with _progress() as progress:
        task = progress.add_task("simulating surveys", total=None)

        def on_step(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        plan = plan_survey(
            resources["lake"],
            resources["parameters"],
            file=file,
            congruence=congruence,
            axes=axis or PAD_AXES,
            on_step=on_step,
        )
    if as_json:
        _print(plan, as_json=True)
        return
    titles = {
        "basis": "noise and stimuli as in",
        "needed": f"raters of each image for a congruence of {congruence:g}, {' and '.join(axis or PAD_AXES)}",
        "reached": "congruence that nine of ten surveys reach",
        "ceiling": "congruence of an endless survey with the norms",
    }
    for name, title in titles.items():
        _print(plan[name], as_json=False, title=title)
