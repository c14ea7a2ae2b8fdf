"""What counts as found, missed, misplaced or a false alarm, and what the rows say of it."""

import math

import pytest

from apexline.bench.line.clips import Distractor, Truth
from apexline.bench.line.measure import (
    Tally,
    alarm_rows,
    calibration_error,
    loss_of_f1,
    loss_row,
    naming_row,
    naming_rows,
    poisson_interval,
    spotting_row,
    tally,
    version_row,
)
from tests.bench.line.made_faces import NUM_FRAMES, find, make_face
from tests.features.spotting.bumps import FPS

SMILE = Truth(20, 30, 39, "happy")


def test_the_larger_overlap_is_matched_and_no_segment_serves_twice():
    near, exact = find(22, 41), find(20, 39)
    counted = tally(make_face(truth=[SMILE]), [near, exact])
    assert counted.pairs == [(SMILE, exact)]
    assert (counted.missed, counted.misplaced, counted.alarms) == ([], 1, [])
    first, second = Truth(10, 15, 19, "happy"), Truth(12, 16, 23, "angry")
    counted = tally(make_face(truth=[first, second]), [find(12, 22)])
    assert counted.pairs == [(second, find(12, 22))]
    assert counted.missed == [first]


@pytest.mark.parametrize(("offset", "matched"), [(29, True), (28, False)])
def test_half_an_overlap_is_enough(offset, matched):
    counted = tally(make_face(truth=[SMILE]), [find(20, offset)])
    assert bool(counted.pairs) == matched
    assert (len(counted.missed), counted.misplaced) == ((0, 0) if matched else (1, 1))


@pytest.mark.parametrize(
    ("found", "misplaced"),
    # of ten frames three lie on a change, or two
    [(find(37, 46), 1), (find(38, 47), 0)],
)
def test_wrong_bounds_are_no_false_alarm(found, misplaced):
    counted = tally(make_face(truth=[SMILE]), [found])
    assert counted.misplaced == misplaced
    assert counted.alarms == ["unmarked"] * (1 - misplaced)
    assert counted.wrong == 1


@pytest.mark.parametrize("kind", ["ignore", "noface"])
def test_what_is_found_in_undecided_spans_never_counts(kind):
    face = make_face(distractors=[Distractor(kind, 60, 79)])
    counted = tally(face, [find(60, 79), find(75, 84), find(76, 85)])
    assert counted.wrong == len(counted.alarms) == 1
    assert counted.rest_s == pytest.approx((NUM_FRAMES - 20) / FPS)
    assert counted.seconds == {}


def test_rest_is_where_the_face_is_seen_and_shows_nothing():
    distractors = [Distractor("talk", 30, 59), Distractor("ignore", 50, 54)]
    counted = tally(make_face(truth=[SMILE], distractors=distractors, seen=range(10, 70)), [])
    assert counted.rest_s == pytest.approx((60 - 20 - 5) / FPS)
    assert counted.seconds == {"talk": pytest.approx((30 - 10 - 5) / FPS)}
    assert counted.missed == [SMILE]


@pytest.mark.parametrize(
    ("kinds", "blamed"),
    [
        (["blink", "neutral"], "neutral"),
        (["talk", "neutral", "blink"], "talk"),
        (["talk", "gaze"], "gaze"),
        (["gaze", "light"], "light"),
        (["light", "occlusion"], "occlusion"),
        (["occlusion", "approach"], "approach"),
        (["talk", "approach", "headturn"], "headturn"),
        (["ignore"], "unmarked"),
    ],
)
def test_the_strongest_distractor_is_blamed(kinds, blamed):
    face = make_face(distractors=[Distractor(kind, 70, 71) for kind in kinds])
    assert tally(face, [find(60, 80)]).alarms == [blamed]


@pytest.mark.parametrize(
    ("apex", "blamed"), [(86, "unmarked"), (87, "talk"), (103, "talk"), (104, "unmarked")]
)
def test_blame_reaches_three_frames_beyond_a_distractor(apex, blamed):
    face = make_face(distractors=[Distractor("talk", 90, 100)])
    assert tally(face, [find(apex - 4, apex + 4)]).alarms == [blamed]


