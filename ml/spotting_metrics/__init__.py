"""How well segments were found: matching, frame ROC, summary by subject, nested choice of thresholds."""

from apexline.ml.spotting_metrics.frames import auc_interval, frame_mask, frame_roc
from apexline.ml.spotting_metrics.matching import MICRO_S, match_pairs, match_segments
from apexline.ml.spotting_metrics.nested import (
    ALARM_PRICE,
    NUM_INNER,
    NUM_OUTER,
    Fold,
    NestedCrossValidation,
    NestedRun,
    Spotter,
    best_by_fold,
)
from apexline.ml.spotting_metrics.summary import SpotterResult, SpottingSummary, TrueSegment

__all__ = [
    "ALARM_PRICE",
    "Fold",
    "MICRO_S",
    "NUM_INNER",
    "NUM_OUTER",
    "NestedCrossValidation",
    "NestedRun",
    "Spotter",
    "SpotterResult",
    "SpottingSummary",
    "TrueSegment",
    "auc_interval",
    "best_by_fold",
    "frame_mask",
    "frame_roc",
    "match_pairs",
    "match_segments",
]
