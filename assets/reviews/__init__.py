"""What people look at, and what they said of it: a camera's day, reviews of its segments."""

from apexline.assets.reviews.days import MAX_DAYS, Days, Row, answer_of, versions_of
from apexline.assets.reviews.opinions import (
    LABELS,
    Review,
    Settled,
    by_segment,
    check_reviewer,
    keep_review,
    settle,
    undo_review,
)

__all__ = [
    "Days",
    "LABELS",
    "MAX_DAYS",
    "Review",
    "Row",
    "Settled",
    "answer_of",
    "by_segment",
    "check_reviewer",
    "keep_review",
    "settle",
    "undo_review",
    "versions_of",
]
