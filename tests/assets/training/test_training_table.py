"""The stored training set as arrays, and what is known of its examples."""

import numpy as np
import pytest

from apexline.assets.training.training_table import describe_examples, load_training_set
from tests.assets.training.examples import example


def test_examples_have_groups_and_quality(measured_lake):
    groups, quality = describe_examples(measured_lake)
    assert groups["source"].tolist() == ["gate-03", "unknown", "gate-03", "gate-03"]
    assert groups["size"].tolist() == ["small (< 64 px)", "unknown", "small (< 64 px)", "middle"]
    assert groups["light"].tolist() == ["dark (< 80)", "middle", "middle", "bright (> 170)"]
    np.testing.assert_array_equal(
        quality["size_px"], [62, np.nan, 63, 69]
    )  # 4 was dropped: its neighbour counts
    np.testing.assert_allclose(quality["track_s"], [0.9, np.nan, 0.9, 0.9])
    assert set(quality) == {"size_px", "blur", "yaw", "roll_deg", "track_s"}


def test_stored_examples_come_back_as_arrays(lake):
    unrated = {"pleasure": None, "arousal": None, "dominance": None}
    lake.write(
        "training_set", "examples", [example(0), example(1, flow=None), example(2, **unrated)], stamp="s"
    )
    data, split = load_training_set(lake)
    assert data.images.shape == (3, 48, 48)
    assert (data.images == np.arange(3)[:, None, None]).all()
    assert data.labels.argmax(axis=1).tolist() == [0, 1, 2]
    assert data.texture.tolist() == [[0, 1], [1, 1], [2, 1]]
    assert data.flow.tolist() == [[0.5, 0, 0.25], [0, 0, 0], [0.5, 2, 0.25]]
    assert data.flow_mask.tolist() == [1, 0, 1]
    np.testing.assert_array_equal(data.pad, np.array([[0.5, -0.25, 0]] * 2 + [[np.nan] * 3], np.float32))
    assert data.subjects.tolist() == ["v00", "v01", "v02"]
    assert data.synthetic
    assert split.folds.tolist() == ["train", "valid", "test"]


def test_one_real_example_makes_the_set_no_longer_synthetic(lake):
    lake.write("training_set", "examples", [example(0), example(1, synthetic=False), example(2)], stamp="s")
    data, _ = load_training_set(lake)
    assert not data.synthetic


def test_without_a_training_set_there_is_nothing_to_load(lake):
    with pytest.raises(FileNotFoundError, match="examples"):
        load_training_set(lake)
