"""Expression segments from the curves of one track: onset, apex and offset, eq. (21)-(24) of [1]_.

Belongs here: growing segments from motion, spotting peaks of texture, and fusion. Stays out: the rest state of a face
(``rest``), pixels, and how the curves are computed (``features.flow.stream``, ``features.modc.stream``).

.. [1] Li, Zhou, Liu, Sun, Chen, Xue (2021). Traitement du Signal 38(2), doi:10.18280/ts.380213.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from apexline.features.flow import flow_angle
from apexline.features.spotting.config import Fusion, SegmentConfig
from apexline.features.spotting.curves import change_threshold, score_curve, smooth, true_spans
from apexline.features.spotting.flanks import (
    extrapolate_to_foot,
    grow_from_apex,
    max_speed,
    relative_height,
    stop_reasons,
)
from apexline.features.spotting.peaks import find_peaks, peak_widths
from apexline.features.spotting.spans import Bound, Span, Stop, leading_spans, merge_spans


@dataclass(frozen=True)
class Segment:
    """An expression change of one track.

    Attributes
    ----------
    track_id : str
        Track within its clip.
    onset, apex, offset : int
        First frame, strongest frame and last frame, 0-based.
    score : float
        Strength of the apex over the detection threshold; at least 1.
    onset_s, apex_s, offset_s : float
        Their times, s.
    length : str
        ``micro`` or ``macro``.
    source : str
        ``flow``, ``texture`` or ``both``.
    roi : str
        Region with the strongest motion at the apex; empty without flow.
    held, rest : tuple of int
        Some frames that hold the expression, and some of the track in which the face is at rest.
    words : tuple of float
        By how much the logits of `features.expression.RATERS_WORDS` rise from rest while it is held; empty where
        a rule without words found it.
    """

    track_id: str
    onset: int
    apex: int
    offset: int
    score: float
    onset_s: float = 0.0
    apex_s: float = 0.0
    offset_s: float = 0.0
    length: str = ""
    source: str = ""
    roi: str = ""
    held: tuple[int, ...] = ()
    rest: tuple[int, ...] = ()
    words: tuple[float, ...] = ()


def motion_floor(largest: float, *, config: SegmentConfig) -> float:
    """Least module of an apex in a stretch whose largest module of any region is `largest`, px."""
    return max(config.min_motion_px, config.repeat_fraction * largest)


def texture_floor(curve: NDArray[np.float64], *, config: SegmentConfig) -> float:
    """Least texture difference of a peak: VE of eq. (21) of [1]_, and no less than ``min_difference``."""
    return max(change_threshold(curve, delta=config.delta), config.min_difference)


def motion_spans(displacement: NDArray[np.float64], *, config: SegmentConfig, fps: float) -> list[Span]:
    """Segments of the regions' motion, eq. (22) and (23) of [1]_, repeated on what remains and merged.

    Parameters
    ----------
    displacement : ndarray, shape (T, R, 2), float64
        (row, col) displacement of R regions from rest, smoothed, px.
    config : SegmentConfig
    fps : float
        Frames per second.

    Returns
    -------
    list of Span
        In order of time; source ``flow``.
    """
    modules = np.hypot(displacement[..., 0], displacement[..., 1])
    largest = float(modules.max())
    floor = motion_floor(largest, config=config)
    if largest < config.min_motion_px:
        return []
    spans: list[Span] = []
    for region in range(modules.shape[1]):
        module = modules[:, region]
        angle = flow_angle(displacement[:, region, 0], displacement[:, region, 1], mode=config.angle)
        free = np.ones(module.size, dtype=bool)
        while free.any():
            apex = int(np.argmax(np.where(free, module, -1.0)))
            if module[apex] < floor:
                break
            if not _is_peak(module, apex):
                # the flank of a segment that was found before is no apex of its own
                free[apex] = False
                continue
            level = relative_height(module, apex) if config.foot == "lowest" else module
            max_turn = np.deg2rad(config.max_turn_deg_s) / fps
            onset, offset = grow_from_apex(
                level,
                angle,
                apex,
                apex_fraction=config.apex_fraction,
                max_turn=max_turn,
                turn=config.turn,
            )
            free[onset : offset + 1] = False
            if max_speed(module[onset : offset + 1], fps=fps) < config.min_speed_px_s:
                continue
            score, name = float(module[apex]) / config.min_motion_px, config.regions[region]
            ends = stop_reasons(level, onset, apex, offset, apex_fraction=config.apex_fraction)
            if config.flank == "tangent":
                onset, offset = (
                    extrapolate_to_foot(level, at, apex, apex_fraction=config.apex_fraction)
                    if end == "level"
                    else at
                    for at, end in zip((onset, offset), ends, strict=True)
                )
            spans.append(Span(onset, apex, offset, score, "flow", *(Bound(end, name) for end in ends)))
            if config.single_apex:
                break
    gap = _frames(config.merge_gap_s, fps)
    return merge_spans(leading_spans(spans, gap=gap, fraction=config.join_fraction), gap=gap)


def texture_spans(curve: NDArray[np.float64], *, config: SegmentConfig, fps: float) -> list[Span]:
    """Segments of a texture-difference curve: peaks above VE, eq. (21) of [1]_.

    Parameters
    ----------
    curve : ndarray, shape (T,), float64
        Smoothed difference Q, its 20th percentile taken away.
    config : SegmentConfig
    fps : float
        Frames per second.

    Returns
    -------
    list of Span
        In order of time; source ``texture``.
    """
    threshold = texture_floor(curve, config=config)
    last = curve.size - 1
    spans: list[Span] = []
    if config.texture_peaks == "threshold":
        for onset, offset in true_spans(curve >= threshold):
            apex = onset + int(np.argmax(curve[onset : offset + 1]))
            bounds = _bounds(onset, offset, last, "threshold", "texture")
            spans.append(Span(onset, apex, offset, _ratio(curve[apex], threshold), "texture", *bounds))
    else:
        # a peak at either end is a peak too: the curve is taken to fall off beyond them
        padded = np.pad(curve, 1, constant_values=float(curve.min()) - 1e-12)
        peaks = find_peaks(padded, height=threshold)
        left, right = peak_widths(padded, peaks, rel_height=0.5)
        for peak, start, end in zip(peaks, left, right, strict=True):
            onset, offset = max(0, int(np.ceil(start)) - 1), min(last, int(np.floor(end)) - 1)
            bounds = _bounds(onset, offset, last, "half", "texture")
            score = _ratio(float(curve[peak - 1]), threshold)
            spans.append(Span(onset, int(peak) - 1, offset, score, "texture", *bounds))
    return merge_spans(spans, gap=_frames(config.merge_gap_s, fps))


def fuse(flow: Sequence[Span], texture: Sequence[Span], *, fusion: Fusion, gap: int) -> list[Span]:
    """Segments of both kinds of evidence by ``fallback`` or ``or``, eq. (24) of [1]_."""
    if fusion == "fallback":
        return list(flow) if flow else list(texture)
    return merge_spans([*flow, *texture], gap=gap)


def mean_spans(
    motion: NDArray[np.float64], texture: NDArray[np.float64], *, config: SegmentConfig, fps: float
) -> list[Span]:
    """Segments of the mean of both z-scored curves above VE.

    Parameters
    ----------
    motion, texture : ndarray, shape (T,), float64
        Largest module of any region, px, and texture difference, both smoothed.
    """
    if motion.max() < config.min_motion_px:
        return []
    curve = (score_curve(motion) + score_curve(texture)) / 2
    threshold = change_threshold(curve, delta=config.delta)
    spans: list[Span] = []
    for onset, offset in true_spans(curve >= threshold):
        apex = onset + int(np.argmax(curve[onset : offset + 1]))
        bounds = _bounds(onset, offset, curve.size - 1, "threshold", "")
        spans.append(Span(onset, apex, offset, _ratio(curve[apex], threshold), "both", *bounds))
    return merge_spans(spans, gap=_frames(config.merge_gap_s, fps))


def to_segments(
    spans: Sequence[Span],
    *,
    track_id: str,
    frames: NDArray[np.int64],
    times: NDArray[np.float64],
    rois: Sequence[str],
    micro_s: float,
) -> list[Segment]:
    """Give spans their frames, times, length class and region.

    Parameters
    ----------
    spans : sequence of Span
    track_id : str
    frames, times : ndarray, shape (T,)
        Frame index and time (s) of each index.
    rois : sequence of str, length T
        Region that moves most at each index.
    micro_s : float
        Longest micro-expression, s.
    """
    segments: list[Segment] = []
    for span in spans:
        onset_s, apex_s, offset_s = (float(times[i]) for i in (span.onset, span.apex, span.offset))
        onset, apex, offset = (int(frames[i]) for i in (span.onset, span.apex, span.offset))
        length = "micro" if offset_s - onset_s <= micro_s else "macro"
        place = (onset, apex, offset, span.score, onset_s, apex_s, offset_s)
        segments.append(Segment(track_id, *place, length, span.source, rois[span.apex]))
    return segments


def smoothed(values: NDArray[np.float64], *, config: SegmentConfig, fps: float) -> NDArray[np.float64]:
    """Curve(s) along the first axis, smoothed over the odd number of frames nearest to the configured time."""
    return smooth(values, window=2 * round((config.smooth_s * fps - 1) / 2) + 1)


def _is_peak(module: NDArray[np.float64], at: int) -> bool:
    return bool(module[at] >= module[max(0, at - 1) : at + 2].max())


def _bounds(onset: int, offset: int, last: int, stop: Stop, curve: str) -> tuple[Bound, Bound]:
    """Bounds of a span that ends for one reason on both sides, or with the curve."""
    return Bound("edge" if onset == 0 else stop, curve), Bound("edge" if offset == last else stop, curve)


def _frames(seconds: float, fps: float) -> int:
    return round(seconds * fps)


def _ratio(value: float, threshold: float) -> float:
    return float(value) / threshold if threshold > 0 else 1.0
