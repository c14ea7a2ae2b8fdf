"""The command ``apexline``.

Belongs here: arguments, printing and exit codes (0 done, 1 failed, 2 wrong usage). Stays out: work, which the
modules called here do.
"""

import os
import sys
from datetime import datetime
from importlib.metadata import version as distribution_version
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from apexline.orchestration.commands import comparison, decisions, usage
from apexline.orchestration.commands.console import (
    MOMENTS,
    Json,
    print_data,
    print_error,
    print_note,
    show_progress,
)
from apexline.orchestration.commands.governing import APPS, COMMANDS
from apexline.orchestration.commands.operations.commands import COMMANDS as OPERATIONS
from apexline.orchestration.commands.surveys.commands import survey_app
from apexline.orchestration.commands.usage import read_settings
from apexline.review import PORT

_DEMO_TAKES = "The demo takes about 3 minutes on two cores the first time; later it does only what is new."

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Recognises apparent emotional expression in surveillance video; never identities, never feelings.",
)
app.add_typer(survey_app, name="survey")
for _name, _app in APPS.items():
    app.add_typer(_app, name=_name)

for _command in (*decisions.COMMANDS, *comparison.COMMANDS, *OPERATIONS, *COMMANDS):
    app.command()(_command)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"apexline {distribution_version('apexline')}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and leave."
        ),
    ] = False,
) -> None:
    """Take what belongs to no single command."""


def main() -> None:
    """Run the command; errors with a remedy are one line, not a traceback."""
    os.umask(0o077)  # `settings.keep_private`, before settings are read
    try:
        app()
    except (ValueError, OSError, LookupError, ExceptionGroup) as error:
        print_error(str(error))
        sys.exit(2 if isinstance(error, usage.WrongUsage) else 1)


