"""Spotters of `bench.spotting.run` by rules: texture, flow, both, the paper to the letter, published baselines.

Belongs here: from a face's curves to an absolute score of each frame and to segments, for given thresholds. Stays out:
choosing thresholds (``ml.spotting_metrics.nested``) and learned scorers (``bench.spotting.learners``).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from apexline.bench.spotting.extract import default_config, paper_config
from apexline.bench.spotting.faces import AnnotatedFace, PlainCurve, Stretch
from apexline.bench.spotting.temporal import score_spans
from apexline.features.spotting import (
    SegmentConfig,
    Span,
    TrackCurves,
    change_threshold,
    fuse,
    limit_spans,
    merge_spans,
    motion_spans,
    score_curve,
    texture_spans,
    true_spans,
)

Floats = NDArray[np.float64]
Spotted = tuple[Floats, list[Span]]

_QUANTILES = (0.8, 0.9, 0.95, 0.98)


@dataclass(frozen=True)
class Thresholds:
    """What a rule is told; a rule looks at those it knows.

    Attributes
    ----------
    min_motion_px, min_speed_px_s, apex_fraction, delta
        As in `features.spotting.config.SegmentConfig`.
    quantile : float
        Least texture difference of a peak: that below which this share of the training frames lies.
    high, low : float
        Of `bench.spotting.temporal.score_spans`.
    reach_s : float
        What a span above a baseline's threshold is lengthened by on either side, s.
    """

    min_motion_px: float = 0.7
    min_speed_px_s: float = 2.5
    apex_fraction: float = 0.25
    delta: float = 0.5
    quantile: float = 0.95
    high: float = 0.0
    low: float = 0.0
    reach_s: float = 0.0


@cache
def segment_config() -> SegmentConfig:
    """Our rules of segments, whose thresholds are replaced."""
    return default_config().segments


class FlowRule:
    """Motion alone; the frame score is the largest module of any region, px."""

    name = "flow"
    choices = tuple(
        Thresholds(min_motion_px=motion, min_speed_px_s=speed, apex_fraction=fraction)
        for motion, speed, fraction in product((0.7, 0.55, 0.9), (2.5, 0.0, 3.5), (0.25, 0.35, 0.45))
    )

    def fit(self, faces: Sequence[AnnotatedFace]) -> "FlowRule":
        """Nothing to fit."""
        return self

    def spot(self, face: AnnotatedFace, choice: Thresholds) -> Spotted:
        """See `ml.spotting_metrics.nested.FittedSpotter`."""
        return assemble(
            face,
            (
                (
                    s.curves.frames,
                    s.curves.motion,
                    limited(_motion_spans(s, choice), s.curves.motion, s.curves.fps),
                )
                for s in face.stretches
            ),
        )


class TextureRule:
    """One texture alone; the frame score is its difference."""

    choices = tuple(Thresholds(quantile=q, delta=d) for q, d in product(_QUANTILES, (0.5, 0.3)))

    def __init__(self, kind: str) -> None:
        self.name = kind
        self._kind = kind

    def fit(self, faces: Sequence[AnnotatedFace]) -> "FittedTexture":
        """Quantiles of the training frames."""
        return FittedTexture(self._kind, texture_floors(faces, self._kind))


@dataclass(frozen=True, eq=False)
class FittedTexture:
    """`TextureRule` with the quantiles of its training frames."""

    kind: str
    floors: dict[float, float]

    def spot(self, face: AnnotatedFace, choice: Thresholds) -> Spotted:
        """See `ml.spotting_metrics.nested.FittedSpotter`."""
        return assemble(
            face,
            (
                (
                    s.curves.frames,
                    s.textures[self.kind],
                    limited(self.spans(s, choice), s.curves.motion, s.curves.fps),
                )
                for s in face.stretches
            ),
        )

    def spans(self, stretch: Stretch, choice: Thresholds) -> list[Span]:
        """Peaks of one stretch."""
        config = replace(
            segment_config(), delta=choice.delta, min_difference=max(self.floors[choice.quantile], 0.0)
        )
        return texture_spans(stretch.textures[self.kind], config=config, fps=stretch.curves.fps)


class FusedRule:
    """Texture and motion by rule, eq. (24).

    Parameters
    ----------
    kind : str
        Texture.
    fusion : {"fallback", "or", "mean"}
        Texture where flow finds nothing, either, or the mean of both; each in multiples of its threshold, and for
        the mean in standard deviations of the training frames: that keeps an absolute scale.
    """

    def __init__(self, kind: str, fusion: Literal["fallback", "or", "mean"]) -> None:
        self.name = f"{kind} + flow, {fusion}"
        self.choices = (
            tuple(
                Thresholds(high=h, low=h * share) for h, share in product((1.0, 0.5, 1.5), (0.5, 0.25, 0.75))
            )
            if fusion == "mean"
            else tuple(
                Thresholds(min_motion_px=m, apex_fraction=f, quantile=q)
                for m, f, q in product((0.7, 0.55), (0.25, 0.35), (0.98, 0.95, 0.9))
            )
        )
        self._kind, self._fusion = kind, fusion

    def fit(self, faces: Sequence[AnnotatedFace]) -> "FittedMean | FittedEither":
        """Scale of both curves over the training frames."""
        if self._fusion == "mean":
            motion = np.concatenate([s.curves.motion for face in faces for s in face.stretches])
            texture = np.concatenate([s.textures[self._kind] for face in faces for s in face.stretches])
            return FittedMean(self._kind, (motion.mean(), motion.std()), (texture.mean(), texture.std()))
        return FittedEither(FittedTexture(self._kind, texture_floors(faces, self._kind)), self._fusion)


@dataclass(frozen=True, eq=False)
class FittedEither:
    """`FusedRule` by ``fallback`` or ``or``."""

    texture: FittedTexture
    fusion: Literal["fallback", "or"]

    def spot(self, face: AnnotatedFace, choice: Thresholds) -> Spotted:
        """See `ml.spotting_metrics.nested.FittedSpotter`."""
        return assemble(face, (self._stretch(stretch, choice) for stretch in face.stretches))

    def _stretch(self, stretch: Stretch, choice: Thresholds) -> tuple[NDArray[np.int64], Floats, list[Span]]:
        curves = stretch.curves
        flow, texture = _motion_spans(stretch, choice), self.texture.spans(stretch, choice)
        gap = round(segment_config().merge_gap_s * curves.fps)
        spans = fuse(flow, texture, fusion=self.fusion, gap=gap)
        floor = max(self.texture.floors[choice.quantile], np.finfo(float).tiny)
        score = curves.motion / choice.min_motion_px
        if self.fusion == "or" or not flow:
            score = np.maximum(score, stretch.textures[self.texture.kind] / floor)
        return curves.frames, score, limited(spans, curves.motion, curves.fps)


@dataclass(frozen=True, eq=False)
class FittedMean:
    """`FusedRule` by ``mean``: (mean, standard deviation) of motion and of texture over the training frames."""

    kind: str
    motion: tuple[float, float]
    texture: tuple[float, float]

    def spot(self, face: AnnotatedFace, choice: Thresholds) -> Spotted:
        """See `ml.spotting_metrics.nested.FittedSpotter`."""
        none = self._mean(np.zeros(1), np.zeros(1))
        return assemble(
            face, (self._stretch(stretch, choice) for stretch in face.stretches), untracked=float(none[0])
        )

    def _mean(self, motion: Floats, texture: Floats) -> Floats:
        return (
            (motion - self.motion[0]) / self.motion[1] + (texture - self.texture[0]) / self.texture[1]
        ) / 2

    def _stretch(self, stretch: Stretch, choice: Thresholds) -> tuple[NDArray[np.int64], Floats, list[Span]]:
        score = self._mean(stretch.curves.motion, stretch.textures[self.kind])
        return stretch.curves.frames, score, scored_spans(score, stretch.curves, choice)


class AsConfigured:
    """Our rules with configs/default.yaml as it stands: nothing is chosen; the frame score is the motion, px."""

    name = "rules, default.yaml"
    choices = (None,)

    def fit(self, faces: Sequence[AnnotatedFace]) -> "AsConfigured":
        """Nothing to fit."""
        return self

    def spot(self, face: AnnotatedFace, choice: None) -> Spotted:
        """See `ml.spotting_metrics.nested.FittedSpotter`."""
        config = segment_config()
        return assemble(
            face,
            ((s.curves.frames, s.curves.motion, _configured_spans(s.curves, config)) for s in face.stretches),
        )


class PaperRule:
    """The paper to the letter: configs/paper.yaml; the frame score is eq. (21)'s, normalised by clip."""

    choices = (None,)

    def __init__(self, kind: str) -> None:
        self.name = f"paper to the letter, {kind} + flow"
        self._kind = kind

    def fit(self, faces: Sequence[AnnotatedFace]) -> "PaperRule":
        """Nothing to fit."""
        return self

    def spot(self, face: AnnotatedFace, choice: None) -> Spotted:
        """See `ml.spotting_metrics.nested.FittedSpotter`."""
        config = paper_config().segments
        stretches = (
            (
                curves.frames,
                (score_curve(curves.motion) + score_curve(curves.texture)) / 2,
                _configured_spans(curves, config),
            )
            for curves in face.paper[self._kind]
        )
        return assemble(face, stretches, untracked=-1.0)


