"""What is decided of one stretch of a track, and on which grounds.

Belongs here: the rule that takes curves to segments, and the numbers that it looked at, as values. Stays out: the
steps of the rule (``segments``, ``spans``), how curves come about (``features.stored_rows``), words and drawings
(``assets.explain``).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from apexline.features.spotting import segments as seg
from apexline.features.spotting.candidates import describe, find_candidates, held_frames
from apexline.features.spotting.config import SegmentConfig
from apexline.features.spotting.curves import TrackCurves
from apexline.features.spotting.evidence import Evidence, gather
from apexline.features.spotting.scorer import Forest, choose, shipped_forest
from apexline.features.spotting.segments import Segment
from apexline.features.spotting.spans import Bound, Span, centre_apex, limit_spans
from apexline.features.validation import require

Rejection = Literal["too_short", "too_slow", "flow_speaks_first", "improbable"]

# Possible changes of less than this probability are not told of.
_WORTH_TELLING = 0.1
# An answer is a mean over this many faces that hold an expression, and as many at rest.
_FRAMES_SHOWN = 5


@dataclass(frozen=True)
class Reading:
    """The largest value of a curve within some frames beside the least that counts.

    Attributes
    ----------
    curve : str
        Region, whose module is read in px of the crop, or ``texture``, read as chi-square distance.
    value, threshold : float
    frame : int
        Where the curve is largest, 0-based.
    """

    curve: str
    value: float
    threshold: float
    frame: int

    @property
    def counts(self) -> bool:
        """Tell whether the value reaches its threshold."""
        return self.value >= self.threshold


@dataclass(frozen=True)
class Reason:
    """Why there is a segment, and why it begins and ends where it does.

    Attributes
    ----------
    segment : Segment
    motion : tuple of Reading
        Every searched region within the segment, the strongest first.
    texture : Reading
        Texture within the segment.
    begin, end : Bound
        What ended it before the onset and after the offset.
    probability : float
        That it is an expression, by the learned rule; NaN by another.
    """

    segment: Segment
    motion: tuple[Reading, ...]
    texture: Reading
    begin: Bound
    end: Bound
    probability: float = math.nan


@dataclass(frozen=True)
class Rejected:
    """A change that did not become a segment: first and last frame, evidence that saw it, and why not.

    The learned rule says how probable it is.
    """

    onset: int
    offset: int
    source: str
    why: Rejection
    probability: float = math.nan


@dataclass(frozen=True)
class Decision:
    """What was decided of one stretch, with the curves that it was decided on.

    Attributes
    ----------
    curves : TrackCurves
    reasons : tuple of Reason
        One for each segment, in order of time; empty where nothing was found.
    motion : tuple of Reading
        Every searched region over the whole stretch, the strongest first.
    texture : Reading
        Texture over the whole stretch.
    rejected : tuple of Rejected
    """

    curves: TrackCurves
    reasons: tuple[Reason, ...]
    motion: tuple[Reading, ...]
    texture: Reading
    rejected: tuple[Rejected, ...]


def spot(
    curves: TrackCurves, *, track_id: str, config: SegmentConfig, forest: Forest | None = None
) -> list[Segment]:
    """Segments of one stretch by the configured rule.

    Parameters
    ----------
    curves : TrackCurves
    track_id : str
    config : SegmentConfig
    forest : Forest, optional
        Of the learned rule; the shipped one where left out.

    Returns
    -------
    list of Segment
        In order of time.

    Examples
    --------
    The left corner of a mouth rises by 3 px and sinks again, seen at 25 frames a second:

    >>> import numpy as np
    >>> from apexline.features.spotting import SegmentConfig, TrackCurves, spot
    >>> times = np.arange(75) / 25
    >>> config = SegmentConfig(rule="curves")
    >>> displacement = np.zeros((75, len(config.regions), 2))
    >>> displacement[:, 2, 0] = np.interp(times, [1.0, 1.4, 1.6, 2.0], [0.0, -3.0, -3.0, 0.0])
    >>> curves = TrackCurves(np.arange(75), times, displacement, texture=np.zeros(75))
    >>> [(found.onset, found.apex, found.offset, found.roi) for found in spot(curves, track_id="a", config=config)]
    [(25, 37, 50, 'left_mouth')]
    """
    found = _search(curves, config, forest)
    return _segments(found, curves, track_id=track_id, config=config)


def explain(curves: TrackCurves, *, track_id: str, config: SegmentConfig) -> Decision:
    """What `spot` finds, with the reasons; takes longer, because what was too slow is searched for as well.

    Parameters
    ----------
    curves : TrackCurves
    track_id : str
    config : SegmentConfig
    """
    found = _search(curves, config)
    segments = _segments(found, curves, track_id=track_id, config=config)
    reasons = tuple(
        Reason(
            segment,
            *_readings(curves, slice(span.onset, span.offset + 1), config),
            span.begin,
            span.end,
            span.score * config.min_probability if span.source == "learned" else math.nan,
        )
        for segment, span in zip(segments, found.lasting, strict=True)
    )
    motion, texture = _readings(curves, slice(None), config)
    return Decision(curves, reasons, motion, texture, tuple(_rejected(found, curves, config)))


@dataclass(frozen=True)
class _Search:
    """Spans in one stretch.

    Attributes
    ----------
    flow, texture : list of Span
        Of either evidence; none where both are judged as one curve.
    fused : list of Span
        Of both together.
    lasting : list of Span
        Those of `fused` that last long enough, cut to the largest length: one for each segment.
    improbable : list of Span
        Those that the learned rule turned down; the score is their probability.
    evidence : Evidence or None
        What the learned rule looked at.
    """

    flow: list[Span]
    texture: list[Span]
    fused: list[Span]
    lasting: list[Span]
    improbable: list[Span] = field(default_factory=list)
    evidence: Evidence | None = None


def _search(curves: TrackCurves, config: SegmentConfig, forest: Forest | None = None) -> _Search:
    if config.rule == "curves":
        return _search_curves(curves, config)
    return _search_learned(curves, config, shipped_forest() if forest is None else forest)


def _search_learned(curves: TrackCurves, config: SegmentConfig, forest: Forest) -> _Search:
    require(
        config.regions == SegmentConfig.regions,
        f"segments.regions is {list(config.regions)}, the learned rule learned from {list(SegmentConfig.regions)}; "
        "restore them, or set segments.rule to curves",
    )
    evidence = gather(curves)
    candidates = find_candidates(evidence)
    probabilities = forest(describe(evidence, candidates))
    told = choose(candidates, probabilities, least=min(_WORTH_TELLING, config.min_probability))
    last = curves.times.size - 1
    found: list[Span] = []
    improbable: list[Span] = []
    for each in told:
        (onset, apex, offset), probability = candidates[each], float(probabilities[each])
        if probability < config.min_probability:
            improbable.append(Span(onset, apex, offset, probability, "learned"))
            continue
        span = Span(
            onset,
            apex,
            offset,
            probability / config.min_probability,
            "learned",
            Bound("edge" if onset == 0 else "learned"),
            Bound("edge" if offset == last else "learned"),
        )
        found.append(centre_apex(span, evidence.change, share=config.apex_share))
    return _Search([], [], found, found, improbable, evidence)


def _search_curves(curves: TrackCurves, config: SegmentConfig) -> _Search:
    fps = curves.fps
    flow: list[Span] = []
    texture: list[Span] = []
    if config.fusion == "mean":
        fused = seg.mean_spans(curves.motion, curves.texture, config=config, fps=fps)
    else:
        flow = seg.motion_spans(curves.displacement, config=config, fps=fps)
        texture = seg.texture_spans(curves.texture, config=config, fps=fps)
        fused = seg.fuse(flow, texture, fusion=config.fusion, gap=round(config.merge_gap_s * fps))
    lasting = limit_spans(
        fused, curves.motion, min_length_s=config.min_length_s, max_length_s=config.max_length_s, fps=fps
    )
    return _Search(flow, texture, fused, lasting)


def _segments(found: _Search, curves: TrackCurves, *, track_id: str, config: SegmentConfig) -> list[Segment]:
    strongest = curves.modules.argmax(axis=1)
    segments = seg.to_segments(
        [_centred(span, curves, config) for span in found.lasting],
        track_id=track_id,
        frames=curves.frames,
        times=curves.times,
        rois=[config.regions[region] for region in strongest.tolist()],
        micro_s=config.micro_s,
    )
    evidence = found.evidence
    if evidence is None:
        return [replace(each, held=(each.apex,), rest=(each.onset,)) for each in segments]
    rest = _some(curves.frames[evidence.at_rest])
    return [
        replace(each, rest=rest, **_held(span, curves, evidence))
        for each, span in zip(segments, found.lasting, strict=True)
    ]


def _centred(span: Span, curves: TrackCurves, config: SegmentConfig) -> Span:
    if span.source == "learned":
        return span
    curve = curves.texture if span.source == "texture" else curves.motion
    return centre_apex(span, curve, share=config.apex_share)


def _held(span: Span, curves: TrackCurves, evidence: Evidence) -> dict[str, Any]:
    """Frames that hold an expression, and what its words are then."""
    held = held_frames(evidence, span.onset, span.offset)
    words = evidence.words[held].mean(axis=0) - evidence.rest
    return {"held": _some(curves.frames[held]), "words": tuple(words.tolist())}


def _some(frames: NDArray[np.int64]) -> tuple[int, ...]:
    """Some of these frames, evenly spread."""
    chosen = np.linspace(0, frames.size - 1, min(_FRAMES_SHOWN, frames.size)).round().astype(int)
    return tuple(frames[chosen].tolist())


def _rejected(found: _Search, curves: TrackCurves, config: SegmentConfig) -> Iterator[Rejected]:
    """Changes that did not become segments: unheard texture, slow motion, then what is too short."""

    def rejected(span: Span, why: Rejection) -> Rejected:
        return Rejected(int(curves.frames[span.onset]), int(curves.frames[span.offset]), span.source, why)

    if config.rule == "learned":
        yield from (
            replace(rejected(span, "improbable"), probability=span.score) for span in found.improbable
        )
        return
    if found.flow and config.fusion == "fallback":
        yield from (rejected(span, "flow_speaks_first") for span in _apart(found.texture, found.fused))
    if config.fusion != "mean":
        any_speed = replace(config, min_speed_px_s=0.0)
        moved = seg.motion_spans(curves.displacement, config=any_speed, fps=curves.fps)
        yield from (rejected(span, "too_slow") for span in _apart(moved, found.fused))
    apexes = {span.apex for span in found.lasting}
    yield from (rejected(span, "too_short") for span in found.fused if span.apex not in apexes)


def _readings(
    curves: TrackCurves, within: slice, config: SegmentConfig
) -> tuple[tuple[Reading, ...], Reading]:
    """Read regions (strongest first) and texture within some frames of the stretch."""
    floor = seg.motion_floor(float(curves.motion.max()), config=config)
    modules = curves.modules[within, : len(config.regions)].T
    regions = [
        _reading(name, module, floor, curves.frames[within])
        for name, module in zip(config.regions, modules, strict=True)
    ]
    texture_floor = seg.texture_floor(curves.texture, config=config)
    texture = _reading("texture", curves.texture[within], texture_floor, curves.frames[within])
    return tuple(sorted(regions, key=lambda each: -each.value)), texture


def _reading(curve: str, values: NDArray[np.float64], threshold: float, frames: NDArray[np.int64]) -> Reading:
    at = int(np.argmax(values))
    return Reading(curve, float(values[at]), threshold, int(frames[at]))


def _apart(spans: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    """Return those of some spans that share no frame with any of the others."""
    return [span for span in spans if not any(_overlap(span, other) for other in others)]


def _overlap(one: Span, other: Span) -> bool:
    return one.onset <= other.offset and other.onset <= one.offset
