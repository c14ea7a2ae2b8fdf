"""Asset ``champion``: which model scores, decided by a test and a person; at first the one that ships."""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import dagster as dg

from apexline.assets import checks
from apexline.assets.lake import Lake, fingerprint
from apexline.assets.metadata import asset_attributes, column_schema, table_preview
from apexline.assets.parameters import Parameters, PromotionConfig
from apexline.assets.training.consented import evaluate_on_consented, read_consented
from apexline.assets.training.decisions import (
    CHALLENGER,
    CHAMPION,
    ensure_champion,
    is_tainted,
    put_alias_back,
    store_decision,
)
from apexline.assets.training.training_table import describe_examples, load_training_set
from apexline.governance import missing_approval
from apexline.ml import level_of_look, paired_bootstrap, sign_flip_p
from apexline.ml.registry import ModelRegistry

CODE_VERSION = "1"
_YEAR = timedelta(days=365)


class Comparison(NamedTuple):
    """Accuracy of one version minus that of another, -1..1, its 95 % interval, and the one-sided p of no difference.

    `lost` says in which groups of faces the first one is worse, more than luck would have it.
    """

    difference: float
    low: float
    high: float
    p_value: float
    lost: tuple[str, ...] = ()


class ChampionConfig(dg.Config):
    """Launchpad configuration: without a name nothing is promoted."""

    approved_by: str = ""


@dg.asset(
    deps=["model_comparison"],
    code_version=CODE_VERSION,
    check_specs=[checks.check_spec(checks.champion_is_not_worse, asset="champion", blocking=True)],
    **asset_attributes("training", "mlflow"),
)
def champion(
    context: dg.AssetExecutionContext,
    config: ChampionConfig,
    lake: dg.ResourceParam[Lake],
    parameters: dg.ResourceParam[Parameters],
    registry: dg.ResourceParam[ModelRegistry],
) -> dg.MaterializeResult:
    """The registry alias ``champion``: moved when the challenger wins on the frozen test fold and a person approves.

    A win is more than luck would give once in all the looks of a year at these test subjects.

    In a new installation it is the model that ships with the package. Give your name as ``approved_by`` in the
    launchpad, or run ``apexline approve --by NAME``, which alone counts where people have keys. What learned from
    synthetic faces never follows a model of real ones. Every decision is kept in the table ``promotions``.
    """
    is_put_back = bool(config.approved_by) and put_alias_back(lake, registry, by=config.approved_by)
    incumbent = ensure_champion(lake, registry, parameters)
    challenger = registry.get_alias(CHALLENGER)
    missing = (
        missing_approval(lake.home, challenger, by=config.approved_by)
        if challenger and config.approved_by
        else ""
    )
    consented = read_consented(lake, now=datetime.now(UTC))
    # Who approves later, or has other people to test on, asks something new.
    said = [each for each in (missing, consented.digest if consented else "") if each]
    asked = fingerprint(challenger, incumbent, config.approved_by, parameters.hash_of("promotion"), *said)
    # the same comparison again has the same answer: the test fold is frozen
    is_new = challenger != incumbent and asked != _last_fingerprint(lake)
    pending = (
        challenger if is_new and not is_put_back else None
    )  # who puts it back has looked at no challenger yet
    if pending is not None:
        decision = _decide(
            lake, parameters.promotion, registry, pending, incumbent, config.approved_by, missing=missing
        )
        context.log.info(decision["reason"])
        # In this order: killed between the two, the same command again puts the alias where the decision says.
        store_decision(lake, decision, asked)
        if decision["promoted"]:
            registry.set_alias(CHAMPION, pending)
    table = lake.read_all("promotions")
    now = registry.get_alias(CHAMPION)
    return dg.MaterializeResult(
        metadata={
            "computed": int(pending is not None),
            "unchanged": int(pending is None),
            "champion": now or 0,
            "decisions": table_preview(table.to_pylist()[::-1]),
            **column_schema("promotions"),
        },
        data_version=dg.DataVersion(fingerprint(CHAMPION, now)),
        check_results=[checks.champion_is_not_worse(table)],
    )


def _last_fingerprint(lake: Lake) -> str | None:
    names = lake.names("promotions")
    return lake.fingerprint_of("promotions", names[-1]) if names else None


