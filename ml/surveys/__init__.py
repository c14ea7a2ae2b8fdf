"""Rating surveys: forms, tidy ratings, agreement, variance components, power, the simulated panel."""

from apexline.ml.surveys.agreement import agreement_by_pair
from apexline.ml.surveys.forms import pad_norms, read_form, read_scale_table
from apexline.ml.surveys.panel import simulate_panel
from apexline.ml.surveys.plans import SECONDS_PER_ANSWER, SurveyPlan, plan_survey_blocks
from apexline.ml.surveys.power import survey_power
from apexline.ml.surveys.ratings import (
    ANSWER_COLUMNS,
    REPEATED,
    answers_once,
    compare_answers,
    mean_scores,
    read_ratings,
)
from apexline.ml.surveys.sufficiency import MIN_RATERS, survey_problems
from apexline.ml.surveys.tables import plain, without_rows
from apexline.ml.surveys.variance_components import rating_components, score_cube

__all__ = [
    "ANSWER_COLUMNS",
    "MIN_RATERS",
    "REPEATED",
    "SECONDS_PER_ANSWER",
    "SurveyPlan",
    "agreement_by_pair",
    "answers_once",
    "compare_answers",
    "mean_scores",
    "pad_norms",
    "plain",
    "plan_survey_blocks",
    "rating_components",
    "read_form",
    "read_ratings",
    "read_scale_table",
    "score_cube",
    "simulate_panel",
    "survey_problems",
    "survey_power",
    "without_rows",
]
