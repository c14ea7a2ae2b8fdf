"""The review pages over this installation's lake: days, clips, faces, curves."""

from __future__ import annotations

import io
from collections.abc import Generator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any

import numpy as np
import pandas as pd
from fastapi import FastAPI
from numpy.typing import NDArray
from PIL import Image
from upath import UPath

from apexline.assets.explain import shown_track, trace_score, track_view, why
from apexline.assets.figures import TimeAxis, curves_decision, figure_png, time_axis
from apexline.assets.lake import DamagedFile, Lake, crops_at, listed_camera_days, read_clip, scratch_file
from apexline.assets.parameters import Parameters, load_parameters
from apexline.assets.reviews import MAX_DAYS, Days, Review, Row, keep_review, undo_review
from apexline.features.video import UnreadableVideo, read_frames, write_video
from apexline.governance import SIGNED_IN, governance_folder, opaque, record
from apexline.orchestration.occupancy import working
from apexline.orchestration.pages.survey_progress import pair_rows, rater_rows, survey_status
from apexline.orchestration.resources import build_registry
from apexline.orchestration.settings import Settings
from apexline.review.app import create_app

_STAGES = ("face_tracks", "texture_features", "flow_features", "expression_segments")
_WIDEST = 640  # px, of a copy for browsers that can't decode the clip
_COPIES = 16  # kept in memory, of some 200 kB each
_CRF = 23
_PATIENCE_S = 5.0  # that a person's browser waits for the end of an erasure
_LOOK_S = 3600.0  # a person who looks at a clip again within it does not look anew


