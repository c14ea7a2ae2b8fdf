"""All segments of a camera's day, with what every model version said of them: what the timeline shows.

Belongs here: bringing the files of a day together; each is read once for as long as it stands, and those of other days
are not looked at. Stays out: which of the segments are shown (``review``), the warehouse (``assets.publishing``), which
is built at night: here stands what was ingested a moment ago.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from apexline.assets.lake import DamagedFile, Lake
from apexline.assets.reviews.opinions import by_segment, label_of, standing

Row = dict[str, Any]

MAX_DAYS = 8  # kept in memory; 10,000 segments take some 30 MB
_MAX_VERSIONS = 3  # of each day, as much again
_TABLES = ("clip_manifest", "expression_segments", "segment_scores", "reviews")
_SAID = (
    "emotion",
    "confidence",
    "p_happy",
    "p_angry",
    "p_calm",
    "p_scared",
    "p_other",
    "pleasure",
    "arousal",
    "dominance",
)
_ABOUT = ("adjectives", "abstained", "reasons", "model_version", "version", "scored_at", "dagster_run_id")
_MOMENTS = ("onset", "apex", "offset")


@dataclass
class _Read:
    """Files of one day as they were read: state and rows by table and name; and what was made of them by version."""

    files: dict[tuple[str, str], tuple[Any, list[Row]]] = field(
        default_factory=dict[tuple[str, str], tuple[Any, list[Row]]]
    )
    joined: dict[tuple[int | None, int | None], list[Row]] = field(
        default_factory=dict[tuple[int | None, int | None], list[Row]]
    )


class Days:
    """Reads camera-days for people who look at them; safe in threads."""

    def __init__(self, lake: Lake):
        self._lake = lake
        self._lock = Lock()
        self._days: OrderedDict[str, _Read] = OrderedDict()
        self._reading: dict[str, Lock] = {}

    def clips(self, camera_day: str) -> dict[str, Row]:
        """Return the manifests of a day's clips by clip id."""
        return {row["clip_id"]: row for row in self._rows(camera_day)["clip_manifest"]}

    def segments(self, camera_day: str, *, model_version: int | None = None) -> list[Row]:
        """Return all segments of a day in the order of their onset, and those that people drew.

        Parameters
        ----------
        camera_day : str
        model_version : int, optional
            Whose answers are shown; by default the champion's, and where it has not scored a segment yet the last one
            that was given.

        Returns
        -------
        list of dict
            Columns of ``expression_segments``, ``segment_scores`` and of the clip; ``onset_at``, ``apex_at`` and
            ``offset_at`` in UTC; ``answer``, a word for what is said: an emotion, ``abstained`` or ``unscored``;
            ``answers``, the same by model version; ``disagree``, whether two versions that answer say different
            emotions; ``reviewed_as``, what each reviewer said last; ``reviewed``, that on which they agree,
            ``disputed``, or nothing; ``drawn``, whether a person found it.
        """
        read = self._read(camera_day)
        wanted = self._champion() if model_version is None else model_version
        key = (wanted, model_version)
        if key not in read.joined:  # a page and its axis ask for the same
            if len(read.joined) >= _MAX_VERSIONS:
                read.joined.clear()
            read.joined[key] = _joined(camera_day, _rows_of(read), wanted, model_version)
        return list(read.joined[key])

    def reviews(self, camera_day: str, segment_id: str) -> list[Row]:
        """Return what stands of what people said of a segment: rows of ``reviews`` with a ``label``, oldest first."""
        rows = standing(self._rows(camera_day)["reviews"])
        return [{**row, "label": label_of(row)} for row in rows if row["segment_id"] == segment_id]

    def _champion(self) -> int | None:
        promoted = [row for row in self._lake.read_all("promotions").to_pylist() if row["promoted"]]
        last = max(promoted, key=lambda row: row["decided_at"], default=None)
        return None if last is None else last["model_version"]

    def _rows(self, camera_day: str) -> dict[str, list[Row]]:
        return _rows_of(self._read(camera_day))

    def _read(self, camera_day: str) -> _Read:
        with self._lock:
            reading = self._reading.setdefault(camera_day, Lock())
        with reading:  # who asks for another day does not wait
            with self._lock:
                before = self._days.get(camera_day, _Read())
            files = dict(self._look(camera_day, before))
            unchanged = files.keys() == before.files.keys() and all(
                of_file is before.files[name] for name, of_file in files.items()
            )
            now = before if unchanged else _Read(files)
            with self._lock:
                self._days[camera_day] = now
                self._days.move_to_end(camera_day)
                while len(self._days) > MAX_DAYS:
                    self._days.popitem(last=False)
        return now

    def _look(
        self, camera_day: str, before: _Read
    ) -> Iterator[tuple[tuple[str, str], tuple[Any, list[Row]]]]:
        for table in _TABLES:
            for name in self._lake.names(table, camera_day=camera_day):
                key = (table, name)
                try:
                    stat = self._lake.path(table, name, camera_day=camera_day).stat()
                    state = (stat.st_mtime, stat.st_size)
                    known = before.files.get(key)
                    if known is None or known[0] != state:
                        known = (state, self._lake.read(table, name, camera_day=camera_day).to_pylist())
                except (
                    FileNotFoundError,
                    DamagedFile,
                ):  # erased a moment ago; `apexline doctor` names the other
                    continue
                yield key, known