def test_spotting_row_counts_changes_alarms_and_minutes():
    hit = tally(make_face("a", truth=[SMILE]), [find(20, 39), find(100, 120)])
    miss = tally(make_face("b", truth=[SMILE, Truth(60, 62, 70, "scared")]), [])
    row = spotting_row("real", [hit, miss])
    assert (row["on"], row["changes"], row["false alarms"]) == ("real", 3, 1)
    assert row["F1"] == pytest.approx(2 * 1 / (2 * 1 + 2 + 1))
    minutes = (130 + 119) / FPS / 60
    assert row["minutes of rest"] == pytest.approx(minutes)
    assert row["a minute"] == pytest.approx(1 / minutes)
    low, high = poisson_interval(1)
    assert row["a minute 95 %"] == f"{low / minutes:.2f}..{high / minutes:.2f}"
    # of two people one is always found, the other never
    assert row["F1 95 %"] == "0.00..0.67"


def test_nothing_at_rest_gives_no_rate():
    row = spotting_row("real", [tally(make_face(seen=()), [find(5, 20)])])
    assert row["false alarms"] == 1
    assert math.isnan(row["a minute"])
    assert row["a minute 95 %"] == ""


@pytest.mark.parametrize(("offset", "micro"), [(32, True), (33, False)])
def test_micro_lasts_half_a_second_at_most(offset, micro):
    # 12 frames at 25 a second last .48 s
    face = make_face(truth=[Truth(20, 25, offset, "happy"), Truth(100, 103, 105, "happy")])
    row = spotting_row("real", [tally(face, [find(20, offset)])])
    assert (row["recall, micro"], row["recall, macro"]) == (("1/2", "0/0") if micro else ("0/1", "1/1"))


def test_cut_truths_leave_the_error_of_the_end_that_is_cut_out():
    truth = [
        Truth(20, 30, 40, "happy"),
        Truth(60, 70, 80, "happy", cut_start=True),
        Truth(100, 110, 120, "happy", cut_end=True),
    ]
    found = [find(21, 41), find(65, 83), find(103, 129)]
    row = spotting_row("real", [tally(make_face(truth=truth), found)])
    assert row["recall, macro"] == "3/3"
    assert row["onset error (s)"] == pytest.approx(2 / FPS)  # median of 1 and 3
    assert row["offset error (s)"] == pytest.approx(2 / FPS)  # median of 1 and 3
    assert row["apex error (s)"] == pytest.approx(4 / FPS)  # median of 1, 4 and 6


def test_errors_of_nothing_found_are_unknown():
    row = spotting_row("real", [tally(make_face(truth=[Truth(20, 30, 40, "happy", cut_start=True)]), [])])
    assert all(math.isnan(row[f"{moment} error (s)"]) for moment in ("onset", "apex", "offset"))


def test_alarm_rows_give_each_distractor_its_minutes_also_where_it_deceived_nobody():
    talk, blink = Distractor("talk", 0, 74), Distractor("blink", 100, 101)
    counted = tally(make_face(distractors=[talk, blink]), [find(10, 40), find(120, 140)])
    low, high = poisson_interval(1)
    rows = {row["while"]: row for row in alarm_rows([counted, counted])}
    assert list(rows) == ["blink", "talk", "unmarked"]
    assert {kind: row["false alarms"] for kind, row in rows.items()} == {"blink": 0, "talk": 2, "unmarked": 2}
    assert rows["talk"]["minutes"] == pytest.approx(0.1)
    low, high = poisson_interval(2)
    assert rows["talk"]["a minute 95 %"] == f"{low * 10:.2f}..{high * 10:.2f}"
    assert (rows["unmarked"]["minutes"], rows["unmarked"]["a minute 95 %"]) == (0.0, "")


@pytest.mark.parametrize(("count", "low", "high"), [(0, 0.0, 3.69), (1, 0.025, 5.57), (6, 2.20, 13.06)])
def test_poisson_interval_is_the_exact_one(count, low, high):
    assert poisson_interval(count) == pytest.approx((low, high), abs=0.006)


def test_calibration_error_is_the_gap_between_sure_and_right():
    assert calibration_error([0.9] * 10, [True] * 9 + [False]) == pytest.approx(0.0)
    assert calibration_error([0.95, 0.95, 0.25, 0.25], [True, False, True, False]) == pytest.approx(0.35)
    # within a bin too sure and too unsure make up for each other, and 1 stands in the last bin
    assert calibration_error([0.92, 1.0], [False, True]) == pytest.approx(0.46)
    assert math.isnan(calibration_error([], []))


