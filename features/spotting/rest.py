"""The rest state of a face: the displacement at which it dwells.

Belongs here: rest from displacements. Stays out: segments of what departs from it (``segments``).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


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
