"""Ratings given elsewhere, and how large the next survey has to be: `apexline survey import` and `power`."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from apexline.assets.lake import Lake
from apexline.assets.parameters import Parameters
from apexline.assets.semantics import import_csv, import_scale_table, load_form, usable_ratings
from apexline.ml import target_of
from apexline.ml.surveys import rating_components, read_ratings, score_cube, survey_power
from apexline.orchestration.occupancy import working
from apexline.orchestration.resources import build_resources
from apexline.orchestration.settings import Settings


def import_ratings(
    settings: Settings, file: Path, *, poles: Path | None, norms: Path | None, rater: str, stimulus: str
) -> dict[str, Any]:
    """Keep the good rows of a CSV of ratings, on our own pairs or on the survey's own scales.

    Parameters
    ----------
    file : Path
        Ratings of our adjective pairs; with `poles` and `norms` a table of sliders, 0..100.
    poles, norms : Path, optional
        Both or neither: the survey's own scales and the norms of their words.
    rater, stimulus : str
        With `poles`: the columns that name rater and stimulus.

    Returns
    -------
    dict
        Counts of rows accepted, known already and rejected, and the rejected ones with their reasons.
    """
    lake = build_resources(settings)["lake"]
    with working(settings):
        if poles is None or norms is None:
            return import_csv(lake, file)
        return import_scale_table(lake, file, poles=poles, norms=norms, rater=rater, stimulus=stimulus)


def plan_survey(
    lake: Lake,
    parameters: Parameters,
    *,
    file: Path | None,
    congruence: float,
    axes: Sequence[str],
    on_step: Callable[[int, int], None],
) -> dict[str, Any]:
    """Simulate surveys with the noise of the ratings that make the PAD space, or of a CSV of ratings.

    Returns
    -------
    dict
        ``basis``: what the noise was estimated from; ``needed``: raters for each number of images; ``reached``:
        the congruence of nine of ten surveys of each size; ``ceiling``: congruence of an endless survey with
        the norms.

    Raises
    ------
    LookupError
        Where there are no ratings.
    ValueError
        Where a wish or the file is out of order.
    """
    form = load_form(lake, parameters.survey.form)
    pairs = [pair.pair for pair in form]
    ratings = usable_ratings(lake, pairs) if file is None else read_ratings(file, pairs=pairs)[0]
    components = rating_components(*score_cube(ratings))
    power = survey_power(components, target_of(form), on_step=on_step)
    return {
        "basis": _basis(ratings, left_out=power.left_out),
        "needed": power.needed(congruence, axes).to_dict("records"),
        "reached": power.cells.to_dict("records"),
        "ceiling": power.ceiling,
    }


def _basis(ratings: pd.DataFrame, *, left_out: Sequence[str]) -> dict[str, Any]:
    return {
        "source": ", ".join(sorted(set(ratings["source"]))),
        "synthetic": bool(ratings["synthetic"].any()),
        "raters": ratings["rater"].nunique(),
        "stimuli": ratings["segment"].nunique(),
        "scales": ratings["pair"].nunique(),
        "left out": ", ".join(left_out) or "none",
    }