def answer_of(score: Row | None) -> str:
    """Return the word for what a score says: its emotion, ``abstained``, or ``unscored`` where there is none."""
    if score is None:
        return "unscored"
    return "abstained" if score.get("abstained") else score["emotion"]


def _rows_of(read: _Read) -> dict[str, list[Row]]:
    rows: dict[str, list[Row]] = {table: [] for table in _TABLES}
    for (table, _), (_, of_file) in read.files.items():
        rows[table] += of_file
    return rows


def _joined(camera_day: str, rows: dict[str, list[Row]], wanted: int | None, named: int | None) -> list[Row]:
    clips = {row["clip_id"]: row for row in rows["clip_manifest"]}
    scores: dict[str, dict[int, Row]] = defaultdict(dict)
    for row in sorted(rows["segment_scores"], key=lambda each: each["scored_at"]):
        scores[row["segment_id"]][row["model_version"]] = row
    reviews = by_segment(rows["reviews"])
    known = {each["segment_id"] for each in rows["expression_segments"]}
    drawn = [_drawn(of_it[0]) for segment_id, of_it in reviews.items() if segment_id not in known]
    found = [
        _segment(camera_day, clips[each["clip_id"]], each, _chosen(of_it, wanted, named), of_it)
        | _reviewed(reviews.get(each["segment_id"], []))
        for each in [*rows["expression_segments"], *drawn]
        if each["clip_id"] in clips
        for of_it in [scores.get(each["segment_id"], {})]
    ]
    return sorted(found, key=lambda row: (row["onset_at"], row["segment_id"]))


def _chosen(scores: dict[int, Row], wanted: int | None, named: int | None) -> Row | None:
    if wanted in scores:
        return scores[wanted]
    # A person who names a version asks what that one said, and nothing else.
    return None if named is not None else max(scores.values(), key=lambda row: row["scored_at"], default=None)


def _segment(camera_day: str, clip: Row, segment: Row, score: Row | None, scores: dict[int, Row]) -> Row:
    at = {f"{moment}_at": _moment(clip["captured_at"], segment[f"{moment}_s"]) for moment in _MOMENTS}
    answers = {version: answer_of(each) for version, each in sorted(scores.items())}
    emotions = {each for each in answers.values() if each != "abstained"}
    said = {name: None if score is None else score[name] for name in (*_SAID, *_ABOUT)}
    return {
        "camera_day": camera_day,
        "camera": clip["camera"],
        **{name: value for name, value in segment.items() if name != "score"},
        "strength": segment["score"],
        "drawn": segment.get("drawn", False),
        **at,
        **said,
        "answer": answer_of(score),
        "answers": answers,
        "disagree": len(emotions) > 1,
        "synthetic": bool(clip["synthetic"] or (score is not None and score["synthetic"])),
    }


def _reviewed(reviews: Sequence[Row]) -> Row:
    said = {row["reviewer"]: label_of(row) for row in reviews}
    labels = set(said.values())
    return {"reviewed_as": said, "reviewed": "disputed" if len(labels) > 1 else next(iter(labels), "")}


def _drawn(review: Row) -> Row:
    """Return a segment as `expression_segments` would hold it, of what a person drew; what was measured is missing."""
    kept = ("clip_id", "track_id", "segment_id", *_MOMENTS, *(f"{moment}_s" for moment in _MOMENTS))
    nothing = dict.fromkeys(("length", "source", "roi", "score"))
    return {**{name: review[name] for name in kept}, **nothing, "drawn": True}


def _moment(captured_at: datetime, seconds: float) -> datetime:
    return captured_at + timedelta(seconds=seconds)


def versions_of(rows: Sequence[Row]) -> list[int]:
    """Return the model versions that said something of some segments, sorted."""
    return sorted({version for row in rows for version in row["answers"]})
