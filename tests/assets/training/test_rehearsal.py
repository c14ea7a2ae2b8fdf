"""Which faces a retraining learns once more: of clips that nobody labelled, as the champion answers them."""

from types import SimpleNamespace

import numpy as np
import pytest

from apexline.assets.parameters import Parameters
from apexline.assets.training import rehearsal as module
from apexline.assets.training.rehearsal import lesson
from apexline.assets.training.training_table import load_training_set
from apexline.features.config import FeatureConfig
from tests.assets.small_lake import row_of
from tests.assets.training.examples import example

PARAMETERS = Parameters(features=FeatureConfig())
DAY = "2026-03-02_gate-03"
ANSWER = np.array([0.1, 0.2, 0.3, 0.4], np.float32)


class Champion:
    """Sees the face alone, and has one answer."""

    reducer = None

    def predict(self, images):
        return SimpleNamespace(probabilities=np.tile(ANSWER, (len(images), 1)))


@pytest.fixture
def home(lake, monkeypatch):
    """Twelve labelled faces of clip `labelled`; unlabelled clips of two segments each, one of them of real faces."""
    rows = [example(number, clip_id="labelled") for number in range(12)]
    lake.write("training_set", "examples", rows, stamp="s")
    for clip in ("labelled", "a", "b", "c", "real"):
        manifest = row_of("clip_manifest", clip_id=clip, synthetic=clip != "real")
        lake.write("clip_manifest", clip, [manifest], stamp="s", camera_day=DAY)
        segments = [
            row_of("expression_segments", segment_id=f"{clip}-{k}", track_id=clip, onset=1, apex=5)
            for k in (0, 1)
        ]
        lake.write("expression_segments", clip, segments, stamp="s", camera_day=DAY)

    def examples(lake, parameters, labels, frames):
        assert all(frames[each.key] == [5] for each in labels)
        return [
            example(
                k, example_id=each.key, subject=each.subject, clip_id=each.clip_id, synthetic=each.synthetic
            )
            for k, each in enumerate(labels)
        ]

    monkeypatch.setattr(module, "examples_of_clip", examples)
    return lake


def rehearsed(lake):
    data, split = load_training_set(lake)
    found = lesson(lake, PARAMETERS, Champion(), data, split)
    return found, data, split


def test_faces_of_unlabelled_clips_are_added_with_the_champions_answers(home):
    found, data, split = rehearsed(home)
    new = found.data.ids[len(data) :].tolist()
    assert len(new) == len(split.train) == 4  # no more than there are to learn from
    assert {name.partition("-")[0] for name in new} <= {"a", "b", "c"}
    assert found.data.labels[len(data) :].tolist() == np.tile(ANSWER, (4, 1)).tolist()
    assert found.weights.tolist() == [1.0] * 12 + [0.5] * 4
    assert found.split.valid.tolist() == split.valid.tolist()
    assert found.split.test.tolist() == split.test.tolist()


def test_the_same_faces_are_drawn_again(home):
    first, second = (rehearsed(home)[0].data.ids.tolist() for _ in range(2))
    assert first == second


def test_a_home_where_everything_is_labelled_rehearses_nothing(home):
    rows = [example(k, clip_id=clip) for k, clip in enumerate(("labelled", "a", "b", "c", "real") * 3)]
    home.write("training_set", "examples", rows, stamp="t")
    found, data, split = rehearsed(home)
    assert (found.data, found.split) == (data, split)
    assert found.weights.tolist() == [1.0] * 15
