"""Explanations of what lies in the lake: why a track has the segments that it has, and features before that.

Belongs here: choosing rows and crops and calling words and drawings. Stays out: the words (``wording``), the drawings
(``assets.figures``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import nlargest
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from apexline.assets import figures
from apexline.assets.explain.obstacles import clip_obstacles, drop_reasons, unusable_headline
from apexline.assets.explain.wording import (
    Crops,
    TrackExplanation,
    explain_track,
    explain_unusable,
    frames_shown,
    in_words,
)
from apexline.assets.figures import TrackView
from apexline.assets.lake import (
    Lake,
    LakeClip,
    TrackRows,
    crops_at,
    each_readable,
    track_of,
)
from apexline.assets.parameters import Parameters
from apexline.features import DECIDING_COLUMNS, explain_segments
from apexline.features.spotting import change_threshold, smooth

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEXTURE_SHOWN = ("sl", "sr")


@dataclass(frozen=True)
class ShownTrack:
    """A track to draw: where it lies, and whether its clip is synthetic."""

    camera_day: str
    clip_id: str
    track_id: str
    synthetic: bool


def strongest_tracks(lake: Lake, camera_days: Sequence[str], *, limit: int) -> list[ShownTrack]:
    """Return the tracks with the strongest segments, one time each."""
    best: dict[str, tuple[float, str, str]] = {}
    for day in camera_days:
        rows = lake.read_all(
            "expression_segments", camera_days=[day], columns=["clip_id", "track_id", "score"]
        )
        for row in rows.to_pylist():
            track_id = row["track_id"]
            best[track_id] = max(best.get(track_id, (0.0, "", "")), (row["score"], day, row["clip_id"]))
    strongest = nlargest(limit, best.items(), key=lambda item: (item[1], item[0]))
    places = [(day, clip_id, track_id) for track_id, (_, day, clip_id) in strongest]
    return list(each_readable(lambda place: shown_track(lake, *place), places))


def silent_track(lake: Lake, camera_day: str) -> ShownTrack | None:
    """Return the track that moved most of those without a segment, for why it has none; None where all have one."""
    rows = lake.read_all(
        "flow_features", camera_days=[camera_day], columns=["clip_id", "track_id", "magnitude"]
    )
    segments = lake.read_all("expression_segments", camera_days=[camera_day], columns=["track_id"])
    silent = rows.filter(~pc.field("track_id").isin(segments["track_id"].combine_chunks()))
    largest = silent.group_by(["clip_id", "track_id"]).aggregate([("magnitude", "max")]).to_pylist()
    best = max(largest, key=lambda row: (row["magnitude_max"], row["track_id"]), default=None)
    chosen = [] if best is None else [(camera_day, best["clip_id"], best["track_id"])]
    return next(each_readable(lambda place: shown_track(lake, *place), chosen), None)


def longest_tracks(lake: Lake, camera_day: str) -> Iterator[ShownTrack]:
    """Yield the camera-day's tracks, those with most kept frames first, to show features before segments are known."""
    rows = lake.read_all("face_tracks", camera_days=[camera_day], columns=["clip_id", "track_id", "kept"])
    counts = rows.filter(pc.field("kept")).group_by(["clip_id", "track_id"]).aggregate([([], "count_all")])
    longest = sorted(counts.to_pylist(), key=lambda row: (row["count_all"], row["track_id"]), reverse=True)
    return each_readable(
        lambda row: shown_track(lake, camera_day, row["clip_id"], row["track_id"]), iter(longest)
    )


def faces_figure(lake: Lake, camera_day: str, *, limit: int = 8) -> list[tuple[str, Figure]]:
    """Draw one aligned face per track, at the middle of the track."""
    rows = lake.read_all(
        "face_tracks", camera_days=[camera_day], columns=["clip_id", "track_id", "frame", "kept"]
    )
    kept = rows.filter(pc.field("kept")).to_pandas()
    if kept.empty:
        return []
    wanted = [
        (str(clip_id), (str(track_id), int(frames.median())))
        for (clip_id, track_id), frames in list(kept.groupby(["clip_id", "track_id"])["frame"])[:limit]
    ]
    found = each_readable(lambda each: crops_at(lake, camera_day, each[0], [each[1]]), wanted)
    crops = [
        (f"track {track_id[:6]}, frame {frame}", crop)
        for of_track in found
        for (track_id, frame), crop in of_track.items()
    ]
    if not crops:
        return []
    synthetic = all(lake.read_all("clip_manifest", camera_days=[camera_day])["synthetic"].to_pylist())
    return [("Aligned faces", figures.face_strip(crops, synthetic=synthetic))]


def texture_figure(lake: Lake, camera_day: str, parameters: Parameters) -> list[tuple[str, Figure]]:
    """Draw Figure 5 for the camera-day's longest track."""

    def draw(shown: ShownTrack) -> Figure:
        every = _of_track(lake, "texture_features", shown)
        rows = pd.DataFrame(every[every["kind"].isin(TEXTURE_SHOWN)])
        return figures.texture_curves(
            rows,
            thresholds=_thresholds(rows, parameters),
            truth=_truth(lake, shown),
            synthetic=shown.synthetic,
        )

    drawn = islice(each_readable(draw, longest_tracks(lake, camera_day)), 1)
    return [("Texture change of the longest track", figure) for figure in drawn]


def flow_figure(lake: Lake, camera_day: str) -> list[tuple[str, Figure]]:
    """Draw Figure 6 for the camera-day's longest track and its region that moves most."""

    def draw(shown: ShownTrack) -> Figure:
        rows = _of_track(lake, "flow_features", shown)
        roi = str(rows.loc[rows["magnitude"].idxmax(), "roi"])
        return figures.flow_curves(rows, roi=roi, truth=_truth(lake, shown), synthetic=shown.synthetic)

    drawn = islice(each_readable(draw, longest_tracks(lake, camera_day)), 1)
    return [("Module and angle of the longest track", figure) for figure in drawn]