def _decide(
    lake: Lake,
    config: PromotionConfig,
    registry: ModelRegistry,
    challenger: int,
    incumbent: int,
    approved_by: str,
    *,
    missing: str,
) -> dict[str, Any]:
    """Compare on the frozen test fold and say what follows; a row of ``promotions``."""
    found = compare_versions(lake, config, registry, challenger, incumbent)
    look = 1 + len(_other_looks(lake, challenger, incumbent))
    level = level_of_look(look, total=config.false_promotions)
    seen = (
        f"challenger minus champion is {found.difference:+.3f} (95 % interval {found.low:+.3f} to {found.high:+.3f}) "
        f"on the frozen test subjects; luck alone gives as much with p {found.p_value:.2g}, at look {look} of a year "
        f"at most {level:.2g} is a win"
    )
    wins = found.low > config.min_difference and found.p_value <= level
    drawn = {number: registry.tags(number)["synthetic"] == "true" for number in (challenger, incumbent)}
    if drawn[challenger] and not drawn[incumbent]:
        wins, verdict = False, "not promoted: it learned from synthetic faces, the champion from real ones"
    elif is_tainted(registry, challenger):
        wins, verdict = (
            False,
            "not promoted: it learned from data that was erased since; run the job `retrain`",
        )
    elif wins and found.lost:
        wins, verdict = False, f"not promoted: it is worse than the champion on {'; '.join(found.lost)}"
    elif not wins:
        verdict = "not promoted: no clear win"
    elif not approved_by:
        verdict = "not promoted: waits for a person's approval"
    elif missing:
        wins, verdict = False, f"not promoted: {missing}"
    else:
        verdict = f"promoted, approved by {approved_by}"
    return {
        "decided_at": datetime.now(UTC),
        "model_version": challenger,
        "incumbent_version": incumbent,
        "promoted": wins and bool(approved_by),
        "approved_by": approved_by,
        "difference": found.difference,
        "difference_low": found.low,
        "difference_high": found.high,
        "reason": f"{verdict}; {seen}",
    }


def _other_looks(lake: Lake, challenger: int, incumbent: int) -> set[tuple[int, int]]:
    """Return which other pairs of versions were compared on the test subjects within a year.

    The same pair again has the same answer, and is no other look.
    """
    since = datetime.now(UTC) - _YEAR
    return {
        (row["model_version"], row["incumbent_version"])
        for row in lake.read_all("promotions").to_pylist()
        if row["difference"] is not None and row["decided_at"] > since
    } - {(challenger, incumbent)}


def compare_versions(
    lake: Lake, config: PromotionConfig, registry: ModelRegistry, challenger: int, incumbent: int
) -> Comparison:
    """Compare the test accuracies of two versions on the frozen test subjects, the first minus the second.

    Raises
    ------
    FileNotFoundError
        Where there is no training set, and so no test fold.
    """
    from apexline.ml.evaluation import (  # SciPy's statistics take a second to import
        evaluate,
        lost_slices,
        pose_groups,
    )

    data, split = load_training_set(lake)
    groups, quality = describe_examples(lake)
    groups["pose"] = pose_groups(quality["yaw"])
    models = [registry.load_model(number) for number in (challenger, incumbent)]
    ours, theirs = (evaluate(model, data, split.test, groups=groups) for model in models)
    compared = [(ours, theirs)]
    if (consented := read_consented(lake, now=datetime.now(UTC))) is not None:
        first, second = (evaluate_on_consented(model, consented) for model in models)
        compared.append((first, second))
    lost = [
        each
        for pair in compared
        for each in lost_slices(
            *pair,
            min_count=config.min_slice_count,
            max_loss=config.max_slice_loss,
            num_resamples=config.num_resamples,
        )
    ]
    found = paired_bootstrap(
        ours.recognition_correct,
        theirs.recognition_correct,
        ours.subjects,
        seed=0,
        num_resamples=config.num_resamples,
    )
    p_value = sign_flip_p(ours.recognition_correct, theirs.recognition_correct, ours.subjects)
    return Comparison(found.difference, found.low, found.high, p_value, tuple(map(str, lost)))
