from types import SimpleNamespace

import numpy as np
import pytest

from apexline.ml.evaluation.slices import COLUMNS, light_groups, size_groups, slice_scores, worst_slice


@pytest.fixture
def evaluation() -> SimpleNamespace:
    """Eight faces of two performers from two cameras; those of the second camera are wrong half the time."""
    return SimpleNamespace(
        subjects=np.array(list("aaaabbbb")),
        groups={"source": np.array(["one", "one", "two", "two"] * 2)},
        recognition_correct=np.array([1, 1, 1, 0, 1, 1, 0, 1], bool),
        confidence=np.full(8, 0.75),
        answered=np.array([1, 1, 1, 0, 1, 1, 0, 0], bool),
    )


def test_slices_by_hand(evaluation):
    table = slice_scores(evaluation)
    assert table.columns.tolist() == list(COLUMNS)
    assert table[["dimension", "slice", "count", "accuracy"]].to_numpy().tolist() == [
        ["performer", "a", 4, 0.75],
        ["performer", "b", 4, 0.75],
        ["source", "two", 4, 0.5],
        ["source", "one", 4, 1.0],
    ]
    two = table.iloc[2]
    assert two["calibration_error"] == pytest.approx(0.25)
    assert two["coverage"] == 0.25
    # Wilson for 2 of 4, z = 1.96: (p + z^2/2n +- z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n)
    assert (two["low"], two["high"]) == pytest.approx((0.150, 0.850), abs=1e-3)


def test_every_dimension_covers_every_face(evaluation):
    assert (slice_scores(evaluation).groupby("dimension")["count"].sum() == 8).all()


def test_groups_of_one_face_are_left_out(evaluation):
    evaluation.groups["alone"] = np.arange(8).astype(str)
    assert set(slice_scores(evaluation)["dimension"]) == {"performer", "source"}


def test_the_worst_slice_is_one_that_is_large_enough(evaluation):
    table = slice_scores(evaluation)
    assert worst_slice(table, min_count=4)["slice"] == "two"
    assert worst_slice(table) is None


def test_light_is_told_from_the_face():
    images = np.stack([np.full((48, 48), grey, np.uint8) for grey in (10, 79, 80, 169, 170, 250)])
    assert light_groups(images).tolist() == [
        *["dark (< 80)"] * 2,
        *["middle"] * 2,
        *["bright (> 170)"] * 2,
    ]


def test_sizes_are_told_in_pixels():
    assert size_groups([40, 64, 127.9, 128, np.nan]).tolist() == [
        "small (< 64 px)",
        "middle",
        "middle",
        "large (> 128 px)",
        "unknown",
    ]