class LakeArchive:
    """What the pages show, read from a lake; reviews alone are written into it, and the audit beside it."""

    def __init__(self, lake: Lake, parameters: Parameters, settings: Settings):
        self._lake = lake
        self._parameters = parameters
        self._settings = settings
        self._days = Days(lake)
        self._looks: dict[tuple[str, str], float] = {}  # who looked at which clip, and when that was recorded
        self._drawing = Lock()  # Matplotlib draws one figure at a time
        self._copied = lru_cache(_COPIES)(self._copy)
        self._drawn = lru_cache(_COPIES)(self._draw)  # a page asks for the picture and for its axis

    def camera_days(self) -> list[str]:
        """Return the camera-days that have a manifest, sorted."""
        return listed_camera_days(self._lake)

    def read_ahead(self) -> None:
        """Read the last day of each camera: the first page of a day with thousands of segments waits for files else."""
        last = {key.partition("_")[2]: key for key in self.camera_days()}
        for camera_day in sorted(last.values())[-MAX_DAYS:]:
            self._days.segments(camera_day)

    def segments(self, camera_day: str, *, model_version: int | None = None) -> list[Row]:
        """Return a day's segments, see `assets.reviews.Days.segments`."""
        return self._days.segments(camera_day, model_version=model_version)

    def seen(self, clip_id: str, *, by: str) -> None:
        """Record a look at a clip, once an hour for each person."""
        look = (self._whose(by), clip_id)
        if monotonic() - self._looks.get(look, -_LOOK_S) >= _LOOK_S:
            self._record("view", by, clip=self._opaque(clip_id))
            self._looks[look] = monotonic()

    def taken(self, camera_day: str, *, by: str, kind: str, rows: int) -> None:
        """Record that segments were taken away as a file."""
        self._record("export", by, camera_day=camera_day, kind=kind, rows=rows)

    def clip(self, camera_day: str, clip_id: str) -> Row:
        """Return a clip's manifest with its content hash."""
        clips = self._days.clips(camera_day) if camera_day in self.camera_days() else {}
        if clip_id not in clips:
            msg = f"There is no clip {clip_id} of {camera_day} any more."
            raise LookupError(msg)
        return clips[clip_id]

    def video(self, camera_day: str, clip_id: str) -> Path:
        """Return the stored file, where it lies on a local disk."""
        path = self._stored(camera_day, clip_id)
        if not isinstance(path, Path):
            msg = f"The clip {clip_id} lies on an object store; its copy is shown."
            raise LookupError(msg)
        return path

    def stretch(self, camera_day: str, clip_id: str, from_s: float, to_s: float) -> bytes:
        """Return a part of a clip, encoded anew; it stays in memory alone, so that an erasure finds none."""
        path = self._stored(camera_day, clip_id)  # first: an erased clip is not shown from memory
        return self._copied(path, round(from_s, 3), round(to_s, 3))

    def face(self, camera_day: str, clip_id: str, track_id: str, frame: int) -> bytes:
        """Return the aligned face of a track at a frame, or at the nearest one that was kept."""
        self.clip(camera_day, clip_id)
        try:
            crops = crops_at(self._lake, camera_day, clip_id, [(track_id, frame)])
        except (FileNotFoundError, DamagedFile):
            crops = {}
        if not crops:
            msg = f"The face {track_id} is not stored any more."
            raise LookupError(msg)
        picture = io.BytesIO()
        Image.fromarray(crops[track_id, frame]).save(picture, format="PNG")
        return picture.getvalue()

    def curves(self, camera_day: str, clip_id: str, track_id: str) -> bytes:
        """Return the curves that the segments of a track were decided by."""
        return self._curves_now(camera_day, clip_id, track_id)[0]

    def time_axis(self, camera_day: str, clip_id: str, track_id: str) -> Mapping[str, float]:
        """Return where time lies in the picture of the curves, see `assets.figures.TimeAxis`."""
        return asdict(self._curves_now(camera_day, clip_id, track_id)[1])

    def _curves_now(self, camera_day: str, clip_id: str, track_id: str) -> tuple[bytes, TimeAxis]:
        self.clip(camera_day, clip_id)  # first: an erased clip is not shown from memory
        state = self._lake.fingerprint_of("expression_segments", clip_id, camera_day=camera_day)
        return self._drawn(camera_day, clip_id, track_id, state)

    def _draw(self, camera_day: str, clip_id: str, track_id: str, _: str | None) -> tuple[bytes, TimeAxis]:
        try:
            view = track_view(
                self._lake, shown_track(self._lake, camera_day, clip_id, track_id), self._parameters
            )
        except (FileNotFoundError, DamagedFile):
            view = None
        if view is None:
            msg = f"The face {track_id} has no curves."
            raise LookupError(msg)
        with self._drawing:
            figure = curves_decision(view)
            return figure_png(figure), time_axis(figure)

    def grounds(self, camera_day: str, clip_id: str, segment_id: str) -> str:
        """Say in words why a segment was found; empty where the stored features do not give it any more."""
        track_id = segment_id.rpartition("-")[0]
        said = why(self._lake, [shown_track(self._lake, camera_day, clip_id, track_id)], self._parameters)
        return next(
            (f"{row['decision']}. {row['grounds']}" for row in said if row["segment_id"] == segment_id), ""
        )

    def lineage(self, camera_day: str, clip_id: str) -> Sequence[tuple[str, str]]:
        """Return the fingerprints of the clip's stages, and the parameters in force."""
        stamps = [
            (
                f"Fingerprint of {stage}",
                self._lake.fingerprint_of(stage, clip_id, camera_day=camera_day) or "–",
            )
            for stage in _STAGES
        ]
        return [
            *stamps,
            ("Parameters now", f"{self._parameters.name} {self._parameters.hash_of('features')}"),
        ]

    def trace(self, score_id: str) -> Mapping[str, Mapping[str, Any]]:
        """Walk from a score back to all that it comes from, see `assets.explain.trace_score`."""
        return trace_score(self._lake, build_registry(self._settings), score_id)

    def times(self, camera_day: str, clip_id: str, track_id: str) -> tuple[int, list[float]]:
        """Return the first frame of a track and the time of each frame to its last; those between are interpolated."""
        rows = self._seen(camera_day, clip_id)
        seen = pd.DataFrame(rows[rows["track_id"] == track_id])
        if seen.empty:
            msg = f"The face {track_id} is not stored any more."
            raise LookupError(msg)
        frames, times = seen["frame"].to_numpy(), seen["time_s"].to_numpy()
        return int(frames[0]), np.interp(np.arange(frames[0], frames[-1] + 1), frames, times).tolist()

    def tracks(self, camera_day: str, clip_id: str) -> list[Row]:
        """Return the tracks of a clip in the order in which they begin."""
        spans = self._seen(camera_day, clip_id).groupby("track_id")
        found = spans.agg(
            first=("frame", "min"), last=("frame", "max"), first_s=("time_s", "min"), last_s=("time_s", "max")
        )
        return found.sort_values("first").reset_index().to_dict("records")

    def reviews(self, camera_day: str, segment_id: str) -> list[Row]:
        """Return what stands of what people said of a segment."""
        return self._days.reviews(camera_day, segment_id)

    def survey(self) -> Mapping[str, Any]:
        """Return how far the rating survey of this home has come."""
        rows = {"raters": rater_rows(self._lake), "pairs": pair_rows(self._lake)}
        return {"summary": survey_status(self._lake), **rows}

    def keep(self, camera_day: str, review: Mapping[str, Any]) -> None:
        """Append a review to the lake, not beside an erasure."""
        with working(self._settings, patience_s=_PATIENCE_S):
            self.clip(camera_day, review["clip_id"])
            clip, track = self._opaque(review["clip_id"]), self._opaque(review["track_id"])
            self._record("review", review["reviewer"], clip=clip, track=track)
            try:
                keep_review(self._lake, camera_day, Review(**review))
            except FileNotFoundError as error:
                msg = f"The faces of clip {review['clip_id']} are not stored any more."
                raise LookupError(msg) from error

    def undo(self, camera_day: str, review_id: str, reviewer: str) -> None:
        """Append that a review is taken back."""
        with working(self._settings, patience_s=_PATIENCE_S):
            self._record("review", reviewer, taken_back=self._opaque(review_id))
            undo_review(self._lake, camera_day, review_id, reviewer=reviewer)

    def _record(self, action: str, by: str, **what: Any) -> None:
        record(self._lake.home, action, who=self._whose(by), now=datetime.now(UTC), **what)

    def _whose(self, code: str) -> str:
        """Return who showed a key, else what stands for a reviewer's code, which an erasure takes out everywhere."""
        return SIGNED_IN.get() or (
            f"reviewer {self._opaque(code)}" if code else "somebody at the review pages"
        )

    def _opaque(self, name: str) -> str:
        return opaque(governance_folder(self._lake.home), name)

    def _seen(self, camera_day: str, clip_id: str) -> pd.DataFrame:
        self.clip(camera_day, clip_id)
        try:
            columns = ["track_id", "frame", "time_s"]
            rows = self._lake.read("face_tracks", clip_id, camera_day=camera_day, columns=columns)
        except (FileNotFoundError, DamagedFile) as error:
            msg = f"The faces of clip {clip_id} are not stored any more."
            raise LookupError(msg) from error
        return rows.to_pandas().sort_values("frame")

    def _stored(self, camera_day: str, clip_id: str) -> UPath | Path:
        self.clip(camera_day, clip_id)
        try:
            path = read_clip(self._lake, camera_day, clip_id).path
        except DamagedFile as error:
            raise LookupError(str(error)) from error
        if not path.is_file():
            msg = f"The video of clip {clip_id} is not stored any more."
            raise LookupError(msg)
        return path

    def _copy(self, path: UPath | Path, from_s: float, to_s: float) -> bytes:
        with (
            self._lake.local_copy(UPath(path)) as local,
            scratch_file(self._settings.scratch_path, suffix=".mp4") as copy,
        ):
            frames, fps = _frames_between(local, from_s, to_s)
            write_video(copy, frames, fps=fps, crf=_CRF)
            return copy.read_bytes()


