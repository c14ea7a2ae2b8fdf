"""Asset ``pad_space``: pleasure, arousal and dominance from the ratings."""

import json
import warnings
from collections.abc import Iterable, Sequence
from typing import Any, cast

import dagster as dg
import numpy as np
import pandas as pd
from upath import UPath

from apexline.assets import checks
from apexline.assets.figures import loadings_plot, scree_plot
from apexline.assets.lake import Lake, fingerprint
from apexline.assets.metadata import asset_attributes, figures
from apexline.assets.parameters import Parameters
from apexline.assets.semantics.rating_surveys import load_form
from apexline.ml import PAD_AXES, AdjectivePair, midpoint_of, pairs_csv, target_of
from apexline.ml.semantic_space import (
    SemanticSpace,
    chance_congruence,
    fit_semantic_space,
    own_congruence,
    parallel_analysis,
    variance_inflation,
)
from apexline.ml.surveys import agreement_by_pair, mean_scores

CODE_VERSION = "2"


@dg.asset(
    deps=["rating_surveys"],
    code_version=CODE_VERSION,
    check_specs=[dg.AssetCheckSpec("space_is_not_degenerate", asset="pad_space", blocking=True)],
    **asset_attributes("semantics", "factor_analyzer"),
)
def pad_space(
    context: dg.AssetExecutionContext,
    lake: dg.ResourceParam[Lake],
    parameters: dg.ResourceParam[Parameters],
) -> dg.MaterializeResult:
    """The emotional semantic space (eq. 28-30): three factors turned to pleasure, arousal and dominance.

    Fitted on real ratings where there are any, else on the simulated panel's, and then called synthetic. An
    axis that the data does not support is named unsupported.
    """
    form = load_form(lake, parameters.survey.form)
    ratings = usable_ratings(lake, [pair.pair for pair in form])
    stamp = fingerprint(CODE_VERSION, parameters.hash_of("survey"), _ratings_hash(ratings), pairs_csv(form))
    record: dict[str, Any] = read_record(lake)
    computed = int(record.get("stamp") != stamp)
    if computed:
        record = {"stamp": stamp, **_fit(context, ratings, form, parameters)}
        with lake.replacing(_path(lake)) as file:
            file.write(json.dumps(record, indent=1).encode())
    space = load_space(lake)
    return dg.MaterializeResult(
        metadata={
            "computed": computed,
            "unchanged": 1 - computed,
            **{key: value for key, value in record["diagnostics"].items() if value is not None},
            **figures(
                context,
                changed=bool(computed),
                draw=lambda: space_figures(
                    space, ratings, synthetic=record["diagnostics"]["synthetic"]
                ).items(),
            ),
        },
        data_version=dg.DataVersion(stamp),
        check_results=[
            checks.space_is_not_degenerate(
                space.loadings, space.congruence, record["diagnostics"].get("chance_congruence", {})
            )
        ],
    )


def usable_ratings(lake: Lake, pairs: Iterable[str]) -> pd.DataFrame:
    """Return the real ratings of some pairs, or the simulated ones where there are no others.

    Raises
    ------
    LookupError
        Where nothing was rated yet.
    """
    ratings = lake.read_all("ratings").to_pandas()
    ratings = ratings[ratings["pair"].isin(list(pairs))]
    if ratings.empty:
        msg = (
            "nobody has rated a segment yet; collect ratings with `apexline survey serve`, import a CSV with "
            "`apexline survey import`, or set survey.simulated_raters for the synthetic sample"
        )
        raise LookupError(msg)
    synthetic = ratings["synthetic"].astype(bool)
    return ratings if synthetic.all() else ratings[~synthetic]


def load_space(lake: Lake) -> SemanticSpace:
    """Return the fitted space.

    Raises
    ------
    LookupError
        Where ``pad_space`` has not been materialised.
    """
    record = read_record(lake)
    if not record:
        msg = "there is no PAD space yet; materialise pad_space"
        raise LookupError(msg)
    return SemanticSpace.from_json(record["space"])