@app.command()
def demo(
    clips: Annotated[
        Path | None, typer.Option(help="Folder of your own clips to run instead of the sample.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Run the whole line on the embedded synthetic sample, or on your clips with the model it trained."""
    usage.require_folder(clips)
    if clips is None:
        print_note(_DEMO_TAKES)
    with show_progress("loading the line") as on_step:
        from apexline.orchestration.commands.demo import run_demo

        summary = run_demo(read_settings(), clips=clips, on_step=on_step)
    _print_sections(summary, as_json=as_json)
    if clips is not None and not any(row["clip_id"] for row in summary["clips"]):
        print_error(f"no clip of {clips} was taken in; the table says why of each file that was seen")
        raise typer.Exit(1)


@app.command()
def ui(
    port: Annotated[int, typer.Option(help="Port of the Dagster UI.")] = 3000,
    mlflow_port: Annotated[int, typer.Option(help="Port of the MLflow UI.")] = 5000,
) -> None:
    """Serve the Dagster and MLflow UIs on 127.0.0.1 until interrupted; open the links that it prints."""
    from apexline.orchestration.commands.servers import serve_uis

    raise typer.Exit(serve_uis(read_settings(), port=port, mlflow_port=mlflow_port))


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
            formats=MOMENTS,
        ),
    ] = None,
    purpose: Annotated[str | None, typer.Option(help="Why the clips may be processed.")] = None,
    legal_basis: Annotated[str | None, typer.Option(help="Legal basis of the processing.")] = None,
    despite_erasure: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Who takes clips in again that were erased; is kept."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Take clips in, quarantine what can't be accepted, and process their camera-days."""
    given = {"camera": camera, "captured_at": captured_at, "purpose": purpose, "legal_basis": legal_basis}
    has_manifest = usage.require_all_or_none(given)
    usage.require_existing(paths or [])
    with show_progress("loading the line") as on_step:
        from apexline.orchestration.commands.ingest import ingest_paths, manifest_of

        summary = ingest_paths(
            read_settings(),
            paths or [],
            manifest=manifest_of(given) if has_manifest else None,
            despite_erasure=despite_erasure,
            on_step=on_step,
        )
    is_refused = summary["quarantined"] and not summary["accepted"] and not summary["duplicates"]
    if as_json:
        print_data(summary, as_json=True)
    else:
        lists = {name: summary.pop(name) for name in ("quarantined", "postponed")}
        _print_sections({"ingest": summary, **lists}, as_json=False)
    if is_refused:
        print_error("every file was refused; each is in quarantine with its reason, or erased and stays away")
        raise typer.Exit(1)


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
    camera: Annotated[
        str, typer.Option(help="Entry of the purpose register; default: the sidecar's, else own-recordings.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Find the expression segments of one clip and score them by the champion; only --plot stores anything."""
    if plot_file is not None and not plot:
        msg = f"saw a second file, {str(plot_file)!r}, without --plot; expected one clip"
        raise typer.BadParameter(msg)
    usage.require_drawable(plot_file)
    with show_progress(f"scoring {clip.name}") as on_step:
        from apexline.orchestration.commands.score import score_one

        scores, notes, page = score_one(
            read_settings(), clip, camera=camera, plot=plot, plot_file=plot_file, on_step=on_step
        )
    shown = scores if as_json else [_answer(each) for each in scores]
    print_data(shown, as_json=as_json, title=f"{clip.name}: apparent expressions")
    for note in notes:
        print_note(f"{clip.name}: {note}")
    if page is not None:
        print_note(f"why: {page.resolve()}")


def _answer(score: dict[str, Any]) -> dict[str, str]:
    """Put a score into few columns for a person; --json has every value on its own."""
    pad = " ".join(f"{score[axis]:+.2f}" for axis in ("pleasure", "arousal", "dominance"))
    return {
        "track": score["track"],
        "from - to (s)": f"{score['onset_s']:.2f} - {score['offset_s']:.2f}",
        "apex (s)": f"{score['apex_s']:.2f}",
        "resembles": f"no answer: {', '.join(score['reasons'])}"
        if score["abstained"]
        else f"{score['emotion']} {score['confidence']:.2f}",
        "P A D": "" if score["abstained"] else pad,
        "adjectives": "" if score["abstained"] else score["adjectives"],
        "model": f"v{score['model_version']}{', synthetic' if score['synthetic'] else ''}",
    }


@app.command()
def erase(
    clips: Annotated[
        list[str] | None, typer.Argument(help="Clip ids, the first 16 hex digits of a clip's SHA-256.")
    ] = None,
    by: Annotated[
        str | None, typer.Option(help="Name of the person who asks; stands in the receipt.")
    ] = None,
    camera: Annotated[str, typer.Option(help="All clips of this camera.")] = "",
    day: Annotated[str, typer.Option(help="All clips of this UTC day, YYYY-MM-DD.")] = "",
    rater: Annotated[str, typer.Option(help="All answers and reviews of the person with this code.")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List what would go; nothing is deleted.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Finish erasures that were killed.")] = False,
    verify: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Check the signature of a receipt.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Delete clips and what was derived from them, or a rater's answers, prove it by a search, and print a receipt.

    A command that was killed is finished by giving it again, or any other erasure, or --resume.
    """
    asked = {"clips": clips or [], "camera": camera, "day": day, "rater": rater}
    if verify is None and not resume and not any(asked.values()):
        msg = "saw nothing to erase, expected clip ids, --camera, --day or --rater; or --resume, or --verify RECEIPT"
        raise typer.BadParameter(msg)
    if verify is None and not resume and not dry_run and by is None:
        msg = "missing --by: the name of the person who asks"
        raise typer.BadParameter(msg)
    from apexline.orchestration.commands.erase import erase_or_preview, finish_erasures, verify_receipt

    if verify is not None:
        print_data(
            verify_receipt(read_settings(), verify), as_json=as_json, title="receipt, signed by this home"
        )
        return
    with show_progress("starting") as on_step:
        if resume:
            result = finish_erasures(read_settings(), on_step=on_step)
        else:
            result = erase_or_preview(read_settings(), **asked, by=by or "", dry_run=dry_run, on_step=on_step)
    print_data(result, as_json=as_json, title="would be erased" if dry_run else "receipt")


@app.command()
def doctor(as_json: Json = False) -> None:
    """Check the installation, and list clips that failed or were refused; exit code 1 where something is wrong."""
    from apexline.orchestration.commands.doctor import examine

    findings = examine(read_settings())
    print_data(findings, as_json=as_json, title="doctor")
    if any(finding["state"] == "wrong" for finding in findings):
        raise typer.Exit(1)


@app.command()
def retry(
    clip_id: Annotated[
        str | None, typer.Argument(help="As `apexline doctor` lists it; default: all clips that failed.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Try clips again that failed in a stage, though nothing that they are computed from has changed."""
    from apexline.governance import acting
    from apexline.orchestration.commands.doctor import retry as try_again

    acting(read_settings().home_path, "operate")
    print_data(try_again(read_settings(), clip_id), as_json=as_json, title="retry")


@app.command()
def bench(
    name: Annotated[
        str,
        typer.Argument(help=f"{', '.join(usage.BENCHMARKS[:-1])} or {usage.BENCHMARKS[-1]}."),
    ],
    data: Annotated[
        Path,
        typer.Option(
            envvar="APEXLINE_BENCH_DATA",
            help="Folder of the benchmark data; features, imports, platform, serving and warehouse need none.",
        ),
    ] = Path("../shared/data"),
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for a page with tables and plots; all but flow and imports write one."),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="One seed and few epochs, for a look: recognition only.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Measure against named peers or truth, in one run on the same input."""
    usage.require_benchmark(name, quick=quick)
    if find_spec("apexline.bench") is None:
        msg = "the package holds no benchmarks; run this from a checkout of the repository, set up by `make setup`"
        raise FileNotFoundError(msg)
    with show_progress(f"measuring {name}"):
        from apexline.bench import BENCHMARKS, QUICK_BENCHMARKS

        found = (QUICK_BENCHMARKS if quick else BENCHMARKS)[name](data, out)
    if as_json or isinstance(found, list):
        print_data(found, as_json=as_json, title=f"bench {name}")
        return
    _print_sections({f"bench {name}: {title}": rows for title, rows in found.items()}, as_json=False)


@app.command()
def publish(as_json: Json = False) -> None:
    """Build warehouse and report now, from what the lake holds; the schedule does so at 04:00 UTC."""
    with show_progress("loading the line") as on_step:
        from apexline.governance import acting
        from apexline.orchestration.commands.summary import publish_now

        acting(read_settings().home_path, "operate")
        found = publish_now(read_settings(), on_step=on_step)
    print_data(found, as_json=as_json, title="published")


@app.command()
def review(port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = PORT) -> None:
    """Serve the timeline of each camera's day, for people who look and correct; open the link that it prints."""
    from apexline.orchestration.commands.servers import serve_review

    serve_review(read_settings(), port=port)


def _print_sections(sections: dict[str, Any], *, as_json: bool) -> None:
    """Print data section by section, each under its title; or all of it as one JSON object."""
    if as_json:
        print_data(sections, as_json=True)
        return
    for title, section in sections.items():
        print_data(section, as_json=False, title=title)
