"""Which relations the warehouse has, in which order they are built, and the files under ``sql/`` that say them.

Belongs here: names, the order, which camera-day a row belongs to, reading SQL files. Stays out: what a relation says
(``sql/``), running it (``warehouse_build``), the lake's columns (``assets.lake.schemas``).
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from typing import Any, Literal

from apexline.assets.lake import TABLES, WITHOUT_CAMERA_DAY
from apexline.features.spotting import SegmentConfig

Folder = Literal["schema", "staging", "marts", "checks", "drift"]

SCHEMA = ("staging", "frame_iou", "overlap", "emotions")
# Marts in the order of building, each may read what stands before it: first those that those of a camera-day read ...
FIRST = ("champions",)
# ... then those whose rows follow from the rows of one camera-day, with the camera-day of a row. Rows that go with a
# camera-day's clips are looked up before these do.
BY_DAY: Mapping[str, str] = {
    "clips": "camera_day",
    "score_history": "strftime(day, '%Y-%m-%d') || '_' || camera",
    "verdicts": "strftime(day, '%Y-%m-%d') || '_' || camera",
    "segments": "strftime(day, '%Y-%m-%d') || '_' || camera",
    "reviews": "strftime(day, '%Y-%m-%d') || '_' || camera",
    "track_quality": "strftime(day, '%Y-%m-%d') || '_' || camera",
    "camera_day_summary": "strftime(day, '%Y-%m-%d') || '_' || camera",
    "measures": "strftime(day, '%Y-%m-%d') || '_' || camera",
    "spotting_truth": "(select any_value(camera_day) from clips where clips.clip_id = spotting_truth.clip_id)",
}
# ... and those that sum up all of them: what they read is small. A clip may go on into the next day's first hour.
LAST = (
    "promotions",
    "model_versions",
    "review_summary",
    "emotion_by_hour",
    "quarantine",
    "spotting_summary",
    "answers_against_truth",
)
MARTS = (*FIRST, *BY_DAY, *LAST)

QUARANTINE = "quarantine_records"  # from records of what was refused
PICTURES = "clip_pictures"  # from the footers of `face_tracks`
MIRRORS = (*TABLES, QUARANTINE, PICTURES)
DAY_MIRRORS = (*(table for table in TABLES if table not in WITHOUT_CAMERA_DAY), PICTURES)
STAGING = tuple(f"staging.{name}" for name in sorted(MIRRORS))

# A hit needs this intersection over union; up to this length an expression is micro (algorithms, section 4).
PARAMETERS: Mapping[str, Any] = {"min_iou": 0.5, "micro_s": SegmentConfig().micro_s}


def read_sql(folder: Folder, name: str) -> str:
    """Return the text of ``sql/<folder>/<name>.sql``.

    Raises
    ------
    KeyError
        Where there is no such file.
    """
    file = resources.files("apexline.sql") / folder / f"{name}.sql"
    if not file.is_file():
        msg = f"sql/{folder} holds no {name!r}; it holds {sql_names(folder)}"
        raise KeyError(msg)
    return file.read_text(encoding="utf-8")


def sql_names(folder: Folder) -> list[str]:
    """Return the names of the relations under ``sql/<folder>``, sorted."""
    files = (resources.files("apexline.sql") / folder).iterdir()
    return sorted(file.name.removesuffix(".sql") for file in files if file.name.endswith(".sql"))
