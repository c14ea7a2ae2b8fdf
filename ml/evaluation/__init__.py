"""How good a classifier is: scores, calibration, slices, cards, the paper's own numbers."""

from apexline.ml.evaluation.calibration import (
    COVERAGE,
    expected_calibration_error,
    reliability_table,
    risk_at_coverage,
    risk_coverage_curve,
)
from apexline.ml.evaluation.cards import (
    EXCLUDED_USES,
    INTENDED_USES,
    data_facts,
    data_sheet,
    model_card,
    model_facts,
    shipped_card,
    shipped_sheet,
    shipped_slices,
)
from apexline.ml.evaluation.gate import SliceLoss, accuracy_by_group, group_metrics, lost_slices
from apexline.ml.evaluation.logit_shift import balanced_accuracy, fit_logit_shift
from apexline.ml.evaluation.markdown import markdown_pages
from apexline.ml.evaluation.paper import PAPER_AUC, PAPER_RESULTS, VERSION_NAMES
from apexline.ml.evaluation.recognition import Evaluation, evaluate
from apexline.ml.evaluation.slices import (
    MIN_COUNT,
    light_groups,
    pose_groups,
    size_groups,
    slice_scores,
    worst_slice,
)

__all__ = [
    "accuracy_by_group",
    "SliceLoss",
    "group_metrics",
    "lost_slices",
    "pose_groups",
    "COVERAGE",
    "EXCLUDED_USES",
    "Evaluation",
    "INTENDED_USES",
    "MIN_COUNT",
    "PAPER_AUC",
    "PAPER_RESULTS",
    "VERSION_NAMES",
    "balanced_accuracy",
    "data_facts",
    "data_sheet",
    "evaluate",
    "expected_calibration_error",
    "fit_logit_shift",
    "light_groups",
    "markdown_pages",
    "model_card",
    "model_facts",
    "reliability_table",
    "risk_at_coverage",
    "risk_coverage_curve",
    "shipped_card",
    "shipped_sheet",
    "shipped_slices",
    "size_groups",
    "slice_scores",
    "worst_slice",
]
