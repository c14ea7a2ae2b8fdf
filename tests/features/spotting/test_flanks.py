"""How far a segment grows from its apex, eq. (23)."""

import numpy as np

from apexline.features.spotting.flanks import grow_from_apex, relative_height, stop_reasons
from tests.reference import flow as slow


def test_growth_by_hand():
    """Apex 10 px: frames above 3 px belong to it, the dip to 2 px on the left ends it."""
    module = np.array([9.0, 2.0, 4.0, 8.0, 10.0, 7.0, 3.1, 3.0, 6.0])
    still = np.zeros(9)
    assert grow_from_apex(module, still, 4, apex_fraction=0.3, max_turn=0.5) == (2, 6)
    assert grow_from_apex(module, still, 4, apex_fraction=0.0, max_turn=0.5) == (0, 8)
    assert grow_from_apex(module, still, 4, apex_fraction=0.75, max_turn=0.5) == (3, 4)


def test_growth_stops_where_the_motion_turns():
    module = np.full(9, 5.0)
    angle = np.array([0.0, 0.0, 2.0, 2.0, 2.2, 2.3, 2.4, 0.0, 0.0])
    assert grow_from_apex(module, angle, 4, apex_fraction=0.3, max_turn=0.5) == (2, 6)


def test_growth_crosses_the_seam_of_angles():
    angle = np.array([6.2, 0.1, 6.2, 0.1])
    assert grow_from_apex(np.ones(4), angle, 1, apex_fraction=0.3, max_turn=0.5) == (0, 3)


def test_growth_as_printed_stops_at_the_seam_of_angles():
    angle = np.array([6.0, 6.2, 0.1, 0.2, 0.1])
    grown = grow_from_apex(np.ones(5), angle, 3, apex_fraction=0.3, max_turn=0.5, turn="printed")
    assert grown == (2, 4)


def test_why_growth_stopped():
    module = np.array([9.0, 2.0, 4.0, 10.0, 7.0, 3.0])
    assert stop_reasons(module, 2, 3, 4, apex_fraction=0.3) == ("level", "level")
    assert stop_reasons(module, 1, 3, 3, apex_fraction=0.3) == ("turn", "turn")
    assert stop_reasons(module, 0, 3, 5, apex_fraction=0.3) == ("edge", "edge")


def test_heights_count_from_the_foot_of_their_own_side_and_from_no_more_than_half_the_apex():
    module = np.array([3.0, 1.0, 5.0, 9.0, 7.0, 8.0])
    # from 1 px before the apex, and after it, where the module falls to no less than 7, from half of 9 px
    expected = [2 / 8, 0, 4 / 8, 1, 2.5 / 4.5, 3.5 / 4.5]
    np.testing.assert_allclose(relative_height(module, 3), expected)


def test_growth_equals_slow_loops(rng):
    for _ in range(50):
        module = rng.uniform(0, 1, 30)
        angle = np.cumsum(rng.normal(0, 0.5, 30)) % (2 * np.pi)
        apex = int(rng.integers(30))
        expected = slow.grow_from_apex(module, angle, apex, 0.3, 0.8)
        assert grow_from_apex(module, angle, apex, apex_fraction=0.3, max_turn=0.8) == expected