NAMED = Tally(
    "a",
    pairs=[
        (SMILE, find(20, 39, "happy")),
        (SMILE, find(20, 39, "other", sure=0.8)),
        (SMILE, find(20, 39, "happy", sure=0.3, answered=False)),
        (Truth(1, 2, 3, "angry"), find(1, 3, "angry")),
        (Truth(1, 2, 3, "other"), find(1, 3, "other")),
        (Truth(1, 2, 3, "other"), find(1, 3, "scared", sure=0.3, answered=False)),
        (Truth(1, 2, 3, "other"), find(1, 3, "happy")),
    ],
    missed=[SMILE],
    misplaced=1,
    alarms=["talk"],
)


def test_naming_rows_say_what_a_user_gets():
    rows = naming_rows([NAMED], "real")
    assert [row["shown"] for row in rows] == ["angry", "happy", "other"]
    cells = [
        [row[name] for name in ("found", "happy", "angry", "scared", "other", "abstained")] for row in rows
    ]
    assert cells == [[1, 0, 1, 0, 0, 0], [3, 1, 0, 0, 1, 1], [3, 1, 0, 0, 1, 1]]
    assert all("calm" not in row for row in rows)


def test_naming_row():
    row = naming_row("real", [NAMED])
    assert (row["on"], row["found"]) == ("real", 7)
    # three are named right: who abstains has named nothing; four are not, one is missed, two are no changes
    assert row["found and named, F1"] == pytest.approx(6 / (6 + (1 + 4) + (2 + 4)))
    assert row["right, mean over emotions"] == pytest.approx((1 + 1 / 3) / 2)
    assert row["right, of emotions"] == pytest.approx(2 / 4)
    assert row["other or abstained, of others"] == pytest.approx(2 / 3)
    assert row["abstained"] == pytest.approx(2 / 7)
    # of the sure 3 of 4 are right, the one of .8 is wrong, of the unsure half are right
    assert row["calibration error"] == pytest.approx((abs(3.6 - 3) + 0.8 + abs(0.6 - 1)) / 7)


def test_names_of_nothing_are_unknown():
    row = naming_row("morphed", [Tally("a", pairs=[(SMILE, find(20, 39))])])
    assert math.isnan(row["other or abstained, of others"])
    row = naming_row("morphed", [Tally("a")])
    assert (row["found"], row["found and named, F1"]) == (0, 0.0)
    assert sum(math.isnan(value) for value in row.values() if isinstance(value, float)) == 5


def test_a_fall_of_f1_is_paired_by_person():
    found, missed = Tally("a", pairs=[(SMILE, find(20, 39))]), Tally("b", missed=[SMILE])
    assert loss_of_f1([found, missed], [found, missed]) == "+0.000 (+0.00..+0.00)"
    neither = Tally("a", missed=[SMILE])
    # F1 of .667 is lost where only the first person's change was found
    assert loss_of_f1([found, missed], [neither, missed]).startswith("+0.667 (+0.00..+1.00")


def test_a_version_agrees_where_it_finds_the_same_at_its_own_pace():
    original = [[find(20, 39), find(60, 79)], []]
    thinned = [(2, [find(10, 19)]), (2, [])]
    row = version_row("real", original, {"same": [(1, each) for each in original], "thinned": thinned})
    # one of two is found again, nothing else is
    assert row == {"on": "real", "segments": 2, "same": 1.0, "thinned": pytest.approx(2 / 3)}
    elsewhere = version_row("real", original, {"other": [(1, [find(100, 110)]), (1, [])]})
    assert elsewhere["other"] == 0.0


def test_loss_row_follows_changes_to_their_names():
    seen = make_face(truth=[SMILE, Truth(60, 65, 69, "happy"), Truth(100, 105, 109, "angry")], seen=range(65))
    row = loss_row("real", [seen, make_face("b", truth=[SMILE])], [NAMED], 3)
    assert row == {
        "on": "real",
        "annotated": 4,
        "on a tracked face": 3,
        "among candidates": 3,
        "found": 7,
        "named right": 3,
    }
