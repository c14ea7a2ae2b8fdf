"""Group `scoring`: `segment_scores`, `score_shift`, and faces to answers."""

from apexline.assets.scoring.answers import FaceInput, by_time, quality_of, score_faces, score_segments
from apexline.assets.scoring.comparison import (
    answers_of_lake,
    changed_answers,
    comparison_figures,
)
from apexline.assets.scoring.score_shift import shift_of_challenger
from apexline.assets.scoring.segment_scores import champion_scorer, score_clip, unscored_camera_days

__all__ = [
    "FaceInput",
    "answers_of_lake",
    "by_time",
    "champion_scorer",
    "changed_answers",
    "comparison_figures",
    "quality_of",
    "score_clip",
    "score_faces",
    "score_segments",
    "shift_of_challenger",
    "unscored_camera_days",
]
