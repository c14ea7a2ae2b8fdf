"""Why a track has the segments that it has, in words and drawings: what a person looks at beside the clip.

Belongs here: wording `features.spotting.decisions`, and which frames and figures belong to a decision. Stays out:
deciding (``features``), drawing (``assets.figures``), and where rows and crops come from (``stored_track``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from apexline.assets.explain.obstacles import unusable_headline
from apexline.assets.figures import MOMENTS, FaceTile, TrackView, curves_decision, moments, words
from apexline.features.spotting import Bound, Decision, Reading, Reason, Rejected, SegmentConfig

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Crops = Mapping[tuple[str, int], NDArray[np.uint8]]


@dataclass(frozen=True)
class Explanation:
    """A segment, or a stretch without one: what was decided, on which grounds, with the faces and the polar map.

    Attributes
    ----------
    headline : str
        What was decided.
    grounds : list of str
        Sentences: the rule, what moved by how much against which threshold, what the texture said, the bounds.
    figure : Figure
        Faces and polar map.
    segment_id : str
        Empty for a stretch without a segment.
    onset_s : float
        When the segment begins, s.
    score : float
        Strength of the segment, see `features.spotting.segments.Segment`; 0 without one.
    """

    headline: str
    grounds: list[str]
    figure: Figure
    segment_id: str = ""
    onset_s: float = math.nan
    score: float = 0.0


@dataclass(frozen=True)
class TrackExplanation:
    """All there is to say about a track; without a usable frame there is neither curve nor explanation.

    Attributes
    ----------
    track_id, headline : str
    explanations : list of Explanation
        One for each segment, and one for each stretch without a segment.
    curves : Figure or None
        Figures 5 to 7 of the paper on one axis of time.
    """

    track_id: str
    headline: str
    explanations: list[Explanation]
    curves: Figure | None


def explain_track(track_id: str, view: TrackView, crops: Crops) -> TrackExplanation:
    """Word and draw the decisions about a track.

    Parameters
    ----------
    track_id : str
    view : TrackView
    crops : mapping of (str, int) to ndarray, (128, 128) uint8
        Crops by track and frame, at least those of `frames_shown`.
    """
    found = [
        _explain(track_id, view, decision, reason, crops)
        for decision in view.decisions
        for reason in decision.reasons or (None,)
    ]
    return TrackExplanation(track_id, track_headline(view.decisions), found, curves_decision(view))


def explain_unusable(
    track_id: str, frames: Mapping[str, int], obstacles: Sequence[str] = ()
) -> TrackExplanation:
    """Word why nothing could be decided of a track; `frames` counts its frames by drop reason."""
    return TrackExplanation(track_id, unusable_headline(frames, obstacles), [], None)


def frames_shown(decision: Decision, reason: Reason | None) -> list[tuple[str, int]]:
    """Captions and frames of the faces that belong to a segment, or to a stretch without one."""
    if reason is not None:
        segment = reason.segment
        return [
            (
                f"{moment}, frame {getattr(segment, moment)}\n{getattr(segment, f'{moment}_s'):.2f} s",
                getattr(segment, moment),
            )
            for moment in MOMENTS
        ]
    curves = decision.curves
    return [
        (f"{name}, frame {curves.frames[at]}\n{curves.times[at]:.2f} s", int(curves.frames[at]))
        for name, at in (
            ("least motion", int(np.argmin(curves.motion))),
            ("most motion", int(np.argmax(curves.motion))),
        )
    ]


def _explain(
    track_id: str, view: TrackView, decision: Decision, reason: Reason | None, crops: Crops
) -> Explanation:
    faces = [
        FaceTile(caption, frame, crops[track_id, frame])
        for caption, frame in frames_shown(decision, reason)
        if (track_id, frame) in crops
    ]
    figure = moments(view, decision, reason, faces)
    headline, grounds = in_words(decision, reason, view.config)
    if reason is None:
        return Explanation(headline, grounds, figure)
    segment = reason.segment
    segment_id = f"{track_id}-{segment.onset}"
    return Explanation(headline, grounds, figure, segment_id, segment.onset_s, segment.score)


# ---- words


def in_words(decision: Decision, reason: Reason | None, config: SegmentConfig) -> tuple[str, list[str]]:
    """Say what was decided, and on which grounds; without a reason, of a stretch that has no segment."""
    turned_down = [_turned_down(each, config) for each in decision.rejected]
    if config.rule == "learned":
        return _in_words_learned(decision, reason, config, turned_down)
    if reason is None:
        return _silence(decision), [
            *_motion(decision.motion, "", config),
            _texture(decision.texture, "", config),
            *turned_down,
        ]
    return _found(reason), [
        *_motion(reason.motion, reason.segment.source, config),
        _texture(reason.texture, reason.segment.source, config),
        f"It begins {_bound(reason.begin, config, onset=True)}.",
        f"It ends {_bound(reason.end, config, onset=False)}.",
        *turned_down,
    ]


def _in_words_learned(
    decision: Decision, reason: Reason | None, config: SegmentConfig, turned_down: list[str]
) -> tuple[str, list[str]]:
    shown = decision if reason is None else reason
    beside = [
        f"What the hand-made curves show beside it: {_listed(shown.motion)}; texture {shown.texture.value:.3f}, "
        f"where {shown.texture.threshold:.3f} would count."
    ]
    if reason is None:
        likeliest = max((each.probability for each in decision.rejected), default=0.0)
        headline = (
            f"No segment: the likeliest change has a probability of {likeliest:.2f}, "
            f"and {config.min_probability:.2f} would count"
        )
        return headline, [*beside, *turned_down]
    return _found(reason), [
        f"By words, motion, texture and what moves before, after and about it, this is an expression with a "
        f"probability of {reason.probability:.2f} ({config.min_probability:.2f} needed).",
        *beside,
        f"It begins {_bound(reason.begin, config, onset=True)}.",
        f"It ends {_bound(reason.end, config, onset=False)}.",
        *turned_down,
    ]


def track_headline(decisions: Sequence[Decision]) -> str:
    """Say how many segments a track has, and when it was seen."""
    count = sum(len(each.reasons) for each in decisions)
    named = {0: "no segment", 1: "1 segment"}.get(count, f"{count} segments")
    first, last = decisions[0].curves.times[0], decisions[-1].curves.times[-1]
    pieces = "" if len(decisions) == 1 else f" in {len(decisions)} stretches"
    return f"{named}; seen {first:.2f} to {last:.2f} s{pieces}"


def _found(reason: Reason) -> str:
    segment = reason.segment
    by = {"flow": "motion", "both": "motion and texture", "learned": "the learned rule"}.get(
        segment.source, words(segment.source)
    )
    return (
        f"{segment.length.capitalize()}-expression from {segment.onset_s:.2f} to {segment.offset_s:.2f} s, "
        f"apex at {segment.apex_s:.2f} s, found by {by}"
    )


def _silence(decision: Decision) -> str:
    strongest = decision.motion[0]
    if strongest.counts:
        faults = {"too_short": "did not last", "too_slow": "moved too slowly"}
        found = dict.fromkeys(faults[each.why] for each in decision.rejected if each.why in faults)
        return f"No segment: what moved far enough {' or '.join(found) or 'has no peak'}"
    return (
        f"No segment: the {words(strongest.curve)} moved most, {strongest.value:.2f} px, "
        f"and {strongest.threshold:.2f} px would count"
    )


def _motion(readings: Sequence[Reading], source: str, config: SegmentConfig) -> list[str]:
    threshold = readings[0].threshold
    share = f"{100 * config.repeat_fraction:.0f} % of the largest motion of this track"
    why = "the least that counts" if threshold == config.min_motion_px else share
    needed = f"{threshold:.2f} px needed, {why}"
    moved = [each for each in readings if each.counts]
    still = [each for each in readings if not each.counts]
    if not moved:
        return [f"No region moved far enough ({needed}): {_listed(still)}."]
    lead = "Moved" if source == "texture" else "Moved far enough"
    rest = f" Not far enough: {_listed(still)}." if still else ""
    return [f"{lead} ({needed}): {_listed(moved)}.{rest}"]


def _listed(readings: Sequence[Reading]) -> str:
    return ", ".join(f"{words(each.curve)} {each.value:.2f} px" for each in readings)


def _texture(reading: Reading, source: str, config: SegmentConfig) -> str:
    measured = f"{reading.value:.3f} against a threshold of {reading.threshold:.3f}"
    if source in {"texture", "both"}:
        return f"Texture changed by {measured}."
    said = "agrees" if reading.counts else "is silent"
    asked = "; it is asked only where motion finds nothing" if config.fusion == "fallback" and source else ""
    return f"Texture {said}: {measured}{asked}."


def _bound(bound: Bound, config: SegmentConfig, *, onset: bool) -> str:
    curve = words(bound.curve)
    share = f"{100 * config.apex_fraction:.0f} % of its way to the apex"
    verb = "rises above" if onset else "falls below"
    carried = ", carried on along its flank down to the foot" if config.flank == "tangent" else ""
    return {
        "level": f"where the motion of the {curve} {verb} {share}{carried}",
        "turn": f"where the {curve} {'stops turning' if onset else 'turns'} by more than "
        f"{config.max_turn_deg_s:.0f} degrees per second",
        "half": "at half the prominence of the peak of texture",
        "threshold": f"where the curve {verb} its threshold",
        "edge": f"with the track: the face is not seen {'before' if onset else 'after'}",
        "learned": "where the likeliest of several bounds lies",
        "cut": f"where the strongest {config.max_length_s:g} s do, the longest that a segment may be",
        "": "where the segments that were joined do",
    }[bound.stop]


def _turned_down(rejected: Rejected, config: SegmentConfig) -> str:
    if rejected.why == "improbable":
        return (
            f"A change in frames {rejected.onset} to {rejected.offset} is no segment: its probability is "
            f"{rejected.probability:.2f}."
        )
    by = "motion" if rejected.source == "flow" else rejected.source
    why = {
        "too_short": f"it lasts less than {config.min_length_s:g} s",
        "too_slow": f"it moves slower than {config.min_speed_px_s:g} px per second, as a drifting head does",
        "flow_speaks_first": "motion found a segment in this track, and texture is asked only where it finds none",
    }[rejected.why]
    return f"A change of {by} in frames {rejected.onset} to {rejected.offset} is no segment: {why}."
