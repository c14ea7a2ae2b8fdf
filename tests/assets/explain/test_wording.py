"""What a person reads beside a clip: the words hold the very numbers that decided."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from apexline.assets.explain.wording import (
    explain_track,
    explain_unusable,
    frames_shown,
    in_words,
)
from apexline.features.spotting.config import SegmentConfig
from apexline.features.spotting.decisions import Decision, Reason, Rejected
from apexline.features.spotting.spans import Bound
from tests.assets.decided_track import CONFIG, TRACK, bump, decision, view


def said(found: Decision, **options: object) -> tuple[str, str]:
    config = replace(CONFIG, **options)  # type: ignore[arg-type]
    headline, grounds = in_words(found, found.reasons[0] if found.reasons else None, config)
    return headline, " ".join(grounds)


def test_a_segment_is_worded_with_regions_thresholds_texture_and_bounds(smile: Decision) -> None:
    headline, grounds = said(smile)
    segment = smile.reasons[0].segment
    assert headline == (
        f"{segment.length.capitalize()}-expression from {segment.onset_s:.2f} to {segment.offset_s:.2f} s, "
        "apex at 1.60 s, found by motion"
    )
    assert (
        "Moved far enough (1.00 px needed, 25 % of the largest motion of this track): left mouth 4.00 px."
        in grounds
    )
    assert "Not far enough: left brow 0.40 px." in grounds
    assert "Texture agrees: 0.200 against a threshold of" in grounds
    assert "begins where the motion of the left mouth rises above 25 % of its way to the apex" in grounds
    assert "ends where the motion of the left mouth falls below 25 %" in grounds


def test_a_track_without_a_segment_says_what_was_missing(nothing: Decision) -> None:
    headline, grounds = said(nothing)
    assert headline == "No segment: the left mouth moved most, 0.40 px, and 0.70 px would count"
    assert "No region moved far enough (0.70 px needed, the least that counts)" in grounds
    assert "Texture is silent: 0.000 against a threshold of 0.050." in grounds


def test_what_was_turned_down_is_worded() -> None:
    headline, grounds = said(decision(bump(38, 40, 42, 4.0), min_length_s=0.4), min_length_s=0.4)
    assert headline == "No segment: what moved far enough did not last"
    assert re.search(
        r"change of motion in frames 3\d to 4\d is no segment: it lasts less than 0.4 s\.", grounds
    )
    _, grounds = said(decision(bump(10, 20, 30, 4.0), bump(60, 70, 80, 0.2)))
    assert "A change of texture in frames 65 to 75 is no segment: motion found a segment" in grounds


def test_a_drifting_head_is_turned_down_for_its_slowness() -> None:
    slow = {"min_speed_px_s": 50.0}
    headline, grounds = said(decision(bump(10, 40, 70, 4.0), **slow), **slow)
    assert headline == "No segment: what moved far enough moved too slowly"
    assert "it moves slower than 50 px per second" in grounds


def test_a_segment_that_texture_found_says_so() -> None:
    headline, grounds = said(decision(bump(30, 40, 50, 0.4), bump(30, 40, 50, 0.2)))
    assert headline.endswith("found by texture")
    assert "Texture changed by 0.200" in grounds
    assert "begins at half the prominence" in grounds


def test_frames_that_could_not_be_used_are_counted() -> None:
    track = explain_unusable(TRACK, {"": 1, "blurred": 30, "too_small": 9})
    assert track.headline == "no segment: too few usable frames; in 30 of 40 the face was blurred"
    assert track.curves is None
    assert explain_unusable(TRACK, {"": 1}).headline == "no segment: 1 usable frame, too few for a curve"


def test_without_a_segment_the_calmest_and_the_liveliest_face_are_shown(
    nothing: Decision, crops: dict[tuple[str, int], np.ndarray]
) -> None:
    assert [frame for _, frame in frames_shown(nothing, None)] == [0, 40]
    (explanation,) = explain_track(TRACK, view(nothing), crops).explanations
    assert explanation.segment_id == ""
    assert len(explanation.figure.axes) == 3
    assert not explanation.figure.axes[1].texts  # nothing moved far enough: no arrow


def learned(smile: Decision, *, found: bool, rejected: tuple[Rejected, ...] = ()) -> tuple[str, str]:
    """Say a decision of the learned rule: the reason of the hand-made one with a probability."""
    (reason,) = smile.reasons
    segment = replace(reason.segment, source="learned")
    reasons = (Reason(segment, reason.motion, reason.texture, Bound("learned"), Bound("edge"), 0.83),)
    decided = replace(smile, reasons=reasons if found else (), rejected=rejected)
    headline, grounds = in_words(decided, reasons[0] if found else None, SegmentConfig())
    return headline, " ".join(grounds)


IMPROBABLE = Rejected(70, 80, "learned", "improbable", 0.31)


def test_a_learned_segment_is_worded_with_its_probability_and_what_the_curves_show(smile: Decision) -> None:
    headline, grounds = learned(smile, found=True, rejected=(IMPROBABLE,))
    assert headline.endswith("apex at 1.60 s, found by the learned rule")
    assert "this is an expression with a probability of 0.83 (0.50 needed)." in grounds
    assert "What the hand-made curves show beside it: left mouth 4.00 px" in grounds
    assert "texture 0.200, where " in grounds
    assert "It begins where the likeliest of several bounds lies." in grounds
    assert "It ends with the track: the face is not seen after." in grounds
    assert "A change in frames 70 to 80 is no segment: its probability is 0.31." in grounds


def test_without_a_learned_segment_the_likeliest_change_is_told(smile: Decision) -> None:
    headline, grounds = learned(
        smile, found=False, rejected=(IMPROBABLE, replace(IMPROBABLE, probability=0.2))
    )
    assert headline == "No segment: the likeliest change has a probability of 0.31, and 0.50 would count"
    assert "its probability is 0.20." in grounds
    headline, _ = learned(smile, found=False)
    assert headline == "No segment: the likeliest change has a probability of 0.00, and 0.50 would count"
