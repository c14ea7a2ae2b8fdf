"""The flanks of an expression in a curve: from its apex to where it begins and ends, eq. (23) of [1]_.

Belongs here: growing from an apex, the foot of a curve, the line through a flank, its speed. Stays out: which apexes
count and what becomes of a segment (``segments``).

.. [1] Li, Zhou, Liu, Sun, Chen, Xue (2021). Traitement du Signal 38(2), doi:10.18280/ts.380213.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from apexline.features.flow import wrap_angle
from apexline.features.spotting.config import Turn
from apexline.features.spotting.spans import Stop

# share of the apex up to which the line through a flank is taken: above it, curves round off
_FLANK_TOP = 0.8


def grow_from_apex(
    module: NDArray[np.float64],
    angle: NDArray[np.float64],
    apex: int,
    *,
    apex_fraction: float,
    max_turn: float,
    turn: Turn = "wrapped",
) -> tuple[int, int]:
    """Onset and offset about an apex, eq. (23) of [1]_.

    Parameters
    ----------
    module, angle : ndarray, shape (T,)
        Module (px) and polar angle (rad) of the smoothed motion of a region.
    apex : int
        Frame to grow from.
    apex_fraction : float
        M_T: frames count while their module exceeds this fraction of the apex's.
    max_turn : float
        gamma, rad: and while the direction turns by less than this from frame to frame.
    turn : {"wrapped", "printed"}
        See `SegmentConfig`.

    Returns
    -------
    onset, offset : int
        First and last frame, inclusive.
    """
    strong = module > apex_fraction * module[apex]
    turned = np.diff(angle)
    if turn == "wrapped":
        turned = wrap_angle(turned)
    steady = np.abs(turned) < max_turn
    onset = offset = apex
    while onset > 0 and strong[onset - 1] and steady[onset - 1]:
        onset -= 1
    while offset < module.size - 1 and strong[offset + 1] and steady[offset]:
        offset += 1
    return onset, offset


def stop_reasons(
    module: NDArray[np.float64], onset: int, apex: int, offset: int, *, apex_fraction: float
) -> tuple[Stop, Stop]:
    """Why `grow_from_apex` stopped at either end: ``level``, ``turn`` or the ``edge`` of the curve."""

    def stop(beyond: int) -> Stop:
        if not 0 <= beyond < module.size:
            return "edge"
        return "turn" if module[beyond] > apex_fraction * module[apex] else "level"

    return stop(onset - 1), stop(offset + 1)


def relative_height(module: NDArray[np.float64], apex: int) -> NDArray[np.float64]:
    """Share of the way from the lowest module on each side up to the apex, shape (T,); 1 at the apex.

    The head's drift lifts the foot of a curve by some tenths of a pixel. Measured from zero, as in eq. (23), a
    boundary then slides along the flat foot; measured from the foot it stays on the flank. The foot counts up to
    half the apex: an expression that lasts to the end of the track has none.
    """
    before, after = module[: apex + 1].min(), module[apex:].min()
    foot = np.minimum(np.where(np.arange(module.size) < apex, before, after), module[apex] / 2)
    return (module - foot) / np.maximum(module[apex] - foot, np.finfo(np.float64).tiny)


def extrapolate_to_foot(level: NDArray[np.float64], boundary: int, apex: int, *, apex_fraction: float) -> int:
    """Carry a boundary on to where the line through the flank meets the foot.

    A slow flank crosses a fraction of the apex long after it began, a quick one at once; the line from that fraction
    to four fifths of the apex says how long.

    Parameters
    ----------
    level : ndarray, shape (T,)
        Share of the way up to the apex, as `relative_height` gives it.
    boundary, apex : int
        Onset or offset as `grow_from_apex` found it with this fraction, and the apex.
    """
    toward = 1 if boundary <= apex else -1
    flank = level[boundary : apex + toward if apex + toward >= 0 else None : toward]
    above = int(np.argmax(flank >= _FLANK_TOP))
    if above == 0:
        return boundary
    climbed = above - (flank[above] - _FLANK_TOP) / (flank[above] - flank[above - 1])
    slope = (_FLANK_TOP - flank[0]) / climbed
    return int(np.clip(round(boundary - toward * flank[0] / slope), 0, level.size - 1))


def max_speed(module: NDArray[np.float64], *, fps: float) -> float:
    """Largest change of a module from frame to frame by time, px/s; 0 for a single frame."""
    return float(np.abs(np.diff(module)).max(initial=0.0)) * fps
