"""Asset ``champion``: which model scores, decided by a test and a person; at first the one that ships."""

from datetime import UTC, datetime
from typing import Any

import dagster as dg

from apexline.assets import checks
from apexline.assets.lake import Lake, fingerprint
from apexline.assets.metadata import asset_attributes, column_schema, table_preview
from apexline.assets.parameters import Parameters, PromotionConfig
from apexline.assets.training.model_comparison import CHALLENGER
from apexline.assets.training.training_table import load_training_set
from apexline.ml import paired_bootstrap
from apexline.ml.registry import ModelRegistry

CODE_VERSION = "1"
CHAMPION = "champion"


class ChampionConfig(dg.Config):
    """Launchpad configuration: without a name nothing is promoted."""

    approved_by: str = ""


@dg.asset(
    deps=["model_comparison"],
    code_version=CODE_VERSION,
    check_specs=[dg.AssetCheckSpec("champion_is_not_worse", asset="champion", blocking=True)],
    **asset_attributes("training", "mlflow"),
)
def champion(
    context: dg.AssetExecutionContext,
    config: ChampionConfig,
    lake: dg.ResourceParam[Lake],
    parameters: dg.ResourceParam[Parameters],
    registry: dg.ResourceParam[ModelRegistry],
) -> dg.MaterializeResult:
    """The registry alias ``champion``: moved when the challenger wins a paired bootstrap and a person approves.

    In a new installation it is the model that ships with the package. Give your name as ``approved_by`` in the
    launchpad, or run ``apexline approve --by NAME``. What learned from synthetic faces never follows a model of real
    ones. Every decision is kept in the table ``promotions``.
    """
    incumbent = ensure_champion(lake, registry, parameters)
    challenger = registry.get_alias(CHALLENGER)
    asked = fingerprint(challenger, incumbent, config.approved_by, parameters.hash_of("promotion"))
    # the same comparison again has the same answer: the test fold is frozen
    pending = challenger if challenger != incumbent and asked != _last_fingerprint(lake) else None
    if pending is not None:
        decision = _decide(lake, parameters.promotion, registry, pending, incumbent, config.approved_by)
        context.log.info(decision["reason"])
        if decision["promoted"]:
            registry.set_alias(CHAMPION, pending)
        _store_decision(lake, decision, asked)
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


def ensure_champion(lake: Lake, registry: ModelRegistry, parameters: Parameters) -> int:
    """Return the champion's version; where there is none, register the shipped model and make it champion."""
    current = registry.get_alias(CHAMPION)
    if current is not None:
        return current
    from apexline.ml.deepid import load_pretrained  # torch takes seconds to import

    shipped = load_pretrained()
    number = registry.register_shipped(shipped, parameters=parameters.resolved())
    registry.set_alias(CHAMPION, number)
    decision = {
        "decided_at": datetime.now(UTC),
        "model_version": number,
        "incumbent_version": None,
        "promoted": True,
        "approved_by": "apexline",
        **dict.fromkeys(("difference", "difference_low", "difference_high")),
        "reason": "there was no champion: the model that ships with the package is the first one",
    }
    _store_decision(lake, decision, fingerprint(number))
    return number


def _store_decision(lake: Lake, decision: dict[str, Any], stamp: str) -> None:
    name = f"{decision['decided_at']:%Y%m%dT%H%M%S%f}-v{decision['model_version']}"
    lake.write("promotions", name, [decision], stamp=stamp)


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
) -> dict[str, Any]:
    """Compare on the frozen test fold and say what follows; a row of ``promotions``."""
    difference = _compare(lake, config, registry, challenger, incumbent)
    wins = difference[1] > config.min_difference
    found = (
        f"challenger minus champion is {difference[0]:+.3f} (95 % interval {difference[1]:+.3f} to "
        f"{difference[2]:+.3f}) on the frozen test subjects"
    )
    drawn = {number: registry.tags(number)["synthetic"] == "true" for number in (challenger, incumbent)}
    if drawn[challenger] and not drawn[incumbent]:
        wins, verdict = False, "not promoted: it learned from synthetic faces, the champion from real ones"
    elif not wins:
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
    from apexline.ml.evaluation import evaluate  # torch takes seconds to import

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
