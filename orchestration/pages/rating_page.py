"""The rating page over this installation's lake: what is shown, and where consent and answers go."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from threading import Lock
from time import monotonic
from typing import Any

import numpy as np
from fastapi import FastAPI
from upath import UPath

from apexline.assets.lake import Lake, crops_at, listed_camera_days
from apexline.assets.semantics import PAGE_PREFIX
from apexline.ml import load_pairs
from apexline.ml.surveys import ANSWER_COLUMNS
from apexline.orchestration.occupancy import working
from apexline.orchestration.settings import Settings
from apexline.survey.answers import Agreement, Consent, Scale
from apexline.survey.app import create_app
from apexline.survey.loops import encode_loop

CONSENT_PREFIX = "consent-"  # JSON beside the answers, one per rater; no CSV, so no ratings
# What came or went in the lake shows on the page after so long, s. Each page asks for the segments several times.
_FRESH_S = 5.0
_PATIENCE_S = 5.0  # that a rater's browser waits for the end of an erasure
_MIN_FPS, _MAX_FPS = 1.0, 1000.0  # of a loop; a clip may say anything
_SEGMENT_COLUMNS = ["segment_id", "track_id", "onset", "offset"]


@dataclass(frozen=True)
class _Shown:
    """A segment that has crops, and where they lie."""

    camera_day: str
    clip_id: str
    track_id: str
    onset: int
    offset: int
    fps: float


class LakeStimuli:
    """Expression segments of the lake as looping images; those whose crops are gone are not among them."""

    def __init__(self, lake: Lake):
        self._lake = lake
        self._lock = Lock()
        self._looked_s = -np.inf
        self._index: dict[str, _Shown] = {}
        # Of each clip the state of its files and what they hold: only what changed is read again.
        self._clips: dict[tuple[str, str], tuple[Any, dict[str, _Shown]]] = {}

    def segments(self) -> Sequence[str]:
        """Return every segment's id."""
        return list(self._fresh())

    def loop(self, segment: str) -> bytes:
        """Return the aligned face from onset to offset as an animated image; ``LookupError`` where it is gone."""
        shown = self._fresh()[segment]
        wanted = [(shown.track_id, frame) for frame in range(shown.onset, shown.offset + 1)]
        try:
            crops = crops_at(self._lake, shown.camera_day, shown.clip_id, wanted)
        except FileNotFoundError as error:
            msg = f"the crops of {segment} were erased a moment ago"
            raise LookupError(msg) from error
        return encode_loop(np.stack([crops[key] for key in wanted]), shown.fps)

    def _fresh(self) -> dict[str, _Shown]:
        with self._lock:
            if monotonic() - self._looked_s > _FRESH_S:
                self._clips = dict(self._look())
                found = {name: each for _, held in self._clips.values() for name, each in held.items()}
                self._index = dict(sorted(found.items()))
                self._looked_s = monotonic()
            return self._index

    def _look(self) -> Iterator[tuple[tuple[str, str], tuple[Any, dict[str, _Shown]]]]:
        for day in listed_camera_days(self._lake):
            for clip_id in self._lake.names("expression_segments", camera_day=day):
                try:
                    state = [
                        (found.st_mtime, found.st_size)
                        for table in ("expression_segments", "face_crops", "clip_manifest")
                        for found in [self._lake.path(table, clip_id, camera_day=day).stat()]
                    ]
                    before = self._clips.get((day, clip_id))
                    held = before[1] if before and before[0] == state else self._read(day, clip_id)
                except FileNotFoundError:
                    continue  # without crops there is nothing to show
                yield (day, clip_id), (state, held)

    def _read(self, day: str, clip_id: str) -> dict[str, _Shown]:
        segments = self._lake.read(
            "expression_segments", clip_id, camera_day=day, columns=_SEGMENT_COLUMNS
        ).to_pylist()
        if not segments:
            return {}
        crops = self._lake.read("face_crops", clip_id, camera_day=day, columns=["track_id"])
        tracks = set(crops["track_id"].unique().to_pylist())
        fps = self._lake.read("clip_manifest", clip_id, camera_day=day, columns=["fps"])["fps"][0].as_py()
        speed = min(max(float(fps), _MIN_FPS), _MAX_FPS)
        return {
            row["segment_id"]: _Shown(day, clip_id, row["track_id"], row["onset"], row["offset"], speed)
            for row in segments
            if row["track_id"] in tracks
        }


