"""Who scores, and who decided so: approving, looking up, putting back, comparing, walking back from a score.

Belongs here: these commands. Stays out: the table of decisions (``assets.training``). What is heavy is imported where
it is first needed, since every command waits for this module.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from apexline.orchestration.commands.console import MOMENTS, Json, print_data, print_error, show_progress
from apexline.orchestration.commands.usage import read_settings

if TYPE_CHECKING:
    from apexline.orchestration.settings import Settings

Second = Annotated[
    str, typer.Option(help="A second person, where `apexline people rules` asks for one; is kept.")
]


def approve(
    by: Annotated[str, typer.Option(help="Your name: the person who approves.")],
    second: Second = "",
    as_json: Json = False,
) -> None:
    """Approve the challenger: it becomes champion if it wins on the frozen test split.

    The exit status is 1 where nothing was promoted.
    """
    with show_progress("comparing challenger and champion"):
        decision, shift = approve_challenger(read_settings(), by=by, second=second)
    if as_json:
        print_data({**decision, "score_shift": shift}, as_json=True)
    else:
        print_data(_side_by_side(shift), as_json=False, title="latest segments, champion before > after")
        print_data(decision, as_json=False, title="decision")
    if not decision["promoted"]:
        print_error(f"nothing was promoted: {decision['reason']}")
        raise typer.Exit(1)


def retrain(as_json: Json = False) -> None:
    """Train the three versions on what was annotated, rated and reviewed, and name a challenger; promotes nothing.

    The exit status is 1 where there is nothing to learn.
    """
    with show_progress("loading the line") as on_step:
        found = train_versions(read_settings(), on_step=on_step)
    print_data(found, as_json=as_json, title="versions")


def champion(
    at: Annotated[datetime | None, typer.Option(help="A moment; UTC.", formats=MOMENTS)] = None,
    as_json: Json = False,
) -> None:
    """Say which version scores, or did at a moment, since when, and who decided so."""
    print_data(present_champion(read_settings(), at=at), as_json=as_json, title="champion")


def rollback(
    to: Annotated[int, typer.Option(help="Version that was champion before.")],
    by: Annotated[str, typer.Option(help="Your name; is kept.")],
    reason: Annotated[str, typer.Option(help="Why; is kept.")],
    second: Second = "",
    as_json: Json = False,
) -> None:
    """Make an earlier champion the champion again; what it has not scored since is scored."""
    found = put_back(read_settings(), to=to, by=by, second=second, reason=reason)
    print_data(found, as_json=as_json, title="decision")


def demote(
    by: Annotated[str, typer.Option(help="Your name; is kept.")],
    reason: Annotated[str, typer.Option(help="Why; is kept.")],
    second: Second = "",
    as_json: Json = False,
) -> None:
    """Take the champion off: the one before it is champion again."""
    found = put_back(read_settings(), to=None, by=by, second=second, reason=reason)
    print_data(found, as_json=as_json, title="decision")


def lineage(
    score_id: Annotated[str, typer.Argument(help="SEGMENT, or SEGMENT@VERSION; see the mart `segments`.")],
    as_json: Json = False,
) -> None:
    """Walk from a score back to segment, clip, files, model, decision, examples and runs."""
    found = trace(read_settings(), score_id)
    if as_json:
        print_data(found, as_json=True)
        return
    for title, section in found.items():
        print_data(section, as_json=False, title=title)


COMMANDS = (retrain, approve, champion, rollback, demote, lineage)


def train_versions(settings: "Settings", *, on_step: Callable[[str], None]) -> list[dict[str, Any]]:
    """Run the job ``retrain``; what stands is not trained again.

    Returns
    -------
    list of dict
        Each version with its number, its score on the test fold, and whether it is the challenger.

    Raises
    ------
    LookupError
        Where there is nothing to learn, saying what is missing.
    """
    from apexline.assets.parameters import load_parameters
    from apexline.assets.training import CHALLENGER, VERSIONS, nothing_to_learn
    from apexline.governance import acting
    from apexline.orchestration.line import open_line

    acting(settings.home_path, "operate")
    with open_line(settings) as line:
        missing = nothing_to_learn(line.lake, load_parameters(settings.parameter_file))
        if missing is not None:
            raise LookupError(missing)
        on_step("ratings, space, and three model versions")
        line.run("retrain")
        challenger = line.registry.get_alias(CHALLENGER)
        newest = {each.tags["version"]: each.number for each in line.registry.list_versions()}
        return [
            {
                "version": name,
                "model_version": newest[name],
                "recognition": line.registry.test_metrics(newest[name])["recognition"],
                "challenger": newest[name] == challenger,
            }
            for name in VERSIONS
        ]


def approve_challenger(
    settings: "Settings", *, by: str, second: str = ""
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Compare challenger and champion on the frozen test split, and promote the challenger if it wins.

    Where somebody moved the alias `champion` in MLflow, it is put back instead, and nothing is compared.

    Returns
    -------
    dict
        The decision, as it is kept.
    list of dict
        What the challenger answers otherwise, see `assets.scoring.score_shift`; none where nothing was compared.

    Raises
    ------
    ValueError
        Where there is no challenger, or it is champion already; ``NotAllowed`` where `by` may not promote, or a second
        person is needed.
    """
    from apexline.assets.parameters import load_parameters
    from apexline.assets.scoring import shift_of_challenger
    from apexline.assets.training import CHALLENGER, CHAMPION, latest_decision, promoted_version
    from apexline.governance import allow, note_approval, sign_promotion
    from apexline.orchestration.line import open_line

    home = settings.home_path
    allow(home, "promote", by=by)
    sign_promotion(home, by=by, second=second)
    with open_line(settings) as line:
        current = line.registry.get_alias(CHAMPION)
        challenger = line.registry.get_alias(CHALLENGER)
        is_moved = promoted_version(line.lake) not in (None, current)
        if not is_moved and challenger in (None, current):
            msg = (
                "there is no challenger to approve that is not champion already; run the job `retrain` first"
            )
            raise ValueError(msg)
        # Before: afterwards the challenger may be champion.
        parameters = load_parameters(settings.parameter_file)
        shift = [] if is_moved else shift_of_challenger(line.lake, parameters, line.registry)
        if challenger is not None and not is_moved:
            note_approval(home, challenger, by=by, second=second, now=datetime.now(UTC))
        line.run("promote", config={"ops": {"champion": {"config": {"approved_by": by}}}})
        return latest_decision(line.lake) or {}, shift


