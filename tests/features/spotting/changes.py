"""Made curves of a face that is calm, smiles once and is calm again."""

import numpy as np

from apexline.features.expression import LABELS_WORDS, RATERS_WORDS
from apexline.features.spotting.config import SegmentConfig
from apexline.features.spotting.curves import TrackCurves
from tests.features.spotting.bumps import FPS

HAPPY, CALM = RATERS_WORDS.index("happiness"), RATERS_WORDS.index("neutral")
NUM_WORDS = len(RATERS_WORDS) + len(LABELS_WORDS)


def plateau(length, onset, offset, *, ramp=8):
    """0 to 1 over the `ramp` frames after the onset, and back over as many before the offset."""
    return np.interp(np.arange(length), [onset, onset + ramp, offset - ramp, offset], [0.0, 1.0, 1.0, 0.0])


def smiling(length=150, onset=50, offset=100, *, first=0):
    """Words, motion of the mouth and texture of one smile; still faces where the span is empty."""
    shape = plateau(length, onset, offset) if offset > onset else np.zeros(length)
    words = np.zeros((length, NUM_WORDS))
    words[:, CALM] = 3.0 - 3.0 * shape
    words[:, HAPPY] = 4.0 * shape
    displacement = np.zeros((length, len(SegmentConfig.regions), 2))
    displacement[:, SegmentConfig.regions.index("left_mouth"), 0] = -3.0 * shape
    frames = np.arange(first, first + length)
    return TrackCurves(frames, frames / FPS, displacement, 0.2 * shape, words)
