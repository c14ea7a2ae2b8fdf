"""Group `scoring`: `segment_scores`, and faces to answers."""

from apexline.assets.scoring.answers import FaceInput, by_time, quality_of, score_faces, score_segments
from apexline.assets.scoring.segment_scores import champion_scorer, score_clip, unscored_camera_days

__all__ = [
    "FaceInput",
    "by_time",
    "champion_scorer",
    "quality_of",
    "score_clip",
    "score_faces",
    "score_segments",
    "unscored_camera_days",
]
