"""Curves to onset, apex, offset, eq. (21)-(24), with reasons."""

from apexline.features.spotting.candidates import describe, description_names, find_candidates
from apexline.features.spotting.config import SegmentConfig
from apexline.features.spotting.curves import (
    TrackCurves,
    change_threshold,
    contrast,
    half_window,
    score_curve,
    smooth,
    true_spans,
)
from apexline.features.spotting.decisions import (
    Decision,
    Reading,
    Reason,
    Rejected,
    explain,
    spot,
)
from apexline.features.spotting.evidence import gather
from apexline.features.spotting.rest import rest_state
from apexline.features.spotting.scorer import SHIPPED_FOREST, Forest
from apexline.features.spotting.segments import Segment, fuse, motion_spans, smoothed, texture_spans
from apexline.features.spotting.spans import Bound, Span, limit_spans, merge_spans

__all__ = [
    "SHIPPED_FOREST",
    "Bound",
    "Decision",
    "Forest",
    "Reading",
    "Reason",
    "Rejected",
    "Segment",
    "SegmentConfig",
    "Span",
    "TrackCurves",
    "change_threshold",
    "contrast",
    "describe",
    "description_names",
    "explain",
    "find_candidates",
    "fuse",
    "gather",
    "half_window",
    "limit_spans",
    "merge_spans",
    "motion_spans",
    "rest_state",
    "score_curve",
    "smooth",
    "smoothed",
    "spot",
    "texture_spans",
    "true_spans",
]
