"""Annotated faces with their curves, as the spotters of `bench.spotting.methods` see them.

Belongs here: from rows and annotations to faces. Stays out: extraction, spotters, measures.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from apexline.bench.spotting.extract import MODC_KINDS, PEER_KINDS, TrackRows, default_config, paper_config
from apexline.bench.spotting.temporal import temporal_features
from apexline.features import FeatureConfig, track_curves
from apexline.features.spotting import TrackCurves, contrast, half_window, smoothed
from apexline.ml.spotting_metrics import TrueSegment

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Stretch:
    """Curves of one unbroken stretch of a track.

    Attributes
    ----------
    curves : TrackCurves
        Of our configuration; its texture is the mean of SL and SR.
    textures : mapping of str to ndarray, shape (T,)
        Smoothed difference of each texture, its 20th percentile taken away.
    """

    curves: TrackCurves
    textures: Mapping[str, Floats]

    @cached_property
    def temporal(self) -> Floats:
        """`bench.spotting.temporal.temporal_features` of the stretch."""
        return temporal_features(self.curves.displacement, self.curves.texture, fps=self.curves.fps)


@dataclass(frozen=True, eq=False)
class PlainCurve:
    """One curve of a published baseline over a whole track."""

    frames: NDArray[np.int64]
    fps: float
    values: Floats


@dataclass(frozen=True, eq=False)
class AnnotatedFace:
    """A face, what it truly showed, and its curves.

    Attributes
    ----------
    name, subject : str
    times_s : ndarray, shape (T,)
    truth : sequence of TrueSegment
    stretches : sequence of Stretch
    paper : mapping of str to sequence of TrackCurves
        Curves of the paper's configuration with each of its textures.
    baselines : mapping of str to sequence of PlainCurve
    """

    name: str
    subject: str
    times_s: Floats
    truth: Sequence[TrueSegment]
    stretches: Sequence[Stretch]
    paper: Mapping[str, Sequence[TrackCurves]]
    baselines: Mapping[str, Sequence[PlainCurve]]


def make_face(
    name: str, subject: str, times_s: Floats, truth: Sequence[TrueSegment], tracks: Sequence[TrackRows]
) -> AnnotatedFace:
    """Curves of the tracks that belong to one face; a track without usable frames adds nothing."""
    seen = [track for track in tracks if "flow" in track.tables]
    paper = paper_config()
    with_paper = [track for track in seen if "paper_flow" in track.tables]
    return AnnotatedFace(
        name=name,
        subject=subject,
        times_s=times_s,
        truth=truth,
        stretches=[stretch for track in seen for stretch in stretches_of(track)],
        paper={
            kind: [curves for track in with_paper for curves in _paper_curves(track, kind, paper)]
            for kind in ("sl", "sr")
        },
        baselines={
            "moilanen": [_moilanen(track) for track in with_paper],
            "mdmd": [_mdmd(track) for track in with_paper],
        },
    )


def stretches_of(track: TrackRows) -> list[Stretch]:
    """Curves of our configuration of one track."""
    config = default_config()
    texture, flow = track.tables["texture"], track.tables["flow"]
    both = replace(config, texture=replace(config.texture, kinds=("sl", "sr"), peers=()))
    return [
        Stretch(
            curves,
            {kind: _texture(texture, kind, curves, config) for kind in (*MODC_KINDS, *PEER_KINDS)},
        )
        for curves in track_curves(texture, flow, config=both)
    ]


def true_segments(table: pd.DataFrame) -> list[TrueSegment]:
    """Annotations of one face."""
    names = ["onset", "apex", "apex_end", "offset"]
    return [TrueSegment(*map(int, row)) for row in table[names].to_numpy()]


def _texture(
    rows: Mapping[str, NDArray[Any]], kind: str, curves: TrackCurves, config: FeatureConfig
) -> Floats:
    chosen = rows["kind"] == kind
    values = np.interp(curves.times, rows["time_s"][chosen], rows["difference"][chosen])
    values = smoothed(values, config=config.segments, fps=curves.fps)
    return values - np.percentile(values, 20)


def _paper_curves(track: TrackRows, kind: str, config: FeatureConfig) -> list[TrackCurves]:
    one = replace(config, texture=replace(config.texture, kinds=(kind,)))
    return track_curves(track.tables["paper_texture"], track.tables["paper_flow"], config=one)


def _moilanen(track: TrackRows) -> PlainCurve:
    rows = track.tables["moilanen"]
    chosen = rows["kind"] == "lbp"
    return _plain(
        {name: values[chosen] for name, values in rows.items()},
        lambda values, fps: contrast(values, k=half_window(0.34, fps)),
    )


def _mdmd(track: TrackRows) -> PlainCurve:
    # the neighbours that a difference is held against lie one frame inside of the window
    return _plain(track.tables["mdmd"], lambda values, fps: contrast(values, k=max(1, round(0.4 * fps) - 1)))


def _plain(rows: Mapping[str, NDArray[Any]], relative: Callable[[Floats, float], Floats]) -> PlainCurve:
    """A curve at even steps of time, held against its neighbourhood."""
    frames, times = rows["frame"], rows["time_s"]
    steps = int(frames[-1] - frames[0]) + 1
    even = np.linspace(times[0], times[-1], steps)
    fps = (steps - 1) / float(times[-1] - times[0]) if steps > 1 else 1.0
    values = np.interp(even, times, rows["difference"])
    return PlainCurve(np.rint(np.interp(even, times, frames)).astype(np.int64), fps, relative(values, fps))
