"""Who rates what, and how far a survey has come: `apexline survey plan` and `status`."""

import json
from typing import Any

import pandas as pd

from apexline.assets.lake import Lake
from apexline.assets.semantics import PAGE_PREFIX
from apexline.ml import load_pairs
from apexline.ml.surveys import SECONDS_PER_ANSWER, agreement_by_pair, plan_survey_blocks, read_ratings
from apexline.orchestration.occupancy import working
from apexline.orchestration.pages import CONSENT_PREFIX, NOTES_PREFIX, PLAN_FILE, LakeStimuli
from apexline.orchestration.settings import Settings


def plan_raters(
    settings: Settings, *, raters: int, minutes: float, per_segment: int, save: bool
) -> dict[str, Any]:
    """Deal the segments of the lake to raters, and store the deal for the rating page where that is asked for.

    Raises
    ------
    ValueError
        Where so many raters can't rate enough in so many minutes.
    """
    lake = Lake(settings.home_path)
    pairs = len(load_pairs())
    page_s = pairs * SECONDS_PER_ANSWER
    segments = LakeStimuli(lake).segments()
    plan = plan_survey_blocks(
        segments, raters=raters, per_rater=int(60 * minutes // page_s), per_segment=per_segment
    )
    if save:
        with working(settings), lake.replacing(lake.home / "surveys" / PLAN_FILE) as file:
            file.write(json.dumps({"blocks": plan.blocks}, indent=1).encode())
    (least, most), (fewest, greatest) = plan.ratings(), plan.together()
    each = max(map(len, plan.blocks))
    return {
        "raters": raters,
        "segments of each": each,
        "minutes of each": round(each * page_s / 60, 1),
        "segments": f"{len(plan.segments)} of {len(segments)}",
        "ratings of a segment": f"{least} to {most}",
        "raters that two segments share": f"{fewest} to {greatest}",
        "connected": plan.is_connected(),
        "efficiency": round(plan.efficiency(), 3),
        "answers": sum(map(len, plan.blocks)) * pairs,
        "answers if everybody rated all": raters * len(plan.segments) * pairs,
        "saved": save,
    }


def survey_status(settings: Settings) -> dict[str, Any]:
    """Say who took part on the rating page, how long it took them, and how far they agree."""
    lake = Lake(settings.home_path)
    folder = lake.home / "surveys"
    notes = pd.DataFrame(
        [
            json.loads(line)
            for path in sorted(folder.glob(f"{NOTES_PREFIX}*.jsonl"))
            for line in path.read_text(encoding="utf-8").splitlines()
        ],
        columns=["rater", "segment", "kind", "at", "seconds", "attentive", "again"],
    )
    rated = notes[notes["kind"] == "rated"]
    checks = notes["attentive"].dropna().astype(bool)
    ratings = _page_ratings(lake)
    return {
        "raters who agreed": len(list(folder.glob(f"{CONSENT_PREFIX}*.json"))),
        "raters who answered": ratings["rater"].nunique(),
        "pages": len(rated),
        "answers": len(ratings),
        "minutes": round(float(rated["seconds"].sum()) / 60, 1),
        "median seconds of a page": round(float(rated["seconds"].median()), 1) if len(rated) else None,
        "checks of attention passed": f"{int(checks.sum())} of {len(checks)}",
        "answers given again": _steadiness(notes, ratings),
        "agreement (ICC of a mean, median pair)": _agreement(ratings),
    }


def _page_ratings(lake: Lake) -> pd.DataFrame:
    """Return what came from the page so far, whether a training has seen it or not."""
    tables = [pd.DataFrame(columns=["rater", "segment", "pair", "level"])]
    for path in sorted((lake.home / "surveys").glob(f"{PAGE_PREFIX}*.csv")):
        with lake.local_copy(path) as file:
            tables.append(read_ratings(file)[0])
    return pd.concat([each for each in tables if len(each)] or tables)


def _agreement(ratings: pd.DataFrame) -> float | None:
    if ratings["rater"].nunique() < 2:
        return None
    median = agreement_by_pair(ratings, num_resamples=2)["average"].median()
    return None if pd.isna(median) else round(float(median), 2)


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
