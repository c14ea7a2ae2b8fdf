"""Where the face is at rest."""

import numpy as np

from apexline.features.spotting.rest import rest_state
from tests.features.spotting.bumps import FPS


def test_rest_is_where_the_face_dwells(rng):
    """The track begins in a smile of (3, -2) px against its reference; the face rests for the other 80 %."""
    displacement = rng.normal(0, 0.05, (100, 2)) + [3.0, -2.0]
    displacement[:20] -= [3.0, -2.0]
    times = np.arange(100) / FPS
    rest = rest_state(displacement, times, window_s=12.0)
    np.testing.assert_allclose(rest, np.tile([3.0, -2.0], (100, 1)), atol=0.1)


def test_a_long_smile_is_not_taken_for_rest(rng):
    """Calm for a quarter of the track, then a steady smile: what the track begins with is preferred."""
    displacement = rng.normal(0, 0.05, (100, 2))
    displacement[25:] += [0.0, 4.0]
    rest = rest_state(displacement, np.arange(100) / FPS, window_s=12.0)
    np.testing.assert_allclose(rest, 0.0, atol=0.1)


def test_rest_is_where_a_short_track_begins_and_ends(rng):
    """A tenth of calm, a smile that fills nearly all of the track, and calm again, half a pixel away."""
    displacement = rng.normal(0, 0.05, (100, 2))
    displacement[10:85] += [3.0, -2.0]
    displacement[85:] += [0.5, 0.0]
    times = np.arange(100) / FPS
    assert np.abs(rest_state(displacement, times, window_s=12.0)).max() < 0.6
    # a track that does not come back may as well have begun in an expression
    displacement[85:] += [3.0, -2.0]
    assert np.abs(rest_state(displacement, times, window_s=12.0) - [3.0, -2.0]).max() < 0.6


def test_rest_follows_drift(rng):
    times = np.arange(1500) / FPS
    drift = np.outer(times, [0.05, 0.0])
    rest = rest_state(drift + rng.normal(0, 0.02, (1500, 2)), times, window_s=6.0)
    assert np.abs(rest - drift)[75:-75].max() < 0.2
