"""`apexline compare`: two model versions, two parameter files, or two homes over the same clips.

Belongs here: which kind is meant, and where its answers come from. Stays out: matching them (``assets.scoring``),
comparing versions on the frozen test subjects (``decisions``). What is heavy is imported where it is first needed,
since every command waits for this module.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from apexline.orchestration.commands.console import Json, print_data, print_note, show_progress
from apexline.orchestration.commands.usage import WrongUsage, read_settings, require_folder

if TYPE_CHECKING:
    from apexline.orchestration.settings import Settings

OnStep = Callable[..., None]
_PARAMETERS = (".yaml", ".yml")


def compare(
    first: Annotated[str, typer.Argument(help="A version number, a parameter file, or a home.")],
    second: Annotated[str, typer.Argument(help="Another one of the same kind.")],
    clips: Annotated[
        Path | None,
        typer.Option(help="With parameter files: a folder of clips; default: those that the home stores."),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also draw the segments of both, into a .png.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare two model versions, or the segments and answers that two parameter files or two homes give.

    Two versions are compared on the frozen test subjects; nothing is decided, and the look is kept. Two parameter files
    are run over the same clips with the champion, and nothing of it is stored. Two homes hold what two runs left.
    """
    kind = _kind_of(first, second)
    require_folder(clips)
    if plot is not None and (kind == "versions" or plot.suffix != ".png"):
        msg = f"saw --plot {plot}, expected a .png, and parameter files or homes to draw the segments of"
        raise WrongUsage(msg)
    with show_progress(f"comparing {first} and {second}") as on_step:
        if kind == "versions":
            from apexline.orchestration.commands.decisions import compare_versions_by_hand

            found = {"first minus second": compare_versions_by_hand(read_settings(), int(first), int(second))}
        else:
            both = [Path(first), Path(second)]
            runs = (
                _by_homes(both)
                if kind == "homes"
                else _by_parameters(read_settings(), both, clips, on_step=on_step)
            )
            found = _differences(*runs)
            if plot is not None:
                _draw(plot, dict(zip((first, second), runs, strict=True)))
    if as_json:
        print_data(found, as_json=True)
    else:
        for title, section in found.items():
            print_data(section, as_json=False, title=title)
    if plot is not None:
        print_note(f"drawn: {plot.resolve()}")


COMMANDS = (compare,)


def _kind_of(first: str, second: str) -> str:
    kinds = {_kind(each) for each in (first, second)}
    if len(kinds) == 1 and (kind := kinds.pop()):
        return kind
    msg = (
        f"saw {first!r} and {second!r}, expected two version numbers, two parameter files (.yaml) that are there, or "
        "two homes, folders with a lake"
    )
    raise WrongUsage(msg)


def _kind(named: str) -> str:
    path = Path(named)
    if named.isdecimal():
        return "versions"
    if path.suffix in _PARAMETERS and path.is_file():
        return "parameters"
    return "homes" if (path / "lake").is_dir() else ""


def _by_homes(homes: Iterable[Path]) -> list[list[dict[str, Any]]]:
    from upath import UPath

    from apexline.assets.lake import Lake
    from apexline.assets.scoring import answers_of_lake

    return [answers_of_lake(Lake(UPath(home))) for home in homes]


def _by_parameters(
    settings: "Settings", files: Iterable[Path], folder: Path | None, *, on_step: OnStep
) -> list[list[dict[str, Any]]]:
    """Take every clip from its pixels to its answers under each parameter file.

    Raises
    ------
    LookupError
        Where there is no clip.
    """
    from apexline.assets.lake import process_clip
    from apexline.assets.parameters import load_parameters
    from apexline.assets.reviews import answer_of
    from apexline.assets.scoring import champion_scorer, score_clip
    from apexline.orchestration.resources import build_resources

    resources = build_resources(settings)
    clips = _clips(resources["lake"], folder)
    runs: list[list[dict[str, Any]]] = []
    for file in files:
        parameters = load_parameters(file)
        scorer = champion_scorer(resources["lake"], resources["registry"], parameters)
        rows: list[dict[str, Any]] = []
        for done, (name, path) in enumerate(clips.items()):
            on_step(f"{file.name}: {name}", done, len(clips))
            with (
                resources["lake"].local_copy(path) as local,
                process_clip(local, features=parameters.features) as clip,
            ):
                rows += [
                    {**each, "clip": name, "answer": answer_of(each)} for each in score_clip(clip, scorer)
                ]
        runs.append(rows)
    return runs


def _clips(lake: Any, folder: Path | None) -> dict[str, Any]:
    """Return the clips by name: those of a folder, or those that the lake stores by their ids."""
    from upath import UPath

    from apexline.assets.ingest import clips_in

    if folder is not None:
        found = {each.name: each for each in clips_in(UPath(folder))}
    else:
        rows = lake.read_all("clip_manifest", columns=["clip_id", "path"]).to_pylist()
        found = {row["clip_id"]: lake.home / row["path"] for row in rows}
    if not found:
        where = f"{folder} holds" if folder is not None else "the home stores"
        msg = f"{where} no clip to compare the parameter files on; name a folder by --clips"
        raise LookupError(msg)
    return found


def _differences(first: list[dict[str, Any]], second: list[dict[str, Any]]) -> dict[str, Any]:
    from apexline.assets.scoring import changed_answers, comparison_figures

    return {"compared": comparison_figures(first, second), "changed": changed_answers(first, second)}


def _draw(target: Path, runs: dict[str, list[dict[str, Any]]]) -> None:
    from apexline.assets.figures import answers_plot, figure_png

    synthetic = any(row["synthetic"] for rows in runs.values() for row in rows)
    target.write_bytes(figure_png(answers_plot(runs, synthetic=synthetic)))
