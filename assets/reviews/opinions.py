"""What people said of segments: kept once and for all, taken back by a further row, agreed or not.

Belongs here: which reviews can be meant, writing one, what stands, on what several people agree. Stays out: pages
(``review``), what is learned from it (``assets.training``).

A review names the face by its box at the apex, so that it outlives the track that it was given to.
"""

from __future__ import annotations

import re
import secrets
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from statistics import median_low
from typing import Any

import numpy as np
import pyarrow.compute as pc

from apexline.assets.lake import Lake, fingerprint
from apexline.ml import EMOTIONS

Row = dict[str, Any]

EXPRESSION, NO_EXPRESSION, NOT_A_FACE, UNDO = "expression", "no_expression", "not_a_face", "undo"
# "other" is a change of expression that is none of the four.
LABELS = (*EMOTIONS, "other", NO_EXPRESSION, NOT_A_FACE)
SHOWN_AS = ("opened", "uncertain", "disagreement", "audit", "drawn")
MOMENTS = ("onset", "apex", "offset")
LONGEST_REASON = 500
_REVIEWER = re.compile(r"[A-Za-z0-9_-]{1,32}")
_DRAWN = "drawn"


@dataclass(frozen=True)
class Review:
    """What a person says of a segment.

    Attributes
    ----------
    clip_id, track_id : str
    segment_id : str
        Empty where the person draws a segment that was missed.
    label : str
        One of `LABELS`.
    onset, apex, offset : int
        Frames, as the person sees them.
    reviewer : str
        A code of 1 to 32 letters, digits, hyphens or underscores.
    reason : str
        May be empty.
    shown_as : str
        One of `SHOWN_AS`.
    model_version : int or None
        Whose answer the person saw.
    answer : str
        That answer.
    """

    clip_id: str
    track_id: str
    segment_id: str
    label: str
    onset: int
    apex: int
    offset: int
    reviewer: str
    reason: str = ""
    shown_as: str = "opened"
    model_version: int | None = None
    answer: str = ""

    def check(self) -> None:
        """Raise ``ValueError`` where it can't be meant."""
        check_reviewer(self.reviewer)
        if self.label not in LABELS:
            msg = f"saw {self.label!r}, expected one of {', '.join(LABELS)}"
            raise ValueError(msg)
        if not 0 <= self.onset <= self.apex <= self.offset:
            msg = (
                f"saw onset {self.onset}, apex {self.apex}, offset {self.offset}; expected them in this order"
            )
            raise ValueError(msg)
        if self.shown_as not in SHOWN_AS:
            msg = f"saw {self.shown_as!r}, expected one of {', '.join(SHOWN_AS)}"
            raise ValueError(msg)
        if len(self.reason) > LONGEST_REASON:
            msg = f"saw a reason of {len(self.reason)} characters, expected at most {LONGEST_REASON}"
            raise ValueError(msg)


@dataclass(frozen=True)
class Settled:
    """What all who reviewed a segment agree on.

    Attributes
    ----------
    segment_id, label : str
    onset, apex, offset : int
        The median of theirs.
    box : dict
        ``x``, ``y``, ``w``, ``h`` of the face at the apex, px, by one of them.
    review_ids : tuple of str
    synthetic : bool
    """

    segment_id: str
    label: str
    onset: int
    apex: int
    offset: int
    box: Mapping[str, float]
    review_ids: tuple[str, ...]
    synthetic: bool


def check_reviewer(code: str) -> str:
    """Return the code of a person; raises ``ValueError`` where it is none."""
    if not _REVIEWER.fullmatch(code):
        msg = f"saw the reviewer {code[:40]!r}, expected 1 to 32 letters, digits, hyphens or underscores"
        raise ValueError(msg)
    return code


