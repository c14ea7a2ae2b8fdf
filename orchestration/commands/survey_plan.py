"""How large the next survey has to be: `apexline survey power`."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from apexline.assets.lake.storage import Lake
from apexline.assets.parameters import Parameters
from apexline.assets.semantics.pad_space import usable_ratings
from apexline.assets.semantics.rating_surveys import load_form
from apexline.ml.norms import target_of
from apexline.ml.surveys.power import survey_power
from apexline.ml.surveys.ratings import read_ratings
from apexline.ml.surveys.variance_components import rating_components, score_cube


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
