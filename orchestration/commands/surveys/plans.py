"""Who rates what: `apexline survey plan`."""

import json
from typing import Any

from apexline.assets.lake import Lake
from apexline.ml import load_pairs
from apexline.ml.surveys import SECONDS_PER_ANSWER, plan_survey_blocks
from apexline.orchestration.occupancy import working
from apexline.orchestration.pages import PLAN_FILE, LakeStimuli
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
