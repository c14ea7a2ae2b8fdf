"""What the pages ask of whoever keeps the segments.

Belongs here: names and types alone. Stays out: the lake behind it, which the caller passes in.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

Row = dict[str, Any]


class Archive(Protocol):
    """Camera-days with their segments and clips; what is not there, or not any more, raises ``LookupError``."""

    def camera_days(self) -> Sequence[str]:
        """Return the keys ``YYYY-MM-DD_camera``, sorted."""
        ...

    def read_ahead(self) -> None:
        """Read what is likely to be asked for first; may take long."""
        ...

    def segments(self, camera_day: str, *, model_version: int | None = None) -> Sequence[Row]:
        """Return a day's segments in the order of their onset, as one model version answers, or the champion.

        Each has ``segment_id``, ``clip_id``, ``track_id``; ``onset_at``, ``apex_at``, ``offset_at`` (UTC) and the
        frames and seconds of the clip; ``answer`` (an emotion, ``abstained`` or ``unscored``); ``answers`` by model
        version; the columns of a score, None where there is none; ``reviewed_as`` by reviewer, and ``reviewed``, that
        on which they agree, ``disputed`` or nothing; ``drawn``, whether a person found it.
        """
        ...

    def seen(self, clip_id: str, *, by: str) -> None:
        """Put on record that a person, known by a code or not, looks at pictures of a clip."""
        ...

    def taken(self, camera_day: str, *, by: str, kind: str, rows: int) -> None:
        """Put on record that a person takes a day's segments away as a file of a kind."""
        ...

    def clip(self, camera_day: str, clip_id: str) -> Row:
        """Return what the record of a clip says."""
        ...

    def video(self, camera_day: str, clip_id: str) -> Path:
        """Return the clip as it was recorded, a local file."""
        ...

    def stretch(self, camera_day: str, clip_id: str, from_s: float, to_s: float) -> bytes:
        """Return a part of a clip as MP4 (H.264) that every browser decodes; it begins at the frame at `from_s`."""
        ...

    def face(self, camera_day: str, clip_id: str, track_id: str, frame: int) -> bytes:
        """Return a picture (PNG) of an aligned face."""
        ...

    def curves(self, camera_day: str, clip_id: str, track_id: str) -> bytes:
        """Return a drawing (PNG) of a track's curves with their thresholds."""
        ...

    def time_axis(self, camera_day: str, clip_id: str, track_id: str) -> Mapping[str, float]:
        """Return where time lies in that drawing.

        ``left``, ``right``, ``top`` and ``bottom`` are shares of it, ``from_s`` and ``to_s`` what stands at the ends.
        """
        ...

    def grounds(self, camera_day: str, clip_id: str, segment_id: str) -> str:
        """Say in words why a segment was found."""
        ...

    def lineage(self, camera_day: str, clip_id: str) -> Sequence[tuple[str, str]]:
        """Return what a clip's segments rest on: names and fingerprints."""
        ...

    def trace(self, score_id: str) -> Mapping[str, Mapping[str, Any]]:
        """Walk from a score, ``SEGMENT@VERSION``, back to all that it comes from: names and values by section."""
        ...

    def times(self, camera_day: str, clip_id: str, track_id: str) -> tuple[int, Sequence[float]]:
        """Return the first frame of a face, and the time of each frame from there to its last one, s."""
        ...

    def tracks(self, camera_day: str, clip_id: str) -> Sequence[Row]:
        """Return the faces of a clip: ``track_id``, ``first`` and ``last`` frame, ``first_s`` and ``last_s``."""
        ...

    def reviews(self, camera_day: str, segment_id: str) -> Sequence[Row]:
        """Return what stands of what people said of a segment, each with a ``label``, oldest first."""
        ...

    def survey(self) -> Mapping[str, Any]:
        """Return how far the rating survey has come: ``summary`` by name, rows of ``raters`` and of ``pairs``."""
        ...

    def keep(self, camera_day: str, review: Mapping[str, Any]) -> None:
        """Store a review; ``ValueError`` where it can't be meant, ``BlockingIOError`` beside an erasure.

        It has ``clip_id``, ``track_id``, ``segment_id`` (empty: drawn), ``label``, ``onset``, ``apex``, ``offset``,
        ``reviewer``, ``reason``, ``shown_as``, ``model_version`` and ``answer``.
        """
        ...

    def undo(self, camera_day: str, review_id: str, reviewer: str) -> None:
        """Take back a review of one's own; ``LookupError`` where it does not stand."""
        ...