def _frames_between(path: Path, from_s: float, to_s: float) -> tuple[list[NDArray[np.uint8]], float]:
    """Return a part's frames, made small, and their mean rate.

    Raises
    ------
    LookupError
        Where none can be decoded there.
    """
    try:
        found = [
            (frame.time_s, _small(frame.image)) for frame in _until(path, to_s) if frame.time_s >= from_s
        ]
    except UnreadableVideo as error:
        raise LookupError(str(error)) from error
    if not found:
        msg = f"No frame of this clip can be decoded between {from_s:g} and {to_s:g} s."
        raise LookupError(msg)
    passed = found[-1][0] - found[0][0]
    return [image for _, image in found], (len(found) - 1) / passed if passed > 0 else 25.0


def _until(path: Path, to_s: float) -> Generator[Any]:
    for frame in read_frames(path):
        if frame.time_s > to_s:
            return
        yield frame


def _small(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a picture of at most `_WIDEST` px, with even sides, as the encoder needs them."""
    rows, cols = image.shape[:2]
    scale = min(1.0, _WIDEST / cols)
    size = (max(2, int(cols * scale) // 2 * 2), max(2, int(rows * scale) // 2 * 2))
    return np.asarray(Image.fromarray(image).resize(size))


def create_review_page(settings: Settings) -> FastAPI:
    """Return the pages over a home."""
    parameters = load_parameters(settings.parameter_file)
    return create_app(LakeArchive(Lake(settings.home_path, settings.scratch_path), parameters, settings))
