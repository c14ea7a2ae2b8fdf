"""Angles of motion, eq. (20) of [1]_.

Belongs here: the angle of a displacement and differences of angles. Stays out: the displacement.

.. [1] Li, Zhou, Liu, Sun, Chen, Xue (2021). Traitement du Signal 38(2), doi:10.18280/ts.380213.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from apexline.features.backend import Array, namespace
from apexline.features.validation import one_of

AngleMode = Literal["atan2", "paper"]


_TURN = 2 * np.pi


def flow_angle(drow: Array, dcol: Array, *, mode: AngleMode = "atan2") -> Array:
    """Polar angle of displacements, eq. (20) of [1]_, with a = column (right) and b = row (down).

    Parameters
    ----------
    drow, dcol : array
        Displacements, px, of equal shape.
    mode : {"atan2", "paper"}
        ``atan2`` is the polar angle. ``paper`` prints arctan|b/a| plus the quadrant's start in all four
        quadrants, which mirrors the angle within quadrants 2 and 4.

    Returns
    -------
    array
        Angle, rad, 0 <= angle < 2 pi; zero where there is no displacement.

    Examples
    --------
    >>> import numpy as np
    >>> from apexline.features.flow import flow_angle
    >>> drow, dcol = np.array([0.0, 1.0, -1.0]), np.array([1.0, 0.0, 0.0])  # right, down, up
    >>> np.degrees(flow_angle(drow, dcol)).tolist()
    [0.0, 90.0, 270.0]
    """
    xp = namespace(drow, dcol)
    one_of("angle mode", mode, get_args(AngleMode))
    if mode == "atan2":
        angle = xp.atan2(drow, dcol)
        angle = xp.where(angle < 0, angle + _TURN, angle)
        # the smallest negative angles round up to a full turn
        return xp.where(angle >= _TURN, xp.zeros_like(angle), angle)
    within = xp.atan2(xp.abs(drow), xp.abs(dcol))
    zeros = xp.zeros_like(within)
    start = xp.where((dcol < 0) & (drow >= 0), zeros + np.pi / 2, zeros)
    start = xp.where((dcol < 0) & (drow < 0), zeros + np.pi, start)
    start = xp.where((dcol >= 0) & (drow < 0), zeros + 3 * np.pi / 2, start)
    angle = start + within
    return xp.where(angle >= _TURN, zeros, angle)


def wrap_angle(difference: Array) -> Array:
    """Angle differences brought to (-pi, pi], rad."""
    xp = namespace(difference)
    return difference - _TURN * xp.ceil((difference - np.pi) / _TURN)
