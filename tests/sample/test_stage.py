"""A face before the camera."""

from dataclasses import replace

import numpy as np
import pytest

from apexline.sample.life import Event
from apexline.sample.plan import SampleConfig, plan_clip
from apexline.sample.stage import Sway


@pytest.fixture(scope="module")
def actor():
    [actor] = plan_clip([(0, ("happy",))], config=SampleConfig()).actors
    return replace(actor, blinks=(2,), events=(Event("talk", 5, (0.5,)), Event("gaze", 6, (-1.0,))))


def test_a_pose_holds_what_happens_at_its_frame(actor):
    [smile] = actor.episodes
    assert actor.pose(3).blink == 1.0
    assert (actor.pose(5).talk, actor.pose(5).gaze) == (0.5, 0.0)
    assert (actor.pose(6).talk, actor.pose(6).gaze) == (0.0, -1.0)
    assert actor.pose(smile.apex).happy == smile.peak
    assert actor.amount("turn", 5) == 0


def test_a_head_that_does_not_sway_stands_at_its_place():
    still = Sway((0.0, 0.0, 0.0, 0.0), (0.1, 0.2, 0.3, 0.4), 3.0)
    matrix = still.placement(1.7, (100.0, 50.0), (30.0, 40.0), 0.5)
    np.testing.assert_allclose(matrix @ (100.0, 50.0, 1.0), (30, 40))
    np.testing.assert_allclose(matrix[:, :2], 0.5 * np.eye(2), atol=1e-12)


def test_sway_by_hand():
    """A quarter period after phase 0 the amplitude in x is reached, while y runs 1.31 times as fast."""
    sway = Sway((2.0, 1.0, 0.0, 0.0), (0.0, 0.0, 0.0, 0.0), 4.0)
    found = sway.placement(1.0, (0.0, 0.0), (0.0, 0.0), 1.0)[:, 2]
    np.testing.assert_allclose(found, (2, np.sin(1.31 * np.pi / 2)))
