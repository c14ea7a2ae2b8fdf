"""Asset ``champion``: which model scores, decided by a test and a person."""

from datetime import UTC, datetime
from typing import Any

import dagster as dg

from assets import checks
from assets.describe import about, columns_of, table_preview
from assets.lake import Lake, fingerprint
from assets.model_comparison import CHALLENGER
from assets.parameters import Parameters, PromotionConfig
from assets.training_set import load_training_set
from ml.registry import ModelRegistry

CODE_VERSION = "1"
CHAMPION = "champion"


class ChampionConfig(dg.Config):
    """Launchpad configuration: without a name nothing is promoted."""

    approved_by: str = ""


@dg.asset(
    deps=["model_comparison"],
    code_version=CODE_VERSION,
    check_specs=[dg.AssetCheckSpec("champion_is_not_worse", asset="champion", blocking=True)],
    **about("training", "mlflow"),
)
def champion(
    context: dg.AssetExecutionContext,
    config: ChampionConfig,
    lake: dg.ResourceParam[Lake],
    parameters: dg.ResourceParam[Parameters],
    registry: dg.ResourceParam[ModelRegistry],
) -> dg.MaterializeResult:
    """The registry alias ``champion``: moved when the challenger wins a paired bootstrap and a person approves.

    Give your name as ``approved_by`` in the launchpad, or run ``apexline approve --by NAME``. Every decision is
    kept in the table ``promotions``.
    """
    challenger = registry.get_alias(CHALLENGER)
    incumbent = registry.get_alias(CHAMPION)
    pending = challenger if challenger != incumbent else None
    if pending is not None:
        decision = _decide(lake, parameters.promotion, registry, pending, incumbent, config.approved_by)
        context.log.info(decision["reason"])
        if decision["promoted"]:
            registry.set_alias(CHAMPION, pending)
        name = f"{decision['decided_at']:%Y%m%dT%H%M%S%f}-v{pending}"
        lake.write("promotions", name, [decision], stamp=fingerprint(pending, incumbent))
    table = lake.read_all("promotions")
    now = registry.get_alias(CHAMPION)
    return dg.MaterializeResult(
        metadata={
            "computed": int(pending is not None),
            "unchanged": int(pending is None),
            "champion": now or 0,
            "decisions": table_preview(table.to_pylist()[::-1]),
            **columns_of("promotions"),
        },
        data_version=dg.DataVersion(fingerprint(CHAMPION, now)),
        check_results=[checks.champion_is_not_worse(table)],
    )


def _decide(
    lake: Lake,
    config: PromotionConfig,
    registry: ModelRegistry,
    challenger: int,
    incumbent: int | None,
    approved_by: str,
) -> dict[str, Any]:
    """Compare on the frozen test fold and say what follows; a row of ``promotions``."""
    difference: tuple[float | None, float | None, float | None] = (None, None, None)
    wins, found = True, "there is no champion yet"
    if incumbent is not None:
        difference = _compare(lake, config, registry, challenger, incumbent)
        wins = difference[1] > config.min_difference
        found = (
            f"challenger minus champion is {difference[0]:+.3f} (95 % interval {difference[1]:+.3f} to "
            f"{difference[2]:+.3f}) on the frozen test subjects"
        )
    if not wins:
        verdict = "not promoted: no clear win"
    elif not approved_by:
        verdict = "not promoted: waits for a person's approval"
    else:
        verdict = f"promoted, approved by {approved_by}"
    return {
        "decided_at": datetime.now(UTC),
        "model_version": challenger,
        "incumbent_version": incumbent,
        "promoted": wins and bool(approved_by),
        "approved_by": approved_by,
        **dict(zip(("difference", "difference_low", "difference_high"), difference, strict=True)),
        "reason": f"{verdict}; {found}",
    }


def _compare(
    lake: Lake, config: PromotionConfig, registry: ModelRegistry, challenger: int, incumbent: int
) -> tuple[float, float, float]:
    from ml.evaluate import evaluate, paired_bootstrap  # torch takes seconds to import

    data, split = load_training_set(lake)
    ours = evaluate(registry.load_model(challenger), data, split.test)
    theirs = evaluate(registry.load_model(incumbent), data, split.test)
    found = paired_bootstrap(
        ours.recognition_correct,
        theirs.recognition_correct,
        ours.subjects,
        seed=0,
        num_resamples=config.num_resamples,
    )
    return found.difference, found.low, found.high


def latest_decision(lake: Lake) -> dict[str, Any] | None:
    """Return the last row of ``promotions``, or None where nothing was decided yet."""
    names = lake.names("promotions")
    return lake.read("promotions", names[-1]).to_pylist()[0] if names else None
