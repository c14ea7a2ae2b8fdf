"""The command ``apexline``.

Belongs here: arguments, printing and exit codes (0 done, 1 failed, 2 wrong usage). Stays out: work, which the
modules called here do.
"""

import sys
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from apexline.orchestration.commands import decisions
from apexline.orchestration.commands.console import (
    MOMENTS,
    Json,
    print_data,
    print_error,
    print_note,
    show_progress,
)
from apexline.orchestration.commands.surveys.commands import survey_app
from apexline.orchestration.settings import Settings, keep_private
from apexline.review import PORT

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Recognises apparent emotional expression in surveillance video; never identities, never feelings.",
)
app.add_typer(survey_app, name="survey")

for _command in decisions.COMMANDS:
    app.command()(_command)


def main() -> None:
    """Run the command; errors with a remedy are one line, not a traceback."""
    keep_private()
    try:
        app()
    except (ValueError, OSError, LookupError, ExceptionGroup) as error:
        print_error(str(error))
        sys.exit(1)


@app.command()
def demo(
    clips: Annotated[
        Path | None, typer.Option(help="Folder of your own clips to run instead of the sample.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Run the whole line on the embedded synthetic sample, or on your clips with the model it trained."""
    from apexline.orchestration.commands.demo import run_demo

    with show_progress("starting") as on_step:
        summary = run_demo(Settings(), clips=clips, on_step=on_step)
    if as_json:
        print_data(summary, as_json=True)
        return
    for title, section in summary.items():
        print_data(section, as_json=False, title=title)


@app.command()
def ui(
    port: Annotated[int, typer.Option(help="Port of the Dagster UI.")] = 3000,
    mlflow_port: Annotated[int, typer.Option(help="Port of the MLflow UI.")] = 5000,
) -> None:
    """Serve the Dagster and MLflow UIs on 127.0.0.1 until interrupted; open the links that it prints."""
    from apexline.orchestration.commands.servers import serve_uis

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
    from apexline.orchestration.commands.ingest import ingest_paths, manifest_from_options

    manifest = manifest_from_options(camera, captured_at, purpose, legal_basis)
    with show_progress("starting") as on_step:
        summary = ingest_paths(
            Settings(), paths or [], manifest=manifest, despite_erasure=despite_erasure, on_step=on_step
        )
    if as_json:
        print_data(summary, as_json=True)
        return
    lists = {name: summary.pop(name) for name in ("quarantined", "postponed")}
    print_data(summary, as_json=False, title="ingest")
    for name, entries in lists.items():
        print_data(entries, as_json=False, title=name)


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
    from apexline.orchestration.commands.score import score_one

    if plot_file is not None and not plot:
        msg = f"saw a second file, {str(plot_file)!r}, without --plot; expected one clip"
        raise typer.BadParameter(msg)
    with show_progress(f"scoring {clip.name}") as on_step:
        scores, notes, page = score_one(Settings(), clip, plot=plot, plot_file=plot_file, on_step=on_step)
    shown = scores if as_json else [_answer(each) for each in scores]
    print_data(shown, as_json=as_json, title=f"{clip.name}: apparent expressions")
    for note in notes:
        print_note(f"{clip.name}: {note}")
    if page is not None:
        print_note(f"why: {page.resolve()}")


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
    from apexline.orchestration.commands.erase import erase_or_preview, finish_erasures, verify_receipt

    asked = {"clips": clips or [], "camera": camera, "day": day, "rater": rater}
    if verify is not None:
        print_data(verify_receipt(Settings(), verify), as_json=as_json, title="receipt, signed by this home")
        return
    if not resume and not any(asked.values()):
        msg = "saw nothing to erase, expected clip ids, --camera, --day or --rater; or --resume, or --verify RECEIPT"
        raise typer.BadParameter(msg)
    if not resume and not dry_run and by is None:
        msg = "missing --by: the name of the person who asks"
        raise typer.BadParameter(msg)
    with show_progress("starting") as on_step:
        if resume:
            result = finish_erasures(Settings(), on_step=on_step)
        else:
            result = erase_or_preview(Settings(), **asked, by=by or "", dry_run=dry_run, on_step=on_step)
    print_data(result, as_json=as_json, title="would be erased" if dry_run else "receipt")


@app.command()
def doctor(as_json: Json = False) -> None:
    """Check the installation, and list clips that failed or were refused; exit code 1 where something is wrong."""
    from apexline.orchestration.commands.doctor import examine

    findings = examine(Settings())
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
    from apexline.orchestration.commands.doctor import retry as try_again

    print_data(try_again(Settings(), clip_id), as_json=as_json, title="retry")


@app.command()
def bench(
    name: Annotated[
        str,
        typer.Argument(
            help="features, flow, imports, platform, recognition, semantic, serving, spotting or video."
        ),
    ],
    data: Annotated[
        Path,
        typer.Option(
            envvar="APEXLINE_BENCH_DATA",
            help="Folder of the benchmark data; features, imports, platform and serving need none.",
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
    if find_spec("apexline.bench") is None:
        msg = "the package holds no benchmarks; run this from a checkout of the repository, set up by `make setup`"
        raise FileNotFoundError(msg)
    from apexline.bench import BENCHMARKS, QUICK_BENCHMARKS

    known = QUICK_BENCHMARKS if quick else BENCHMARKS
    if name not in known:
        msg = f"saw {name!r}{' with --quick' if quick else ''}, expected one of {sorted(known)}"
        raise typer.BadParameter(msg)
    with show_progress(f"measuring {name}"):
        found = known[name](data, out)
    if as_json or isinstance(found, list):
        print_data(found, as_json=as_json, title=f"bench {name}")
        return
    for title, rows in found.items():
        print_data(rows, as_json=False, title=f"bench {name}: {title}")


@app.command()
def review(port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = PORT) -> None:
    """Serve the timeline of each camera's day, for people who look and correct; open the link that it prints."""
    from apexline.orchestration.commands.servers import serve_review

    serve_review(Settings(), port=port)
