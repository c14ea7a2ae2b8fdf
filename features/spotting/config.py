"""Parameters of spotting, eq. (21)-(24) of [1]_.

Belongs here: `SegmentConfig` and the names of its choices. Stays out: what acts on it.

.. [1] Li, Zhou, Liu, Sun, Chen, Xue (2021). Traitement du Signal 38(2), doi:10.18280/ts.380213.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, NonNegativeFloat, PositiveFloat, model_validator
from pydantic.dataclasses import dataclass as pydantic_dataclass

from apexline.features.flow import AngleMode
from apexline.features.validation import Share, require

Rule = Literal["learned", "curves"]


Fusion = Literal["fallback", "or", "mean"]


Rest = Literal["none", "densest"]


Foot = Literal["zero", "lowest"]


Turn = Literal["wrapped", "printed"]


Flank = Literal["crossing", "tangent"]


TexturePeaks = Literal["prominence", "threshold"]


Regions = Annotated[tuple[str, ...], Field(min_length=1)]


@pydantic_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class SegmentConfig:
    """How segments are found; every limit in seconds is scaled by the real frame rate.

    Attributes
    ----------
    rule : {"learned", "curves"}
        ``learned``: possible changes of words, motion and texture, judged by a forest that was learned on clips of
        other people; ``curves``: eq. (21)-(24) with the parameters below, made by hand. Of these, ``learned`` reads
        `regions`, the rest and smoothing of motion, and `micro_s` alone.
    min_probability : float
        Least probability of a segment of the learned rule, above 0.
    regions : tuple of str
        Regions whose motion is searched.
    apex_fraction : float
        M_T of eq. (23): a segment lasts while its module exceeds this fraction of the apex's.
    foot : {"zero", "lowest"}
        Level above which that fraction is taken: no motion, as printed, or the lowest module on either side.
    max_turn_deg_s : float
        gamma of eq. (23): largest turn of the motion's direction from one frame to the next by the time between
        them, degrees per second; 45 degrees at 25 frames a second.
    turn : {"wrapped", "printed"}
        The turn between two angles: the shorter way around, or their plain difference, as printed in eq. (23), which
        takes the seam between a full turn and zero for a turn.
    apex_share : float
        The apex is the middle of the frames about the largest module that have this share of it; 1 is the largest
        itself, as printed.
    angle : {"atan2", "paper"}
        Angle of eq. (20), see `features.flow.polar.flow_angle`.
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

    rule: Rule = "learned"
    min_probability: Annotated[Share, Field(gt=0)] = 0.5
    regions: Regions = ("left_brow", "right_brow", "left_mouth", "right_mouth", "lips")
    apex_fraction: Share = 0.35
    foot: Foot = "lowest"
    max_turn_deg_s: PositiveFloat = 1125.0
    turn: Turn = "wrapped"
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