def keep_review(lake: Lake, camera_day: str, review: Review) -> str:
    """Store a review in a file of its own and return its id.

    Raises
    ------
    ValueError
        Where it can't be meant, or reaches beyond the face.
    FileNotFoundError
        Where the clip's tracks are gone.
    """
    review.check()
    tracks = lake.read("face_tracks", review.clip_id, camera_day=camera_day)
    frames = tracks.filter(pc.field("track_id") == review.track_id).sort_by("frame").to_pylist()
    if not frames or not frames[0]["frame"] <= review.onset <= review.offset <= frames[-1]["frame"]:
        seen = f"it is seen in {frames[0]['frame']} to {frames[-1]['frame']}" if frames else "it is not there"
        msg = f"saw frames {review.onset} to {review.offset} of the face {review.track_id}, but {seen}"
        raise ValueError(msg)
    numbers = np.array([row["frame"] for row in frames])
    at = {m: frames[int(np.argmin(np.abs(numbers - getattr(review, m))))] for m in MOMENTS}
    manifest = lake.read("clip_manifest", review.clip_id, camera_day=camera_day).to_pylist()[0]
    seen_as = review.label if review.label in (NO_EXPRESSION, NOT_A_FACE) else EXPRESSION
    given = {name: value for name, value in asdict(review).items() if name != "label"}
    return _append(
        lake,
        camera_day,
        {
            **given,
            "segment_id": review.segment_id or f"{review.track_id}-{_DRAWN}-{review.onset}",
            "verdict": seen_as,
            "emotion": review.label if seen_as == EXPRESSION else None,
            **{f"{moment}_s": row["time_s"] for moment, row in at.items()},
            **{side: at["apex"][side] for side in ("x", "y", "w", "h")},
            "synthetic": manifest["synthetic"],
        },
    )


def undo_review(lake: Lake, camera_day: str, review_id: str, *, reviewer: str) -> str:
    """Take back a review of one's own that stands, by a further row; return that one's id.

    Raises
    ------
    LookupError
        Where no such review of that person stands.
    """
    rows = lake.read_all("reviews", camera_days=[camera_day]).to_pylist()
    own = [row for row in standing(rows) if (row["review_id"], row["reviewer"]) == (review_id, reviewer)]
    if not own:
        msg = f"no review {review_id} of {reviewer} stands on {camera_day}; it may have been taken back"
        raise LookupError(msg)
    kept = {name: own[0][name] for name in ("clip_id", "track_id", "segment_id", "reviewer", "synthetic")}
    return _append(lake, camera_day, {**kept, "verdict": UNDO, "undoes": review_id})


def standing(rows: Iterable[Row]) -> list[Row]:
    """Return the last word of each person on each segment, in the order in which they were said.

    Parameters
    ----------
    rows : iterable of dict
        Of the table ``reviews``.
    """
    said = sorted(rows, key=lambda row: (row["reviewed_at"], row["review_id"]))
    undone = {row["undoes"] for row in said if row["verdict"] == UNDO}
    last = {
        (row["segment_id"], row["reviewer"]): row
        for row in said
        if row["verdict"] != UNDO and row["review_id"] not in undone
    }
    return sorted(last.values(), key=lambda row: (row["reviewed_at"], row["review_id"]))


def label_of(row: Row) -> str:
    """Return the one of `LABELS` that a standing review gives."""
    return row["emotion"] if row["verdict"] == EXPRESSION else row["verdict"]


def by_segment(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Return the standing reviews of each segment that has some."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in standing(rows):
        found[row["segment_id"]].append(row)
    return dict(found)


def settle(reviews: Sequence[Row]) -> Settled | None:
    """Return what the standing reviews of one segment agree on; None where two people disagree."""
    if len({label_of(row) for row in reviews}) != 1:
        return None
    first = reviews[0]
    onset, apex, offset = (median_low(row[moment] for row in reviews) for moment in MOMENTS)
    return Settled(
        first["segment_id"],
        label_of(first),
        onset,
        apex,
        offset,
        {side: first[side] for side in ("x", "y", "w", "h")},
        tuple(row["review_id"] for row in reviews),
        bool(first["synthetic"]),
    )


def _append(lake: Lake, camera_day: str, row: Row) -> str:
    review_id = f"{row['clip_id']}-r{secrets.token_hex(6)}"
    whole = {**row, "review_id": review_id, "reviewed_at": datetime.now(UTC)}
    lake.write("reviews", review_id, [whole], stamp=fingerprint(review_id), camera_day=camera_day)
    return review_id
