"""Every check both ways: one input that passes, one that fails."""

import math

import dagster as dg
import pyarrow as pa
import pytest

from apexline.assets import checks


def manifest(**changes):
    row = {"clip_id": "ab12", "sha256": "ab12ff", "purpose": "p", "legal_basis": "l", "num_frames": 3}
    return pa.Table.from_pylist([row | changes])


def segments(*spans):
    return pa.Table.from_pylist(
        [
            {"track_id": "t", "segment_id": f"t-{on}", "onset": on, "apex": apex, "offset": off}
            for on, apex, off in spans
        ]
    )


def training(*rows):
    return pa.Table.from_pylist([dict(zip(("subject", "fold", "emotion"), row, strict=True)) for row in rows])


FULL = [(f"{fold}-{e}", fold, e) for fold in ("train", "valid", "test") for e in ("happy", "calm")]


def decision(**changes):
    row = {
        "model_version": 2,
        "incumbent_version": 1,
        "promoted": True,
        "approved_by": "ada",
        "difference_low": 0.01,
    }
    return pa.Table.from_pylist([row | changes])


def shift(**changes):
    return [{"camera": "gate-01", "segments": 20, "changed": 0.0, **changes}]


def scores(total, other=None):
    row = {"segment_id": "s", "p_happy": total - 0.3, "p_angry": 0.1, "p_calm": 0.1, "p_scared": 0.1}
    return pa.table(pa.Table.from_pylist([row]).to_pydict() | {"p_other": pa.array([other], pa.float32())})


def ratings(*rows):
    return pa.Table.from_pylist([{"pair": pair, "level": level} for pair, level in rows])


