"""Candidates cover what changes, and their description has the columns that it names."""

from dataclasses import replace

import numpy as np
import pytest

from apexline.features.spotting.candidates import (
    Candidate,
    describe,
    description_names,
    find_candidates,
    held_frames,
)
from apexline.features.spotting.evidence import gather
from tests.features.spotting.bumps import FPS, bump
from tests.features.spotting.changes import smiling

EVIDENCE = gather(smiling())


def column(name, evidence, *candidates):
    return describe(evidence, list(candidates))[:, description_names(evidence).index(name)]


def test_a_smile_has_a_candidate_that_covers_it():
    found = find_candidates(EVIDENCE)
    assert found == sorted(set(found))
    best = max(
        found,
        key=lambda c: (min(c.offset, 100) - max(c.onset, 50)) / (max(c.offset, 100) - min(c.onset, 50)),
    )
    assert abs(best.onset - 50) <= 4
    assert abs(best.offset - 100) <= 4
    assert all(0 <= each.onset <= each.apex <= each.offset < 150 for each in found)


def test_flat_curves_have_none():
    assert find_candidates(gather(smiling(150, 0, 0))) == []


@pytest.mark.parametrize(("peak", "bound"), [(0, "onset"), (149, "offset")])
def test_a_peak_at_either_end_is_a_peak_too(peak, bound):
    motion = bump(150, peak - 20, peak, peak + 20, 3.0)
    found = find_candidates(replace(gather(smiling(150, 0, 0)), motion=motion))
    assert found
    assert {getattr(each, bound) for each in found} == {peak}
    assert {each.apex for each in found} == {peak}


def test_candidates_last_neither_too_short_nor_too_long():
    still = gather(smiling(750, 0, 0))
    blink = replace(still, motion=bump(750, 300, 301, 302, 3.0))
    assert all(each.offset - each.onset + 1 >= 0.08 * FPS for each in find_candidates(blink))
    # 24 s above every level, 12 s are the most
    held = replace(still, motion=np.where((np.arange(750) > 50) & (np.arange(750) < 650), 3.0, 0.0))
    assert all(each.offset - each.onset + 1 <= 12 * FPS for each in find_candidates(held))


def test_where_in_a_track_something_changes_does_not_matter():
    """The same movement early and late in a track of 30 s, further from its beginning than any may last."""
    still = gather(smiling(750, 0, 0))
    early, late = (
        find_candidates(replace(still, motion=bump(750, at, at + 11, at + 23, 2.9))) for at in (50, 650)
    )
    assert early
    assert [tuple(frame + 600 for frame in each) for each in early] == [tuple(each) for each in late]


def test_there_are_as_many_names_as_columns():
    names = description_names(EVIDENCE)
    assert len(set(names)) == len(names)
    described = describe(EVIDENCE, find_candidates(EVIDENCE))
    assert described.shape == (len(find_candidates(EVIDENCE)), len(names))
    assert np.isfinite(described).all()
    assert describe(EVIDENCE, []).shape == (0, len(names))


def test_columns_are_what_they_are_called():
    motion = np.zeros(150)
    motion[50:101] = 2.0
    motion[101:130] = 0.5
    made = replace(EVIDENCE, motion=motion)
    whole = Candidate(50, 75, 100)
    assert column("motion_top", made, whole) == 2.0
    assert column("motion_mean", made, whole) == 2.0
    assert column("motion_held", made, whole) == 1.0
    assert column("motion_over_higher_side", made, whole) == pytest.approx(1.5)
    assert column("motion_over_lower_side", made, whole) == pytest.approx(2.0)
    assert column("motion_of_largest", made, Candidate(105, 110, 120)) == pytest.approx(0.25, abs=1e-5)
    assert column("log_length", made, whole) == pytest.approx(np.log(51 / FPS))
    assert column("rise_s", made, whole) == column("fall_s", made, whole) == 1.0
    assert column("track_s", made, whole) == 6.0
    assert column("module_2", made, whole) == pytest.approx(3.0, rel=1e-2)
    assert column("module_0", made, whole) == 0.0


def test_speech_and_unrest_are_read_within_about_and_over_the_track():
    speech, unrest = np.zeros(150), np.full(150, 0.5)
    speech[60:71], unrest[:10] = 2.0, 0.9
    made = replace(EVIDENCE, speech=speech, unrest=unrest)
    inside, last = Candidate(60, 65, 70), Candidate(140, 145, 149)
    assert column("speech_within", made, inside, last).tolist() == [2.0, 0.0]
    # 1.5 s, 38 frames, on either side; beyond the last frame there is nothing to count
    assert column("speech_about", made, inside, last) == pytest.approx([2.0 * 11 / 87, 0.0])
    assert column("unrest_within", made, inside, Candidate(5, 7, 14)) == pytest.approx([0.5, 0.7])
    assert column("unrest_about", made, Candidate(5, 7, 14)) == pytest.approx((10 * 0.9 + 43 * 0.5) / 53)
    assert column("track_speech", made, inside, last).tolist() == [0.0, 0.0]
    assert column("track_unrest", made, inside, last).tolist() == [0.5, 0.5]


def test_surroundings_are_the_frames_beside_and_the_track():
    texture = np.zeros(150)
    texture[40:50], texture[50:61], texture[61:71] = 0.1, 0.5, 0.3
    made = replace(EVIDENCE, texture=texture)
    whole = Candidate(50, 55, 60)
    # .4 s, ten frames, on either side
    assert column("texture_over_higher_side", made, whole) == pytest.approx(0.5 - 0.3)
    assert column("texture_over_lower_side", made, whole) == pytest.approx(0.5 - 0.1)
    usual = np.median(texture) + 0.3 * texture.std() + 1e-3
    assert column("texture_over_track", made, whole) == pytest.approx(0.5 / usual)
    assert column("texture_mean", made, Candidate(45, 55, 60)) == pytest.approx((5 * 0.1 + 11 * 0.5) / 16)
    # of those sixteen frames eleven have four fifths of the largest
    assert column("texture_held", made, Candidate(45, 55, 60)) == pytest.approx(11 / 16)


def test_at_the_ends_the_candidate_is_its_own_surrounding():
    made = replace(EVIDENCE, motion=np.full(150, 2.0))
    ends = (Candidate(0, 10, 20), Candidate(130, 140, 149))
    assert column("motion_over_higher_side", made, *ends).tolist() == [0.0, 0.0]
    assert column("at_start", made, *ends).tolist() == [1.0, 0.0]
    assert column("at_end", made, *ends).tolist() == [0.0, 1.0]


def test_held_frames_leave_out_rise_and_fall():
    held = held_frames(EVIDENCE, 50, 100)
    assert held[0] in range(54, 60)
    assert held[-1] in range(91, 97)
    assert (np.diff(held) == 1).all()
