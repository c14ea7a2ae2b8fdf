"""The rating page over this installation's lake: what is shown, and where consent and answers go."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock, Thread
from time import monotonic

import numpy as np
from starlette.applications import Starlette

from apexline.assets.lake import Lake, crops_at, listed_camera_days
from apexline.ml import load_pairs
from apexline.orchestration.pages.rating_store import LakeStore
from apexline.orchestration.settings import Settings
from apexline.survey.app import create_app
from apexline.survey.contracts import Scale
from apexline.survey.loops import encode_loop

# What came or went in the lake shows on the page after so long, s. Each page asks for the segments several times.
_FRESH_S = 5.0
_MIN_FPS, _MAX_FPS = 1.0, 1000.0  # of a loop; a clip may say anything
_KEPT_LOOPS = 256  # of some tens of kB
_TABLES = ("expression_segments", "face_crops", "clip_manifest")
_SEGMENT_COLUMNS = ["segment_id", "track_id", "onset", "offset"]

_State = tuple[tuple[float, int], ...]


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
        self._names: tuple[str, ...] = ()
        # Of each clip the state of its files and what they hold: only what changed is read again.
        self._clips: dict[tuple[str, str], tuple[_State, dict[str, _Shown]]] = {}
        # Two hundred raters look at the same segments; what went from the lake goes from here.
        self._encoded = lru_cache(_KEPT_LOOPS)(self._encode)

    def segments(self) -> Sequence[str]:
        """Return every segment's id; the same object as long as they are the same."""
        self._fresh()
        return self._names

    def loop(self, segment: str) -> bytes:
        """Return the aligned face from onset to offset as an animated image; ``LookupError`` where it is gone."""
        shown = self._fresh()[segment]
        try:
            return self._encoded(shown, self._state(shown.camera_day, shown.clip_id))
        except FileNotFoundError as error:
            msg = f"the crops of {segment} were erased a moment ago"
            raise LookupError(msg) from error

    def _encode(self, shown: _Shown, _: _State) -> bytes:
        wanted = [(shown.track_id, frame) for frame in range(shown.onset, shown.offset + 1)]
        crops = crops_at(self._lake, shown.camera_day, shown.clip_id, wanted)
        return encode_loop(np.stack([crops[key] for key in wanted]), shown.fps)

    def _fresh(self) -> dict[str, _Shown]:
        """Return what is known. Who finds it out of date lets a thread look, and waits only where nothing is known."""
        if self._looked_s < 0:
            with self._lock:
                if self._looked_s < 0:
                    self._look_again()
        elif monotonic() - self._looked_s > _FRESH_S and self._lock.acquire(blocking=False):
            Thread(target=self._look_behind, daemon=True).start()
        return self._index

    def _look_behind(self) -> None:
        try:
            self._look_again()
        finally:
            self._lock.release()

    def _look_again(self) -> None:
        clips = dict(self._look())
        if clips.keys() != self._clips.keys() or any(clips[key][0] != self._clips[key][0] for key in clips):
            self._encoded.cache_clear()
        self._clips = clips
        found = {name: each for _, held in self._clips.values() for name, each in held.items()}
        self._index = dict(sorted(found.items()))
        if tuple(self._index) != self._names:
            self._names = tuple(self._index)
        self._looked_s = monotonic()

    def _look(self) -> Iterator[tuple[tuple[str, str], tuple[_State, dict[str, _Shown]]]]:
        for day in listed_camera_days(self._lake):
            for clip_id in self._lake.names("expression_segments", camera_day=day):
                try:
                    state = self._state(day, clip_id)
                    before = self._clips.get((day, clip_id))
                    held = before[1] if before and before[0] == state else self._read(day, clip_id)
                except FileNotFoundError:
                    continue  # without crops there is nothing to show
                yield (day, clip_id), (state, held)

    def _state(self, day: str, clip_id: str) -> _State:
        """Say when a clip's files were changed, and their sizes; ``FileNotFoundError`` where one is gone."""
        paths = [self._lake.path(table, clip_id, camera_day=day) for table in _TABLES]
        return tuple((found.st_mtime, found.st_size) for found in (path.stat() for path in paths))

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


def create_rating_page(settings: Settings, *, contact: str = "") -> Starlette:
    """Return the page over a home; what a rater agrees to and answers is stored in ``surveys/`` as it comes."""
    lake = Lake(settings.home_path, settings.scratch_path)
    return create_app(
        stimuli=LakeStimuli(lake),
        pairs=[Scale(each.pair, each.first.adjective, each.second.adjective) for each in load_pairs()],
        store=LakeStore(lake, settings),
        contact=contact,
    )
