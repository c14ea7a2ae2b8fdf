"""Peaks of a curve, their feet and their widths, with the bits that ``scipy.signal`` gives.

Belongs here: the two of its functions that segments are found with. Importing ``scipy.signal`` for them would take more
than a second of every start: SciPy 1.17 parses its docstrings.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Frames that are looked at first for a higher value than a peak's.
_NEAR = 64


def find_peaks(curve: Floats, *, height: float, prominence: float = 0.0) -> NDArray[np.intp]:
    """Return the frames of peaks, as ``scipy.signal.find_peaks`` does; of a plateau its middle.

    Parameters
    ----------
    curve : ndarray, shape (T,)
    height, prominence : float
        The least of each that counts.
    """
    starts = np.flatnonzero(np.diff(curve, prepend=np.nan) != 0)  # of stretches of one value
    ends = np.append(starts[1:], curve.size) - 1
    rising = np.diff(curve[starts]) > 0
    top = np.append(False, rising) & np.append(~rising, False) & (curve[starts] >= height)
    peaks = (starts[top] + ends[top]) // 2
    prominent = [curve[peak] - curve[list(_feet(curve, peak))].max() >= prominence for peak in peaks.tolist()]
    return peaks[np.array(prominent, np.bool_)]


def peak_widths(curve: Floats, peaks: NDArray[np.intp], *, rel_height: float) -> tuple[Floats, Floats]:
    """Return where a curve crosses a level on both sides of its peaks, as ``scipy.signal.peak_widths`` does.

    Parameters
    ----------
    curve : ndarray, shape (T,)
    peaks : ndarray, shape (P,)
        As `find_peaks` gives them.
    rel_height : float
        How far below the peak the level lies, as a share of its prominence.

    Returns
    -------
    left, right : ndarray, shape (P,)
        Frames, interpolated.
    """
    crossings = np.array([_crossings(curve, peak, rel_height) for peak in peaks.tolist()], np.float64)
    left, right = crossings.reshape(-1, 2).T
    return left, right


def _crossings(curve: Floats, peak: int, rel_height: float) -> tuple[float, float]:
    first, last = _feet(curve, peak)
    level = curve[peak] - (curve[peak] - max(curve[first], curve[last])) * rel_height
    left = first + max(np.flatnonzero(curve[first:peak] <= level).tolist(), default=0)
    right = last - max(np.flatnonzero(curve[last:peak:-1] <= level).tolist(), default=0)
    return (
        left + ((level - curve[left]) / (curve[left + 1] - curve[left]) if curve[left] < level else 0),
        right - ((level - curve[right]) / (curve[right - 1] - curve[right]) if curve[right] < level else 0),
    )


def _feet(curve: Floats, peak: int) -> tuple[int, int]:
    """Return the lowest frames on both sides of a peak, up to where the curve is higher; the nearest of equals."""
    left, right = _until_higher(curve[peak::-1]), _until_higher(curve[peak:])
    return peak - int(np.argmin(left)), peak + int(np.argmin(right))


def _until_higher(curve: Floats) -> Floats:
    """Return a curve as far as it is nowhere higher than where it begins."""
    # Further and further: most peaks have a higher one near, and a curve may be hours long.
    reach = _NEAR
    while True:
        higher = np.flatnonzero(curve[:reach] > curve[0])
        if higher.size or reach >= curve.size:
            return curve[: int(higher[0])] if higher.size else curve
        reach *= 4
