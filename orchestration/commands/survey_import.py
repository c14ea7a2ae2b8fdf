"""Take in ratings that were given elsewhere: `apexline survey import`."""

from pathlib import Path
from typing import Any

from apexline.assets.semantics.rating_surveys import import_csv, import_scale_table
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
        Counts of accepted and rejected rows, and the rejected ones with their reasons.
    """
    lake = build_resources(settings)["lake"]
    if poles is None or norms is None:
        return import_csv(lake, file)
    return import_scale_table(lake, file, poles=poles, norms=norms, rater=rater, stimulus=stimulus)