class LakeStore:
    """Consent and answers in ``surveys/``, a file of each for every rater."""

    def __init__(self, lake: Lake, settings: Settings):
        self._lake = lake
        self._settings = settings

    def writing(self) -> AbstractContextManager[None]:
        """Take part in the work on the home; ``BlockingIOError`` where an erasure works there for longer."""
        return working(self._settings, patience_s=_PATIENCE_S)

    def consent(self, rater: str) -> Consent | None:
        """Return a rater's stored consent."""
        path = self._consent_file(rater)
        if not path.exists():
            return None
        stored = json.loads(path.read_text(encoding="utf-8"))
        return Consent(**{**stored, "given": tuple(Agreement(**each) for each in stored["given"])})

    def keep_consent(self, consent: Consent) -> None:
        """Write ``surveys/consent-<rater>.json``."""
        with self._lake.replacing(self._consent_file(consent.rater)) as file:
            file.write(json.dumps(asdict(consent), indent=1).encode())

    def rated(self, rater: str) -> set[str]:
        """Return the segments that a rater answered on the page."""
        return {row["segment"] for row in self._answers(rater)}

    def save(self, rows: list[dict[str, Any]]) -> None:
        """Add answers to ``surveys/page-<rater>.csv``."""
        rater = str(rows[0]["rater"])
        self._write(rater, [*self._answers(rater), *rows])

    def answers(self, rater: str, segment: str) -> dict[str, int]:
        """Return what a rater answered to a segment on the page."""
        return {row["pair"]: int(row["level"]) for row in self._answers(rater) if row["segment"] == segment}

    def replace(self, rater: str, segment: str, rows: list[dict[str, Any]]) -> None:
        """Write ``surveys/page-<rater>.csv`` with other answers to a segment; the next `retrain` uses those."""
        others = [row for row in self._answers(rater) if row["segment"] != segment]
        self._write(rater, [*others, *rows])

    def _write(self, rater: str, rows: list[dict[str, Any]]) -> None:
        text = io.StringIO()
        writer = csv.DictWriter(text, fieldnames=ANSWER_COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
        with self._lake.replacing(self._answer_file(rater)) as file:
            file.write(text.getvalue().encode())

    def forget(self, rater: str) -> None:
        """Delete a rater's answers, their copy in the lake, and then the consent to them."""
        self._answer_file(rater).unlink(missing_ok=True)
        self._lake.remove("ratings", f"{PAGE_PREFIX}{rater}")
        self._consent_file(rater).unlink(missing_ok=True)

    def _answers(self, rater: str) -> list[dict[str, str]]:
        path = self._answer_file(rater)
        return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))) if path.exists() else []

    def _answer_file(self, rater: str) -> UPath:
        return self._lake.home / "surveys" / f"{PAGE_PREFIX}{rater}.csv"

    def _consent_file(self, rater: str) -> UPath:
        return self._lake.home / "surveys" / f"{CONSENT_PREFIX}{rater}.json"


def create_rating_page(settings: Settings) -> FastAPI:
    """Return the page over a home; what a rater agrees to and answers is stored in ``surveys/`` as it comes."""
    lake = Lake(settings.home_path)
    return create_app(
        stimuli=LakeStimuli(lake),
        pairs=[Scale(each.pair, each.first.adjective, each.second.adjective) for each in load_pairs()],
        store=LakeStore(lake, settings),
    )
