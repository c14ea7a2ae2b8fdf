"""How far a rating survey has come: who took part, how long it took them, how far they agree.

Belongs here: counting what the rating page stored. Stays out: writing it (``rating_store``), showing it (``review``,
the command line), what agreement is (``ml.surveys``).
"""

import json
from typing import Any

import pandas as pd

from apexline.assets.lake import Lake
from apexline.assets.semantics import PAGE_PREFIX
from apexline.ml.surveys import agreement_by_pair, read_ratings
from apexline.orchestration.pages.rating_store import CONSENT_PREFIX, NOTES_PREFIX


def survey_status(lake: Lake) -> dict[str, Any]:
    """Say who took part on the rating page, how long it took them, and how far they agree."""
    notes, ratings = _notes(lake), _page_ratings(lake)
    rated = notes[notes["kind"] == "rated"]
    checks = notes["attentive"].dropna().astype(bool)
    median = _agreement(ratings)["average"].median()
    return {
        "raters who agreed": len(_consented(lake)),
        "raters who answered": ratings["rater"].nunique(),
        "pages": len(rated),
        "answers": len(ratings),
        "minutes": round(float(rated["seconds"].sum()) / 60, 1),
        "median seconds of a page": round(float(rated["seconds"].median()), 1) if len(rated) else None,
        "checks of attention passed": f"{int(checks.sum())} of {len(checks)}",
        "answers given again": _steadiness(notes, ratings),
        "agreement (ICC of a mean, median pair)": None if pd.isna(median) else round(float(median), 2),
    }


def rater_rows(lake: Lake) -> list[dict[str, Any]]:
    """Return of each who agreed: ``rater``, ``pages``, ``answers``, ``minutes``, passed ``checks``, ``last`` page."""
    notes, ratings = _notes(lake), _page_ratings(lake)
    answers = ratings["rater"].value_counts()
    rows: list[dict[str, Any]] = []
    for rater in _consented(lake):
        own = pd.DataFrame(notes[notes["rater"] == rater])
        rated, checks = own[own["kind"] == "rated"], own["attentive"].dropna().astype(bool)
        rows.append(
            {
                "rater": rater,
                "pages": len(rated),
                "answers": int(answers.get(rater, 0)),
                "minutes": round(float(rated["seconds"].sum()) / 60, 1),
                "checks": f"{int(checks.sum())} of {len(checks)}",
                "last": max(own["at"].dropna(), default=None),
            }
        )
    return rows


def pair_rows(lake: Lake) -> list[dict[str, Any]]:
    """Return of each pair that can be compared: ``pair``, ``raters``, ``segments``, ``agreement`` (ICC of a mean)."""
    ratings = _page_ratings(lake)
    agreement = _agreement(ratings)["average"]
    counts = ratings.groupby("pair").agg(raters=("rater", "nunique"), segments=("segment", "nunique"))
    return [
        {
            "pair": pair,
            "raters": int(counts.loc[pair, "raters"]),
            "segments": int(counts.loc[pair, "segments"]),
            "agreement": None if pd.isna(value) else round(float(value), 2),
        }
        for pair, value in agreement.items()
    ]


def _consented(lake: Lake) -> list[str]:
    found = (lake.home / "surveys").glob(f"{CONSENT_PREFIX}*.json")
    return sorted(path.stem.removeprefix(CONSENT_PREFIX) for path in found)


def _notes(lake: Lake) -> pd.DataFrame:
    return pd.DataFrame(
        [
            json.loads(line)
            for path in sorted((lake.home / "surveys").glob(f"{NOTES_PREFIX}*.jsonl"))
            for line in path.read_text(encoding="utf-8").splitlines()
        ],
        columns=["rater", "segment", "kind", "at", "seconds", "attentive", "again"],
    )


def _page_ratings(lake: Lake) -> pd.DataFrame:
    """Return what came from the page so far, whether a training has seen it or not."""
    tables = [pd.DataFrame(columns=["rater", "segment", "pair", "level"])]
    for path in sorted((lake.home / "surveys").glob(f"{PAGE_PREFIX}*.csv")):
        with lake.local_copy(path) as file:
            tables.append(read_ratings(file)[0])
    return pd.concat([each for each in tables if len(each)] or tables)


def _agreement(ratings: pd.DataFrame) -> pd.DataFrame:
    if ratings["rater"].nunique() < 2:
        return agreement_by_pair(ratings.iloc[:0])
    return agreement_by_pair(ratings, num_resamples=2)


def _steadiness(notes: pd.DataFrame, ratings: pd.DataFrame) -> str:
    """Return how many answers to a clip that was shown twice were the same, and how many within one level."""
    first = ratings.set_index(["rater", "segment", "pair"])["level"].to_dict()
    differences = [
        abs(level - first[row["rater"], row["segment"], pair])
        for row in notes[notes["kind"] == "again"].to_dict("records")
        for pair, level in row["again"].items()
        if (row["rater"], row["segment"], pair) in first
    ]
    same, near = sum(each == 0 for each in differences), sum(each <= 1 for each in differences)
    return f"{same} of {len(differences)} the same, {near} within one level"
