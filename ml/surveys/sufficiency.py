"""Whether a survey is enough to learn a semantic space from.

Belongs here: how many took part, whether their answers hang together, whether they agree at all. Stays out: how many
raters a wanted precision needs (``power``), whether mean scores suit a factor analysis
(``ml.semantic_space.adequacy``).
"""

from __future__ import annotations

from typing import cast

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from apexline.ml.surveys.agreement import agreement_by_pair

# With one rater, nothing tells an opinion from a habit of the hand.
MIN_RATERS = 2
# What three factors need, see `ml.semantic_space.fit_semantic_space`.
MIN_STIMULI = 10
# Between groups that share no stimulus, strict raters look like unpleasant faces. A few who just began do no harm.
MIN_CONNECTED = 0.9


def survey_problems(ratings: pd.DataFrame) -> list[str]:
    """Say what a survey lacks.

    Parameters
    ----------
    ratings : DataFrame, columns rater, segment, pair, level
        Accepted answers, each once.

    Returns
    -------
    list of str
        What was seen, what was expected and the remedy; empty for a survey that will do.
    """
    problems: list[str] = []
    raters, stimuli = len(set(ratings["rater"])), len(set(ratings["segment"]))
    if raters < MIN_RATERS:
        problems.append(f"saw {raters} rater, expected at least {MIN_RATERS}; ask more people")
    if stimuli < MIN_STIMULI:
        problems.append(
            f"saw {stimuli} rated segments, expected at least {MIN_STIMULI}; have more of them rated"
        )
    if raters < MIN_RATERS or ratings.empty:
        return problems
    connected = connected_share(ratings)
    if connected < MIN_CONNECTED:
        problems.append(
            f"{connected:.0%} of the answers come from raters whose segments overlap, expected at least "
            f"{MIN_CONNECTED:.0%}; have the same segments rated by raters of different groups"
        )
    agreement = float(cast("pd.Series", agreement_by_pair(ratings, num_resamples=2)["average"]).median())
    if not agreement > 0:
        seen = "no segment was rated twice" if np.isnan(agreement) else f"saw an ICC of {agreement:.2f}"
        problems.append(
            f"{seen}, expected agreement above chance (0); look for raters who answer in a pattern, or ask more people"
        )
    return problems


def connected_share(ratings: pd.DataFrame) -> float:
    """Return the share of answers in the largest group of raters and stimuli that hang together, 0..1.

    Parameters
    ----------
    ratings : DataFrame, columns rater, segment
        At least one answer.
    """
    raters, rater_names = pd.factorize(ratings["rater"])
    stimuli, names = pd.factorize(ratings["segment"])
    # Raters and stimuli are the nodes of one graph, an answer joins two of them.
    num = len(rater_names) + len(names)
    edges = coo_array((np.ones(len(ratings)), (raters, stimuli + len(rater_names))), shape=(num, num))
    _, group = connected_components(edges, directed=False)
    return float(np.bincount(group[raters]).max() / len(ratings))
