"""What a frame's surroundings in time say about it: the curves of a track, seen through windows of several lengths.

Belongs here: numbers for a learned scorer of frames, and segments from such scores. Stays out: learning
(``frame_scorers``), the curves (``features.stored_rows``), segments by rules (``features.spotting``).

A frame's motion alone does not tell a slow drift of the head from an expression, nor the first frames of an
expression from rest; how the face moved shortly before and after does. All numbers are absolute: none is divided by
what the rest of the clip shows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, minimum_filter1d

from apexline.features.spotting import Span, true_spans

Floats = NDArray[np.float64]

# s to either side of a frame
WINDOWS_S = (0.12, 0.25, 0.5, 1.0)
_OF_FRAME = ("motion", "second region", "third region", "mean of regions", "texture")
_OF_WINDOW = (
    "largest motion",
    "motion above the lowest",
    "largest speed",
    "moved since",
    "moves until",
    "motion since",
    "motion until",
    "largest texture",
    "texture since",
    "texture until",
)
TEMPORAL_NAMES = (*_OF_FRAME, *(f"{name}, {window} s" for window in WINDOWS_S for name in _OF_WINDOW))


def temporal_features(displacement: Floats, texture: Floats, *, fps: float) -> Floats:
    """Numbers for each frame from its own and its neighbours' motion and texture.

    Parameters
    ----------
    displacement : ndarray, shape (T, R, 2), float64
        (row, col) displacement of R >= 3 regions from rest, px of the crop.
    texture : ndarray, shape (T,), float64
        Texture difference.
    fps : float
        Frames per second.

    Returns
    -------
    ndarray, shape (T, len(TEMPORAL_NAMES)), float64
        Motion in px, speed in px/s; beyond the ends the first or the last frame stands in.

    Raises
    ------
    ValueError
        If there are fewer than three regions.
    """
    if displacement.shape[1] < 3:
        message = f"there are {displacement.shape[1]} regions; expected at least 3 in segments.regions"
        raise ValueError(message)
    modules = np.hypot(displacement[..., 0], displacement[..., 1])
    ranked = np.sort(modules, axis=1)[:, ::-1]
    motion = ranked[:, 0]
    speed = np.abs(np.diff(motion, prepend=motion[0])) * fps
    columns = [motion, ranked[:, 1], ranked[:, 2], modules.mean(axis=1), texture]
    for window in WINDOWS_S:
        k = max(1, round(window * fps))
        size = 2 * k + 1
        columns += [
            maximum_filter1d(motion, size, mode="nearest"),
            motion - minimum_filter1d(motion, size, mode="nearest"),
            maximum_filter1d(speed, size, mode="nearest"),
            *(_travel(displacement - _shifted(displacement, by)) for by in (-k, k)),
            *(motion - _shifted(motion, by) for by in (-k, k)),
            maximum_filter1d(texture, size, mode="nearest"),
            *(texture - _shifted(texture, by) for by in (-k, k)),
        ]
    return np.stack(columns, axis=1)


def score_spans(scores: Floats, strength: Floats, *, high: float, low: float, gap: int) -> list[Span]:
    """Segments where a frame score is high, by hysteresis.

    Parameters
    ----------
    scores, strength : ndarray, shape (T,)
        Score of each frame, and the curve whose largest value in a segment is its apex.
    high, low : float
        A segment lasts while the score is at least `low`, and counts if it reaches `high` somewhere.
    gap : int
        Runs at most so many frames apart are one.

    Returns
    -------
    list of Span
        In order of time; their score is the largest of their frames.

    Raises
    ------
    ValueError
        If low exceeds high.
    """
    if low > high:
        message = f"low {low} exceeds high {high}; swap them"
        raise ValueError(message)
    spans: list[tuple[int, int]] = []
    for first, last in true_spans(scores >= low):
        if spans and first - spans[-1][1] - 1 <= gap:
            first = spans.pop()[0]
        spans.append((first, last))
    return [
        Span(
            first,
            first + int(np.argmax(strength[first : last + 1])),
            last,
            float(scores[first : last + 1].max()),
            "both",
        )
        for first, last in spans
        if scores[first : last + 1].max() >= high
    ]


def _shifted(values: Floats, by: int) -> Floats:
    """Values `by` frames later, the ends repeated."""
    last = values.shape[0] - 1
    return values[np.clip(np.arange(last + 1) + by, 0, last)]


def _travel(difference: Floats) -> Floats:
    return np.hypot(difference[..., 0], difference[..., 1]).max(axis=1)