def words_figure(lake: Lake, camera_day: str) -> list[tuple[str, Figure]]:
    """Draw the words of the camera-day's longest track over time."""

    def draw(shown: ShownTrack) -> Figure:
        rows = _of_track(lake, "expression_features", shown)
        return figures.word_curves(rows, truth=_truth(lake, shown), synthetic=shown.synthetic)

    drawn = islice(each_readable(draw, longest_tracks(lake, camera_day)), 1)
    return [("Words of the longest track", figure) for figure in drawn]


def explain_shown(lake: Lake, shown: ShownTrack, parameters: Parameters) -> TrackExplanation:
    """Explain a stored track by the present parameters: those that its segments were found with."""
    view = track_view(lake, shown, parameters)
    if view is None:
        return explain_unusable(shown.track_id, *_obstacles(lake, shown, parameters))
    return explain_track(shown.track_id, view, _crops(lake, shown, view))


def track_view(lake: Lake, shown: ShownTrack, parameters: Parameters) -> TrackView | None:
    """Decide once more from a track's stored rows, with the reasons; None where there is no curve."""
    config = parameters.features
    of_track = [
        TrackRows(
            lake.read(table, shown.clip_id, camera_day=shown.camera_day, columns=["track_id", *columns])
        ).of(shown.track_id)
        for table, columns in DECIDING_COLUMNS.items()
    ]
    decisions = explain_segments(*of_track, track_id=shown.track_id, config=config)
    if not decisions:
        return None
    rows = pd.DataFrame({name: of_track[0][name] for name in ("time_s", "kind", "difference")})
    return TrackView(
        decisions=decisions,
        texture=pd.DataFrame(rows[rows["kind"].isin(config.texture.kinds)]),
        truth=_truth(lake, shown),
        config=config.segments,
        synthetic=shown.synthetic,
    )


def why_rows(lake: Lake, camera_day: str, parameters: Parameters, *, limit: int) -> list[dict[str, str]]:
    """Say in words why the first tracks of a camera-day have the segments that they have, or none."""
    rows = lake.read_all("face_tracks", camera_days=[camera_day], columns=["clip_id", "track_id"])
    tracks = rows.group_by(["clip_id", "track_id"]).aggregate([]).to_pylist()
    shown = each_readable(lambda row: shown_track(lake, camera_day, **row), tracks[:limit])
    return why(lake, shown, parameters)


def why(lake: Lake, tracks: Iterable[ShownTrack], parameters: Parameters) -> list[dict[str, str]]:
    """Say in words why tracks have the segments that they have, or none: a row for each segment or stretch."""
    found = each_readable(lambda shown: (shown, list(_said(lake, shown, parameters))), tracks)
    return [
        {"clip_id": shown.clip_id, "track_id": shown.track_id, **each}
        for shown, said in found
        for each in said
    ]


def shown_track(lake: Lake, camera_day: str, clip_id: str, track_id: str) -> ShownTrack:
    """Return a track with what its clip's record says of it."""
    clip = lake.read("clip_manifest", clip_id, camera_day=camera_day, columns=["synthetic"])
    return ShownTrack(camera_day, clip_id, track_id, bool(clip["synthetic"][0].as_py()))


def _said(lake: Lake, shown: ShownTrack, parameters: Parameters) -> Iterator[dict[str, str]]:
    view = track_view(lake, shown, parameters)
    if view is None:
        said = unusable_headline(*_obstacles(lake, shown, parameters))
        yield {"segment_id": "", "decision": said, "grounds": ""}
        return
    for decision in view.decisions:
        for reason in decision.reasons or (None,):
            headline, grounds = in_words(decision, reason, view.config)
            segment_id = f"{shown.track_id}-{reason.segment.onset}" if reason else ""
            yield {"segment_id": segment_id, "decision": headline, "grounds": " ".join(grounds)}


def _obstacles(lake: Lake, shown: ShownTrack, parameters: Parameters) -> tuple[dict[str, int], list[str]]:
    """What `unusable_headline` says of a track without a curve."""
    clip = LakeClip(lake, shown.camera_day, shown.clip_id)
    return drop_reasons(clip, shown.track_id), clip_obstacles(clip, parameters)


def _crops(lake: Lake, shown: ShownTrack, view: TrackView) -> Crops:
    wanted = [
        (shown.track_id, frame)
        for decision in view.decisions
        for reason in decision.reasons or (None,)
        for _, frame in frames_shown(decision, reason)
    ]
    return crops_at(lake, shown.camera_day, shown.clip_id, wanted)


def _of_track(lake: Lake, table: str, shown: ShownTrack) -> pd.DataFrame:
    rows = lake.read(table, shown.clip_id, camera_day=shown.camera_day).to_pandas()
    return rows[rows["track_id"] == shown.track_id]


def _truth(lake: Lake, shown: ShownTrack) -> pd.DataFrame:
    tracks = lake.read("face_tracks", shown.clip_id, camera_day=shown.camera_day)
    labels = lake.read("annotations", shown.clip_id, camera_day=shown.camera_day).to_pylist()
    own = [e for e in labels if e["emotion"] != "calm" and track_of(tracks, e) == shown.track_id]
    return pd.DataFrame(own, columns=["onset", "offset"])


def _thresholds(texture: pd.DataFrame, parameters: Parameters) -> dict[str, float]:
    delta = parameters.features.segments.delta
    return {
        str(kind): change_threshold(smooth(rows["difference"].to_numpy(np.float64)), delta=delta)
        for kind, rows in texture.groupby("kind")
    }