class Baseline:
    """A published spotter: spans of its curve above ``mean + p (max - mean)`` of the clip.

    Their authors count peaks, not extents: how far a span reaches beyond what lies above the threshold is chosen too.
    """

    choices = tuple(Thresholds(delta=p, reach_s=r) for p, r in product((0.5, 0.3, 0.7, 0.9), (0.1, 0.0, 0.2)))

    def __init__(self, name: str, curve: str) -> None:
        self.name = name
        self._curve = curve

    def fit(self, faces: Sequence[AnnotatedFace]) -> "Baseline":
        """Nothing to fit."""
        return self

    def spot(self, face: AnnotatedFace, choice: Thresholds) -> Spotted:
        """See `ml.spotting_metrics.nested.FittedSpotter`."""
        curves = face.baselines[self._curve]
        return assemble(face, ((each.frames, each.values, _spans_above(each, choice)) for each in curves))


def assemble(
    face: AnnotatedFace,
    stretches: Iterable[tuple[NDArray[np.int64], Floats, list[Span]]],
    *,
    untracked: float = 0.0,
) -> Spotted:
    """Scores and segments of a face from those of its stretches, in frames of the clip.

    Parameters
    ----------
    face : AnnotatedFace
    stretches : iterable of (frames, scores, spans)
        Spans count the frames of the stretch.
    untracked : float
        Score of frames in which the face was not tracked; with several tracks the largest score counts.
    """
    scores = np.full(face.times_s.size, -np.inf)
    found: list[Span] = []
    for frames, values, spans in stretches:
        np.maximum.at(scores, frames, values)
        found += [
            replace(s, onset=int(frames[s.onset]), apex=int(frames[s.apex]), offset=int(frames[s.offset]))
            for s in spans
        ]
    return np.where(np.isinf(scores), untracked, scores), sorted(found, key=lambda each: each.onset)


