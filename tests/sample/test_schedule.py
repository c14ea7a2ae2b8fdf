"""When an expression begins, peaks and ends."""

import pytest

from apexline.sample.schedule import Episode


def test_episode_hand_worked():
    episode = Episode("happy", start=10, rise=10, hold=5, fall=10, peak=1.0)
    # Smoothstep 3s^2 - 2s^3: .028 at s = .1, .104 at .2, .5 at .5; 6 % are lost by the end of the hold.
    got = [episode.intensity(frame) for frame in (10, 11, 12, 15, 20, 25, 30, 34, 35)]
    assert got == pytest.approx([0, 0.028, 0.104, 0.5, 1.0, 0.94, 0.47, 0.94 * 0.028, 0])
    assert (episode.onset, episode.apex, episode.offset) == (12, 20, 33)


def test_calm_episode_has_no_intensity_and_spans_all_its_frames():
    episode = Episode("calm", start=3, rise=20, hold=0, fall=20, peak=0.0)
    assert (episode.onset, episode.apex, episode.offset) == (3, 23, 43)
    assert all(episode.intensity(frame) == 0 for frame in range(50))
