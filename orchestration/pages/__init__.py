"""Our own pages over this installation's lake: what is shown, and where it comes from."""

from apexline.orchestration.pages.rating_page import LakeStimuli, create_rating_page
from apexline.orchestration.pages.rating_store import PLAN_FILE
from apexline.orchestration.pages.review_page import create_review_page
from apexline.orchestration.pages.survey_progress import survey_status

__all__ = [
    "PLAN_FILE",
    "LakeStimuli",
    "create_rating_page",
    "create_review_page",
    "survey_status",
]
