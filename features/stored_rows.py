"""From the stored rows of one track to its curves: holes filled, motion from rest, smoothed.

Belongs here: pivoting columns of ``texture_features`` and ``flow_features`` into arrays over time. Stays out: what is
found in the curves (``features.spotting``).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from apexline.features.config import FeatureConfig
from apexline.features.rows import Columns
from apexline.features.spotting import TrackCurves, contrast, half_window, rest_state, smoothed

# A hole in a track longer than this ends an expression: what happened inside was not seen.
_LONGEST_HOLE_S = 0.5
# Frames of a track that are judged together, six minutes at 25 a second: rest, light and posture of a face that stays
# in view for longer change, and memory stays as it is.
LONGEST_STRETCH = 9_000


def least_fps(config: FeatureConfig) -> float:
    """Frames per second below which expressions can't be followed.

    Curves break where frames lie further apart than the longest hole, and the window that smooths them has to hold a
    frame on either side of its middle.
    """
    smooth_s = config.segments.smooth_s
    return max(1 / _LONGEST_HOLE_S, 2 / smooth_s if smooth_s > 0 else 0.0)


def track_curves(
    texture_rows: Columns, flow_rows: Columns, word_rows: Columns | None = None, *, config: FeatureConfig
) -> list[TrackCurves]:
    """Curves of one track from its stored rows: holes filled, motion from rest, smoothed.

    Parameters
    ----------
    texture_rows : mapping of str to ndarray
        Columns ``frame``, ``kind``, ``difference`` of the table ``texture_features``; may be empty.
    flow_rows : mapping of str to ndarray
        Columns ``frame``, ``time_s``, ``roi``, ``drow``, ``dcol`` of the table ``flow_features``.
    word_rows : mapping of str to ndarray, optional
        Columns ``frame`` and ``words`` of the table ``expression_features``; the hand-made rules do without.
    config : FeatureConfig

    Returns
    -------
    list of TrackCurves
        One for each stretch without a hole above half a second, cut at every `LONGEST_STRETCH` frames of the track;
        stretches of a single frame are left out.

    Raises
    ------
    ValueError
        If a region that ``segments.regions`` names is not in the rows.
    """
    frames = np.asarray(flow_rows["frame"], dtype=np.int64)
    if frames.size == 0:
        return []
    begin = int(frames.min())
    starts = begin + LONGEST_STRETCH * np.unique((frames - begin) // LONGEST_STRETCH)
    parts = [range(start, start + LONGEST_STRETCH) for start in starts.tolist()]
    return [
        curves
        for part in parts
        for curves in _curves_within(part, texture_rows, flow_rows, word_rows, config)
    ]


def _curves_within(
    frames: range, texture_rows: Columns, flow_rows: Columns, word_rows: Columns | None, config: FeatureConfig
) -> list[TrackCurves]:
    """Curves of those rows that lie within some frames."""
    texture_rows, flow_rows = _rows_within(texture_rows, frames), _rows_within(flow_rows, frames)
    flow_frames, first = np.unique(np.asarray(flow_rows["frame"], dtype=np.int64), return_index=True)
    times = np.asarray(flow_rows["time_s"], dtype=np.float64)[first]
    displacement = _pivot(flow_rows, flow_frames, config.segments.regions)
    texture = _mean_difference(texture_rows, flow_frames, config.texture.kinds)
    words = None if word_rows is None else _words(_rows_within(word_rows, frames), flow_frames)
    breaks = np.flatnonzero(np.diff(times) > _LONGEST_HOLE_S) + 1
    stretches = np.split(np.arange(flow_frames.size), breaks)
    return [
        _curves_of(
            flow_frames[stretch],
            times[stretch],
            displacement[stretch],
            texture[stretch],
            None if words is None else words[stretch],
            config,
        )
        for stretch in stretches
        if stretch.size > 1
    ]


def _rows_within(rows: Columns, frames: range) -> Columns:
    chosen = (rows["frame"] >= frames.start) & (rows["frame"] < frames.stop)
    return {name: values[chosen] for name, values in rows.items()}


def _pivot(flow_rows: Columns, frames: NDArray[np.int64], regions: Sequence[str]) -> NDArray[np.float64]:
    """Displacement of the regions, (T, R, 2), px."""
    rois = np.asarray(flow_rows["roi"])
    missing = sorted(set(regions) - set(rois.tolist()))
    if missing:
        message = (
            f"segments.regions names {missing}, the flow rows hold {sorted(set(rois.tolist()))}; "
            "correct the configuration or re-materialise flow_features"
        )
        raise ValueError(message)
    displacement = np.zeros((frames.size, len(regions), 2))
    for i, region in enumerate(regions):
        chosen = rois == region
        at = np.searchsorted(frames, flow_rows["frame"][chosen])
        displacement[at, i, 0] = flow_rows["drow"][chosen]
        displacement[at, i, 1] = flow_rows["dcol"][chosen]
    return displacement


def _mean_difference(
    texture_rows: Columns, frames: NDArray[np.int64], kinds: Sequence[str]
) -> NDArray[np.float64]:
    """Texture difference at some frames, mean over MODC kinds, (T,); interpolated where there is no row."""
    chosen = np.isin(np.asarray(texture_rows["kind"]).astype(str), kinds)
    rows = np.asarray(texture_rows["frame"], dtype=np.int64)[chosen]
    if rows.size == 0:
        return np.zeros(frames.size)
    known, at = np.unique(rows, return_inverse=True)
    difference = np.bincount(at, weights=texture_rows["difference"][chosen]) / np.bincount(at)
    return np.interp(frames, known, difference)


def _words(word_rows: Columns, frames: NDArray[np.int64]) -> NDArray[np.float64]:
    """Logits of words at some frames, (T, W); interpolated where there is no row."""
    known, at = np.unique(np.asarray(word_rows["frame"], dtype=np.int64), return_index=True)
    logits = np.asarray(word_rows["words"], dtype=np.float64)[at]
    return np.stack([np.interp(frames, known, column) for column in logits.T], axis=1)


def _curves_of(
    frames: NDArray[np.int64],
    times: NDArray[np.float64],
    displacement: NDArray[np.float64],
    texture: NDArray[np.float64],
    words: NDArray[np.float64] | None,
    config: FeatureConfig,
) -> TrackCurves:
    """Resample to even steps of time, so that a variable frame rate looks like any other; take rest away; smooth."""
    steps = int(frames[-1] - frames[0]) + 1
    even = np.linspace(times[0], times[-1], steps)
    # (T, R, 2) -> (T, R*2) and back
    flat = displacement.reshape((frames.size, -1))
    filled = np.stack([np.interp(even, times, column) for column in flat.T], axis=1)
    fps = (steps - 1) / float(times[-1] - times[0])
    options = config.segments
    if options.rest == "densest":
        filled = filled - rest_state(filled, even, window_s=options.rest_window_s)
    moved = smoothed(filled, config=options, fps=fps).reshape((steps, *displacement.shape[1:]))
    changed = np.interp(even, times, texture)
    if config.texture.curve == "contrast":
        changed = contrast(changed, k=half_window(config.texture.window_s, fps))
    changed = smoothed(changed, config=options, fps=fps)
    nearest = np.rint(np.interp(even, times, frames)).astype(np.int64)
    if words is not None:
        words = np.stack([np.interp(even, times, column) for column in words.T], axis=1)
    return TrackCurves(nearest, even, moved, changed - np.percentile(changed, 20), words)