def _side_by_side(shift: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Write both shares of an answer into one column."""
    return [
        {
            **{name: row[name] for name in ("camera", "segments", "changed")},
            **{
                (name := key.removesuffix("_before")): f"{row[key]:.2f} > {row[f'{name}_after']:.2f}"
                for key in row
                if key.endswith("_before")
            },
        }
        for row in shift
    ]


def present_champion(settings: "Settings", *, at: datetime | None) -> dict[str, Any]:
    """Say which version is champion, or was at a moment (UTC where it has no offset), since when and by whom.

    Raises
    ------
    LookupError
        Where there was none.
    """
    from apexline.assets.training import CHAMPION, champion_at, moved_alias
    from apexline.orchestration.resources import build_resources

    resources = build_resources(settings)
    moment = datetime.now(UTC) if at is None else at if at.tzinfo else at.replace(tzinfo=UTC)
    reign = champion_at(resources["lake"], moment)
    if reign is None:
        msg = f"nobody was champion at {moment:%Y-%m-%d %H:%M} UTC; the first scoring makes the shipped model champion"
        raise LookupError(msg)
    found = {
        "model_version": reign.model_version,
        "since": reign.since,
        "until": reign.until,
        "approved_by": reign.approved_by,
        "reason": reign.reason,
    }
    if at is not None:
        return found
    alias = resources["registry"].get_alias(CHAMPION)
    moved = None if alias is None else moved_alias(resources["lake"], alias)
    return {**found, "alias": moved or "as decided"}


def put_back(
    settings: "Settings", *, to: int | None, by: str, reason: str, second: str = ""
) -> dict[str, Any]:
    """Make an earlier champion the champion again, by default the one before; the decision is kept.

    Raises
    ------
    ValueError
        As `assets.training.roll_back`; ``NotAllowed`` where `by` may not override, or a second person is needed.
    """
    from apexline.assets.training import roll_back
    from apexline.governance import allow, sign_promotion
    from apexline.orchestration.occupancy import working
    from apexline.orchestration.resources import build_resources

    allow(settings.home_path, "override", by=by)
    sign_promotion(settings.home_path, by=by, second=second)
    resources = build_resources(settings)
    with working(settings):
        why = f"{reason} (signed by {second})" if second else reason
        return roll_back(resources["lake"], resources["registry"], to=to, by=by, reason=why)


def compare_versions_by_hand(settings: "Settings", first: int, second: int) -> dict[str, Any]:
    """Compare two versions on the frozen test subjects; it is a look at them, and kept as one.

    Returns
    -------
    dict
        Test accuracy of each as it was registered, and the paired difference, first minus second, now.
    """
    from apexline.assets.lake import fingerprint
    from apexline.assets.training import compare_versions, store_decision
    from apexline.governance import acting
    from apexline.orchestration.occupancy import working
    from apexline.orchestration.resources import build_resources

    acting(settings.home_path, "operate")
    resources = build_resources(settings)
    lake, registry, parameters = (resources[name] for name in ("lake", "registry", "parameters"))
    with working(settings):
        found = compare_versions(lake, parameters.promotion, registry, first, second)
        row = {
            "decided_at": datetime.now(UTC),
            "model_version": first,
            "incumbent_version": second,
            "promoted": False,
            "approved_by": "",
            **{"difference": found.difference, "difference_low": found.low, "difference_high": found.high},
            "reason": f"compared by hand: version {first} minus version {second}; nothing was decided",
        }
        store_decision(lake, row, fingerprint("compare", first, second, str(row["decided_at"])))
    tested = {f"v{number}": registry.test_metrics(number).get("recognition") for number in (first, second)}
    return {
        "recognition when registered": tested,
        **{k: row[k] for k in ("difference", "difference_low", "difference_high")},
    }


def trace(settings: "Settings", score_id: str) -> dict[str, dict[str, Any]]:
    """Walk from a score back to where it comes from."""
    from apexline.assets.explain import trace_score
    from apexline.orchestration.resources import build_resources

    resources = build_resources(settings)
    return trace_score(resources["lake"], resources["registry"], score_id)
