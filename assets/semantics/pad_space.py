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
from apexline.ml.surveys import (
    MIN_RATERS,
    agreement_by_pair,
    answers_once,
    mean_scores,
    survey_problems,
)

CODE_VERSION = "2"


@dg.asset(
    deps=["rating_surveys"],
    code_version=CODE_VERSION,
    check_specs=[
        checks.check_spec(checks.space_is_not_degenerate, asset="pad_space", blocking=True),
        checks.check_spec(checks.new_ratings_are_sound, asset="pad_space"),
    ],
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

    Ratings that are too few, do not hang together or say less than those before make no space: the one that stands
    stays, and the sources that came since do not count (`usable_ratings`) until the ratings change. A space that
    stands is not judged anew.
    """
    form = load_form(lake, parameters.survey.form)
    pairs = [pair.pair for pair in form]
    ratings = _real_ones(_all_ratings(lake, pairs))
    stamp = fingerprint(CODE_VERSION, parameters.hash_of("survey"), _ratings_hash(ratings), pairs_csv(form))
    standing = read_record(lake)
    record = standing
    if standing.get("stamp") == stamp:
        record = {key: value for key, value in standing.items() if key != "refused"}
    elif standing.get("refused", {}).get("stamp") != stamp:
        record = _next_record(context, stamp, ratings, form, parameters, standing)
    if record != standing:
        write_record(lake, record)
    computed = int(record["stamp"] != standing.get("stamp"))
    refused: dict[str, Any] = record.get("refused", {})
    space = load_space(lake)
    return dg.MaterializeResult(
        metadata={
            **figures(
                context,
                changed=bool(computed),
                draw=lambda: space_figures(
                    space, ratings, synthetic=record["diagnostics"]["synthetic"]
                ).items(),
            ),
            "computed": computed,
            "unchanged": 1 - computed,
            **{key: value for key, value in record["diagnostics"].items() if value is not None},
            **{key: refused[key] for key in ("problems", "sources") if refused},
        },
        data_version=dg.DataVersion(record["stamp"]),
        check_results=[
            checks.space_is_not_degenerate(
                space.loadings, space.congruence, record["diagnostics"].get("chance_congruence", {})
            ),
            checks.new_ratings_are_sound(refused.get("problems", [])),
        ],
    )


def usable_ratings(lake: Lake, pairs: Iterable[str]) -> pd.DataFrame:
    """Return the real ratings of some pairs, each answer once, or the simulated ones where there are no others.

    Of several answers of one rater to one pair of a segment that of the source whose name comes first counts.
    Sources that ``pad_space`` refused do not count as long as others are there.

    Raises
    ------
    LookupError
        Where nothing was rated yet.
    """
    ratings = _all_ratings(lake, pairs)
    refused = read_record(lake).get("refused", {}).get("sources", [])
    kept = ratings.loc[~ratings["source"].isin(refused).to_numpy(np.bool_)]
    return _real_ones(ratings if kept.empty else kept)


def _all_ratings(lake: Lake, pairs: Iterable[str]) -> pd.DataFrame:
    ratings = lake.read_all("ratings").to_pandas()
    ratings = ratings[ratings["pair"].isin(list(pairs))]
    if ratings.empty:
        msg = (
            "nobody has rated a segment yet; collect ratings with `apexline survey serve`, import a CSV with "
            "`apexline survey import`, or set survey.simulated_raters for the synthetic sample"
        )
        raise LookupError(msg)
    return ratings


def _real_ones(ratings: pd.DataFrame) -> pd.DataFrame:
    real = ~ratings["synthetic"].to_numpy(np.bool_)
    return answers_once(ratings.loc[real] if real.any() else ratings)


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


def write_record(lake: Lake, record: dict[str, Any]) -> None:
    """Store a space with its diagnostics, in place of the one that stands."""
    with lake.replacing(_path(lake)) as file:
        file.write(json.dumps(record, indent=1).encode())


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


def _next_record(
    context: dg.AssetExecutionContext,
    stamp: str,
    ratings: pd.DataFrame,
    form: Sequence[AdjectivePair],
    parameters: Parameters,
    standing: dict[str, Any],
) -> dict[str, Any]:
    """Return what to store: the space of the ratings, or the standing one with the reasons against them.

    Raises
    ------
    dagster.Failure
        Where the ratings make no space and none stands.
    """
    problems = survey_problems(ratings)
    if not problems:
        try:
            fitted = _fit(context, ratings, form, parameters)
        except ValueError as error:  # singular, constant or too few
            problems = [str(error)]
        else:
            problems = _space_problems(fitted, standing)
            if not problems:
                return {"stamp": stamp, **fitted}
    if not standing:
        msg = f"the ratings make no PAD space, and none stands: {'; '.join(problems)}"
        raise dg.Failure(msg)
    context.log.warning(f"the PAD space stays as it was: {'; '.join(problems)}")
    known = set(standing["diagnostics"]["source"].split(", "))
    sources = sorted(set(ratings["source"]) - known)
    return {**standing, "refused": {"stamp": stamp, "problems": problems, "sources": sources}}


def _space_problems(fitted: dict[str, Any], standing: dict[str, Any]) -> list[str]:
    """Say why a space may not take the place of the one that stands."""
    space, diagnostics = SemanticSpace.from_json(fitted["space"]), fitted["diagnostics"]
    chance = diagnostics.get("chance_congruence", {})
    check = checks.space_is_not_degenerate(space.loadings, space.congruence, chance)
    problems = [] if check.passed else list(cast("list[str]", check.metadata["problems"].value))
    # A panel agrees with the norms because it was drawn from them, and one rater may do by chance.
    if not standing or standing["diagnostics"]["synthetic"]:
        return problems
    if standing["diagnostics"]["num_raters"] < MIN_RATERS:
        return problems
    before = SemanticSpace.from_json(standing["space"])
    if set(before.pairs) != set(space.pairs):
        return problems
    return problems + [
        f"{axis} has congruence {space.congruence[axis]:.2f}, the space that stands has "
        f"{before.congruence[axis]:.2f}; collect more ratings, or remove pad_space/pad_space.json to take it"
        for axis in before.supported
        if axis not in space.supported
    ]


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
