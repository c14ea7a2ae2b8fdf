"""What speaks for and against an expression at each frame: the curves that the learned rule reads.

Belongs here: curves relative to the face's own rest, of words, motion and texture, and how restless face and lips
are. Stays out: where changes may lie (``candidates``) and which of them count (``scorer``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from apexline.features.expression import RATERS_WORDS
from apexline.features.spotting.curves import TrackCurves, smooth
from apexline.features.spotting.rest import rest_state

Floats = NDArray[np.float64]

# Smoothing of words, s; the window in which unrest is measured, s; what is faster than the latter is unrest, s.
_SMOOTH_S, _UNREST_WINDOW_S, _SLOW_S = 0.2, 1.0, 0.6
# Rest is the mean over this share of a stretch's frames, those that look calmest.
_CALMEST = 0.15
_REST_WINDOW_S = 12.0
_CALM = RATERS_WORDS.index("neutral")


@dataclass(frozen=True)
class Evidence:
    """Curves of one stretch of a track, each of shape (T,) where not said otherwise.

    Attributes
    ----------
    fps : float
        Frames per second.
    words : ndarray, shape (T, W)
        Logits of the raters' words, smoothed, their mean taken away: FER2013's own labels waver from frame to frame.
    at_rest : ndarray, bool
        Frames in which the face looks calmest.
    rest : ndarray, shape (W,)
        Mean of `words` in those.
    change : ndarray
        Distance of the words from rest.
    calm_loss : ndarray
        By how much less calm the face looks than at its calmest, log odds.
    departure : ndarray
        Distance of the words from the state in which they dwell (`rest_state`).
    motion, texture : ndarray
        As in `TrackCurves`.
    modules : ndarray, shape (T, R)
        Module of each region, px of the crop.
    speech : ndarray
        How restless the lips are about a frame, px of the crop.
    unrest : ndarray
        How restless the words are about a frame.
    """

    fps: float
    words: Floats
    at_rest: NDArray[np.bool_]
    rest: Floats
    change: Floats
    calm_loss: Floats
    departure: Floats
    motion: Floats
    texture: Floats
    modules: Floats
    speech: Floats
    unrest: Floats


def gather(curves: TrackCurves) -> Evidence:
    """Return the evidence of a stretch.

    Raises
    ------
    ValueError
        If the curves hold no words.
    """
    if curves.words is None:
        message = "the curves hold no words, which the learned rule reads; re-materialise expression_features"
        raise ValueError(message)
    fps = curves.fps
    logits = curves.words[:, : len(RATERS_WORDS)]
    centred = logits - logits.mean(axis=1, keepdims=True)
    words = _smooth(centred, fps, _SMOOTH_S)
    calm = _smooth(calm_log_odds(logits), fps, _SMOOTH_S)
    at_rest = calm >= np.quantile(calm, 1 - _CALMEST)
    rest = words[at_rest].mean(axis=0)
    dwelling = rest_state(words, curves.times, window_s=_REST_WINDOW_S)
    lips = curves.displacement[:, -1, 0]
    return Evidence(
        fps=fps,
        words=words,
        at_rest=at_rest,
        rest=rest,
        change=np.linalg.norm(words - rest, axis=1),
        calm_loss=np.maximum(np.quantile(calm, 0.9) - calm, 0.0),
        departure=np.linalg.norm(words - dwelling, axis=1),
        motion=curves.motion,
        texture=curves.texture,
        modules=curves.modules,
        speech=_unrest(lips[:, None], fps),
        unrest=_unrest(centred, fps),
    )


def calm_log_odds(logits: Floats) -> Floats:
    """Log odds of the word for a calm face, shape (T,), of logits of the raters' words, shape (T, W)."""
    return logits[:, _CALM] - logsumexp(np.delete(logits, _CALM, axis=1), axis=1)


def _smooth(curve: Floats, fps: float, window_s: float) -> Floats:
    return smooth(curve, window=2 * round((window_s * fps - 1) / 2) + 1)


def _unrest(curve: Floats, fps: float) -> Floats:
    """Root mean square about a frame of what is faster than an expression, of curves of shape (T, K)."""
    fast = np.square(curve - _smooth(curve, fps, _SLOW_S)).sum(axis=1)
    window = min(max(1, round(_UNREST_WINDOW_S * fps)), fast.size)
    return np.sqrt(np.convolve(fast, np.full(window, 1 / window), mode="same"))