def limited(spans: Sequence[Span], strength: Floats, fps: float) -> list[Span]:
    """Spans within the configured limits of length; `strength` (T,) says which stretch of a longer one stays."""
    config = segment_config()
    return limit_spans(
        spans, strength, min_length_s=config.min_length_s, max_length_s=config.max_length_s, fps=fps
    )


def scored_spans(score: Floats, curves: TrackCurves, choice: Thresholds) -> list[Span]:
    """Segments of a frame score; the apex is where motion is largest."""
    gap = round(segment_config().merge_gap_s * curves.fps)
    spans = score_spans(score, curves.motion, high=choice.high, low=choice.low, gap=gap)
    return limited(spans, curves.motion, curves.fps)


def texture_floors(faces: Sequence[AnnotatedFace], kind: str) -> dict[float, float]:
    """Quantiles of a texture over all frames of some faces."""
    values = np.concatenate([s.textures[kind] for face in faces for s in face.stretches])
    return {q: float(np.quantile(values, q)) for q in _QUANTILES}


def _motion_spans(stretch: Stretch, choice: Thresholds) -> list[Span]:
    return _cached_motion_spans(stretch, choice.min_motion_px, choice.min_speed_px_s, choice.apex_fraction)


# the flow rules and all fusions ask for the same, in every fold
@cache
def _cached_motion_spans(
    stretch: Stretch, min_motion_px: float, min_speed_px_s: float, apex_fraction: float
) -> list[Span]:
    told = {"min_motion_px": min_motion_px, "min_speed_px_s": min_speed_px_s, "apex_fraction": apex_fraction}
    config = replace(segment_config(), **told)
    return motion_spans(stretch.curves.displacement, config=config, fps=stretch.curves.fps)


def _configured_spans(curves: TrackCurves, config: SegmentConfig) -> list[Span]:
    fps = curves.fps
    flow = motion_spans(curves.displacement, config=config, fps=fps)
    texture = texture_spans(curves.texture, config=config, fps=fps)
    spans = fuse(flow, texture, fusion=config.fusion, gap=round(config.merge_gap_s * fps))
    limits: dict[str, Any] = {"min_length_s": config.min_length_s, "max_length_s": config.max_length_s}
    return limit_spans(spans, curves.motion, fps=fps, **limits)


def _spans_above(curve: PlainCurve, choice: Thresholds) -> list[Span]:
    threshold = change_threshold(curve.values, delta=choice.delta)
    reach, end = round(choice.reach_s * curve.fps), curve.values.size - 1
    spans: list[Span] = []
    for first, last in true_spans(curve.values > threshold):
        apex = first + int(np.argmax(curve.values[first : last + 1]))
        begin, stop = max(0, first - reach), min(end, last + reach)
        spans.append(Span(begin, apex, stop, float(curve.values[apex]), "texture"))
    config = segment_config()
    merged = merge_spans(spans, gap=round(config.merge_gap_s * curve.fps))
    return limited(merged, curve.values, curve.fps)
