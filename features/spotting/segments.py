"""Expression segments from the curves of one track: onset, apex and offset, eq. (21)-(24) of [1]_.

Belongs here: the rest state of a face, growing segments from motion, spotting peaks of texture, and fusion.
Stays out: pixels, and how the curves are computed (``flow_stream``, ``texture_stream``).

.. [1] Li, Zhou, Liu, Sun, Chen, Xue (2021). Traitement du Signal 38(2), doi:10.18280/ts.380213.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, NonNegativeFloat, PositiveFloat, model_validator
from pydantic.dataclasses import dataclass as pydantic_dataclass
from scipy.signal import find_peaks, peak_widths

from features.spotting.curves import AngleMode, change_threshold, flow_angle, score_curve, smooth, true_spans
from features.spotting.flanks import (
    extrapolate_to_foot,
    grow_from_apex,
    max_speed,
    relative_height,
    stop_reasons,
)
from features.spotting.spans import Bound, Span, Stop, leading_spans, merge_spans
from features.validation import Share, require

Fusion = Literal["fallback", "or", "mean"]
Rest = Literal["none", "densest"]
Foot = Literal["zero", "lowest"]
Flank = Literal["crossing", "tangent"]
TexturePeaks = Literal["prominence", "threshold"]
Regions = Annotated[tuple[str, ...], Field(min_length=1)]


@pydantic_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class SegmentConfig:
    """How segments are found; every limit in seconds is scaled by the real frame rate.

    Attributes
    ----------
    regions : tuple of str
        Regions whose motion is searched.
    apex_fraction : float
        M_T of eq. (23): a segment lasts while its module exceeds this fraction of the apex's.
    foot : {"zero", "lowest"}
        Level above which that fraction is taken: no motion, as printed, or the lowest module on either side.
    max_turn_deg_s : float
        gamma of eq. (23): largest turn of the motion's direction from one frame to the next by the time between
        them, degrees per second; 45 degrees at 25 frames a second.
    apex_share : float
        The apex is the middle of the frames about the largest module that have this share of it; 1 is the largest
        itself, as printed.
    angle : {"atan2", "paper"}
        Angle of eq. (20), see `features.spotting.curves.flow_angle`.
    flank : {"crossing", "tangent"}
        Where a segment ends: where its module crosses that fraction, as printed, or where the line through the flank
        above it meets the foot.
    min_motion_px : float
        Least module of an apex, px of the crop.
    min_speed_px_s : float
        Least speed that the module reaches within a segment, px of the crop per second: a head drifts slower.
    repeat_fraction : float
        A further apex counts while it has this fraction of the track's largest module.
    join_fraction : float
        A region's segment joins a stronger one of another region while its apex has this fraction of that one's
        module; a weaker one is left out. 0 joins all.
    single_apex : bool
        One segment per region, as printed in [1]_.
    rest : {"none", "densest"}
        Displacement that counts as no expression: that of the reference frame, or the state in which the
        face dwells (`rest_state`).
    rest_window_s : float
        Longest time that shares one rest state, s.
    smooth_s : float
        Window of the Savitzky-Golay smoothing of motion and texture, s; 0 for none.
    delta : float
        Proportional coefficient of eq. (21), 0..1.
    texture_peaks : {"prominence", "threshold"}
        Extent of a texture segment: the peak's width at half prominence, or the span above the threshold.
    min_difference : float
        Least texture difference of a peak above its track's 20th percentile.
    fusion : {"fallback", "or", "mean"}
        Eq. (24): texture only where flow finds nothing (the paper's text), the union of both, or the mean of
        both z-scored curves.
    merge_gap_s : float
        Segments closer than this are one, s.
    min_length_s, max_length_s : float
        Shorter segments are dropped, longer ones cut to the strongest span about their apex, s.
    micro_s : float
        Longest micro-expression, s.
    """

    regions: Regions = ("left_brow", "right_brow", "left_mouth", "right_mouth", "lips")
    apex_fraction: Share = 0.35
    foot: Foot = "lowest"
    max_turn_deg_s: PositiveFloat = 1125.0
    apex_share: Share = 0.9
    angle: AngleMode = "atan2"
    flank: Flank = "tangent"
    min_motion_px: NonNegativeFloat = 0.7
    min_speed_px_s: NonNegativeFloat = 2.5
    repeat_fraction: Share = 0.25
    join_fraction: Share = 0.6
    single_apex: bool = False
    rest: Rest = "densest"
    rest_window_s: PositiveFloat = 12.0
    smooth_s: NonNegativeFloat = 0.28
    delta: Share = 0.5
    texture_peaks: TexturePeaks = "prominence"
    min_difference: NonNegativeFloat = 0.05
    fusion: Fusion = "fallback"
    merge_gap_s: NonNegativeFloat = 0.12
    min_length_s: NonNegativeFloat = 0.1
    max_length_s: NonNegativeFloat = 4.0
    micro_s: NonNegativeFloat = 0.5

    @model_validator(mode="after")
    def _check_lengths(self) -> Self:
        require(
            self.min_length_s <= self.max_length_s,
            f"min_length_s {self.min_length_s} exceeds max_length_s {self.max_length_s}; swap them",
        )
        return self


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


def rest_state(
    displacement: NDArray[np.float64], times: NDArray[np.float64], *, window_s: float
) -> NDArray[np.float64]:
    """Displacement at which the face rests, over time.

    The reference frame need not be at rest and the head drifts. A face dwells at rest while expressions pass,
    so rest is where the densest fifth of a window's frames lies; the state that a window begins with is
    preferred while it is nearly as dense, or where the window comes back to it at its end, because a smile may
    outlast the calm about it.

    Parameters
    ----------
    displacement : ndarray, shape (T, D), float64
        Displacements of all regions, px.
    times : ndarray, shape (T,), float64
        Times, s.
    window_s : float
        Time that shares one state, s; between the middles of windows the state is interpolated.

    Returns
    -------
    ndarray, shape (T, D), float64
    """
    count = max(1, round((times[-1] - times[0]) / window_s))
    edges = np.linspace(0, times.size, count + 1).astype(int)
    states: list[NDArray[np.float64]] = []
    middles: list[float] = []
    margin = max(1, times.size // (20 * count))
    begin = np.median(displacement[:margin], axis=0)
    for first, last in zip(edges[:-1], edges[1:], strict=True):
        end = np.median(displacement[max(first, last - margin) : last], axis=0)
        begin = _densest(displacement[first:last], begin, end)
        states.append(begin)
        middles.append(float(times[first:last].mean()))
    columns = np.stack(states).T
    return np.stack([np.interp(times, middles, column) for column in columns], axis=1)


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
                level, angle, apex, apex_fraction=config.apex_fraction, max_turn=max_turn
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
        peaks, _ = find_peaks(padded, height=threshold)
        _, _, left, right = peak_widths(padded, peaks, rel_height=0.5)
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


def _densest(
    displacement: NDArray[np.float64], begin: NDArray[np.float64], end: NDArray[np.float64]
) -> NDArray[np.float64]:
    # 200 candidates are enough to find a fifth of the frames
    sample = displacement[:: -(-displacement.shape[0] // 200)]
    candidates = np.concatenate([begin[None], sample])
    distance = np.linalg.norm(candidates[:, None] - sample[None], axis=2)
    radius = np.quantile(distance, 0.2, axis=1)
    best = int(np.argmin(radius))
    dense = radius[0] <= 1.5 * radius[best] + 0.3
    away = np.linalg.norm(candidates[best] - np.stack([begin, end]), axis=1).min()
    returned = np.linalg.norm(end - begin) < away / 2
    chosen = 0 if dense or returned else best
    return np.median(sample[distance[chosen] <= radius[chosen]], axis=0)


def _is_peak(module: NDArray[np.float64], at: int) -> bool:
    return bool(module[at] >= module[max(0, at - 1) : at + 2].max())


def _bounds(onset: int, offset: int, last: int, stop: Stop, curve: str) -> tuple[Bound, Bound]:
    """Bounds of a span that ends for one reason on both sides, or with the curve."""
    return Bound("edge" if onset == 0 else stop, curve), Bound("edge" if offset == last else stop, curve)


def _frames(seconds: float, fps: float) -> int:
    return round(seconds * fps)


def _ratio(value: float, threshold: float) -> float:
    return float(value) / threshold if threshold > 0 else 1.0