def read_record(lake: Lake) -> dict[str, Any]:
    """Return the stored space with its diagnostics, or an empty dict."""
    path = _path(lake)
    return json.loads(path.read_text()) if path.exists() else {}


def rated_pad(lake: Lake, space: SemanticSpace) -> dict[str, tuple[float, float, float]]:
    """Return the PAD point of every rated segment: mean ratings (eq. 28) through the space."""
    means = mean_scores(usable_ratings(lake, space.pairs), pairs=space.pairs)
    points = space.to_pad(means)
    return {
        str(segment): (float(p), float(a), float(d))
        for segment, (p, a, d) in zip(means.index, points, strict=True)
        if np.isfinite([p, a, d]).all()
    }


def _path(lake: Lake) -> UPath:
    return lake.home / "pad_space" / "pad_space.json"


def _ratings_hash(ratings: pd.DataFrame) -> str:
    return fingerprint(ratings.sort_values(["rater", "segment", "pair"]).to_dict("records"))


def _fit(
    context: dg.AssetExecutionContext,
    ratings: pd.DataFrame,
    form: Sequence[AdjectivePair],
    parameters: Parameters,
) -> dict[str, Any]:
    config = parameters.survey
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        space = fit_semantic_space(
            mean_scores(ratings),
            target=target_of(form),
            midpoint=midpoint_of(form),
            method=config.method,
            rotation=config.rotation,
        )
    for each in caught:
        context.log.warning(str(each.message))
    return {"space": space.to_json(), "diagnostics": _diagnostics(space, ratings)}


def _diagnostics(space: SemanticSpace, ratings: pd.DataFrame) -> dict[str, Any]:
    # Within pairs: over all ratings at once, the differences between pairs would count as agreement.
    agreement = cast("pd.Series", agreement_by_pair(ratings, num_resamples=20)["average"])
    synthetic = bool(ratings["synthetic"].astype(bool).all())
    return {
        "num_stimuli": len(space.segments),
        "num_raters": cast("pd.Series", ratings["rater"]).nunique(),
        "num_pairs": len(space.pairs),
        "kmo": _finite(space.kmo),
        "bartlett_p": _finite(space.bartlett_p),
        "icc": _finite(cast("float", agreement.median())),
        "n_factors": len(space.axes),
        "n_parallel": space.parallel_k,
        "congruence": dict(space.congruence),
        "unsupported": list(space.unsupported),
        **_identifiability(space),
        "source": "simulated panel" if synthetic else ", ".join(sorted(set(ratings["source"]))),
        "synthetic": synthetic,
    }


def _identifiability(space: SemanticSpace) -> dict[str, Any]:
    """Say how well the axes can be told apart; nothing where the factors were not turned to the target."""
    if space.axes != PAD_AXES:
        return {}
    measures = {
        "chance_congruence": chance_congruence(space.loadings, space.target),
        "own_congruence": own_congruence(space.loadings, space.target),
        "variance_inflation": variance_inflation(space.target),
    }
    return {name: dict(zip(PAD_AXES, values.tolist(), strict=True)) for name, values in measures.items()}


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def space_figures(space: SemanticSpace, ratings: pd.DataFrame, *, synthetic: bool) -> dict[str, Any]:
    """Draw loadings and scree of the space."""
    words = [pair.rpartition("/")[2].replace("_", " - ") for pair in space.pairs]
    loadings = pd.DataFrame(space.loadings, index=words, columns=list(space.axes))
    means = mean_scores(ratings, pairs=space.pairs).to_numpy(np.float64)
    parallel = parallel_analysis(np.where(np.isnan(means), np.nanmean(means, axis=0), means))
    return {
        "loadings": loadings_plot(loadings, synthetic=synthetic),
        "scree": scree_plot(
            parallel.eigenvalues,
            parallel.thresholds,
            n_factors=len(space.axes),
            n_parallel=space.parallel_k,
            synthetic=synthetic,
        ),
    }