PAGE = "Table 2 Table 3 synthetic"
CHANCE = {"pleasure": 0.5}
GOOD_LOADINGS = [[0.9, 0.1, 0.0], [0.1, 0.8, 0.1], [0.0, 0.1, 0.7]]
CASES = {
    "purpose given": (lambda: checks.every_clip_may_be_processed(manifest()), True),
    "purpose missing": (lambda: checks.every_clip_may_be_processed(manifest(purpose="")), False),
    "hash differs": (lambda: checks.every_clip_may_be_processed(manifest(sha256="ff")), False),
    "no clip failed": (lambda: checks.no_clip_failed([]), True),
    "a clip failed": (lambda: checks.no_clip_failed(["a: ValueError: x"]), False),
    "no frame lost": (lambda: checks.every_frame_decodes({}, frames_lost=0), True),
    "frames lost": (
        lambda: checks.every_frame_decodes({("2026-03-02_gate-03", "a"): "3 of 9 frames"}, frames_lost=3),
        False,
    ),
    "faces kept": (lambda: checks.faces_are_usable(pa.table({"kept": [True, True, False]})), True),
    "no faces": (lambda: checks.faces_are_usable(pa.table({"kept": pa.array([], pa.bool_())})), True),
    "faces dropped": (lambda: checks.faces_are_usable(pa.table({"kept": [False] * 9 + [True]})), False),
    "a clip can't be searched": (
        lambda: checks.faces_are_usable(pa.table({"kept": [True]}), ["a of d: too dark to find faces"]),
        False,
    ),
    "finite": (lambda: checks.is_finite("n", pa.table({"x": [1.0, 2.0]}), "x"), True),
    "finite lists": (lambda: checks.is_finite("n", pa.table({"x": [[1.0, 2.0], [3.0]]}), "x"), True),
    "lists not finite": (lambda: checks.is_finite("n", pa.table({"x": [[1.0], [math.nan]]}), "x"), False),
    "not finite": (lambda: checks.is_finite("n", pa.table({"x": [1.0, math.nan]}), "x"), False),
    "ordered": (lambda: checks.segments_are_ordered(segments((1, 3, 5), (6, 7, 9))), True),
    "disordered": (lambda: checks.segments_are_ordered(segments((4, 3, 5))), False),
    "overlapping": (lambda: checks.segments_are_ordered(segments((1, 3, 6), (6, 7, 9))), False),
    "all rated": (lambda: checks.ratings_are_complete(ratings(("p1", 1), ("p2", 5)), ["p1", "p2"]), True),
    "pair unrated": (lambda: checks.ratings_are_complete(ratings(("p1", 1)), ["p1", "p2"]), False),
    "level 6": (lambda: checks.ratings_are_complete(ratings(("p1", 6)), ["p1"]), False),
    "file unread": (
        lambda: checks.ratings_are_complete(ratings(("p1", 1)), ["p1"], {"x.csv": "no table"}),
        False,
    ),
    "sound": (lambda: checks.new_ratings_are_sound([]), True),
    "one rater": (lambda: checks.new_ratings_are_sound(["saw 1 rater"]), False),
    "space": (lambda: checks.space_is_not_degenerate(GOOD_LOADINGS, {"pleasure": 0.96}, CHANCE), True),
    "empty axis": (
        lambda: checks.space_is_not_degenerate([[0.9, 0.1], [0.8, 0.0]], {"pleasure": 0.96}, CHANCE),
        False,
    ),
    "pleasure lost": (
        lambda: checks.space_is_not_degenerate(GOOD_LOADINGS, {"pleasure": 0.4}, CHANCE),
        False,
    ),
    "unsupported pleasure is named elsewhere": (
        lambda: checks.space_is_not_degenerate(GOOD_LOADINGS, {"pleasure": 0.7}, CHANCE),
        True,
    ),
    "factors without names": (
        lambda: checks.space_is_not_degenerate(GOOD_LOADINGS, {"factor_1": math.nan}, {}),
        True,
    ),
    "loadings broken": (
        lambda: checks.space_is_not_degenerate([[math.nan, 0.9]], {"pleasure": 0.96}, CHANCE),
        False,
    ),
    "subjects apart": (lambda: checks.no_subject_in_two_folds(training(*FULL)), True),
    "leak": (
        lambda: checks.no_subject_in_two_folds(training(("s", "train", "happy"), ("s", "test", "happy"))),
        False,
    ),
    "classes everywhere": (
        lambda: checks.every_class_in_every_fold(training(*FULL), ["happy", "calm"]),
        True,
    ),
    "class missing": (
        lambda: checks.every_class_in_every_fold(training(*FULL[1:]), ["happy", "calm"]),
        False,
    ),
    "better": (lambda: checks.better_than_chance(0.26, 4), True),
    "chance": (lambda: checks.better_than_chance(0.25, 4), False),
    "few answers changed": (lambda: checks.no_camera_is_turned_over(shift(changed=0.5)), True),
    "most answers changed": (lambda: checks.no_camera_is_turned_over(shift(changed=0.6)), False),
    "most of a few answers changed": (
        lambda: checks.no_camera_is_turned_over(shift(changed=1.0, segments=19)),
        True,
    ),
    "one split": (lambda: checks.same_split(pa.table({"split_hash": ["a", "a"]})), True),
    "two splits": (lambda: checks.same_split(pa.table({"split_hash": ["a", "b"]})), False),
    "won": (lambda: checks.champion_is_not_worse(decision()), True),
    "first": (
        lambda: checks.champion_is_not_worse(decision(incumbent_version=None, difference_low=None)),
        True,
    ),
    "not promoted": (
        lambda: checks.champion_is_not_worse(decision(promoted=False, difference_low=-0.1, approved_by="")),
        True,
    ),
    "worse": (lambda: checks.champion_is_not_worse(decision(difference_low=-0.1)), False),
    "unsigned": (lambda: checks.champion_is_not_worse(decision(approved_by="")), False),
    "distribution": (lambda: checks.probabilities_sum_to_one(scores(1.0)), True),
    "distribution with other": (lambda: checks.probabilities_sum_to_one(scores(0.6, other=0.4)), True),
    "no distribution with other": (lambda: checks.probabilities_sum_to_one(scores(1.0, other=0.4)), False),
    "no distribution": (lambda: checks.probabilities_sum_to_one(scores(1.1)), False),
    "page": (lambda: checks.report_names_its_data(PAGE, synthetic=True), True),
    "page of real clips": (lambda: checks.report_names_its_data(PAGE[:15], synthetic=False), True),
    "page hides its origin": (lambda: checks.report_names_its_data(PAGE[:15], synthetic=True), False),
    "page without tables": (lambda: checks.report_names_its_data("synthetic", synthetic=True), False),
    "consistent": (lambda: checks.warehouse_is_consistent({"orphans": []}), True),
    "orphan": (lambda: checks.warehouse_is_consistent({"orphans": [{"clip_id": "x"}]}), False),
}


@pytest.mark.parametrize("name", CASES)
def test_check(name):
    run, expected = CASES[name]
    result = run()
    assert result.passed is expected
    assert (result.metadata["num_problems"].value == 0) is expected


def test_problems_are_named():
    result = checks.no_subject_in_two_folds(training(("s7", "train", "happy"), ("s7", "test", "happy")))
    assert "s7" in result.metadata["problems"].data[0]


def test_a_challenger_that_answers_otherwise_is_no_fault():
    found = checks.no_camera_is_turned_over(shift(changed=0.6))
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
