"""What is trained in the benchmark of recognition, and on which faces."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from apexline.bench.recognition import trainings
from apexline.bench.recognition.trainings import (
    ARMS,
    Plan,
    ferplus_run,
    merge_folds,
    performers_examples,
    performers_run,
    read_plan,
)
from apexline.ml.config import TrainConfig
from apexline.ml.datasets.image_pad import class_pad, emotion_anchors, random_anchors
from apexline.ml.datasets.posed import stills_pad
from apexline.ml.deepid.network import DeepID
from apexline.ml.emotions import EMOTIONS

TINY = TrainConfig(epochs=1, batch_size=16, texture_components=2)
PLAN = Plan("quick", 1, 3, 0.3, {"stills": 1.0, "clips": 0.5}, TINY, TINY)


def test_plans_of_the_repository_can_be_read():
    full, quick = read_plan("full"), read_plan("quick")
    assert full.seeds == 5
    assert quick.seeds == 1
    assert quick.ferplus.epochs < full.ferplus.epochs
    assert quick.ferplus == replace(full.ferplus, epochs=quick.ferplus.epochs)


def test_examples_of_performers(sets):
    data, weights, rows = performers_examples(sets, PLAN.mix, emotion_anchors())
    assert len(data) == 24 + 18 * 4
    assert data.flow_mask.tolist() == [0.0] * 24 + [1.0] * 72
    np.testing.assert_array_equal(weights, np.where(data.flow_mask > 0, 0.5, 1.0))
    onset = np.flatnonzero(sets.clips.at == "onset") + 24
    assert set(data.targets[onset]) == {EMOTIONS.index("calm")}
    assert np.isnan(data.pad[24:][np.isin(sets.clips.at, ("rise", "fall"))]).all()
    assert sorted(rows[rows >= 0]) == list(range(24 + 18))
    assert data.subjects[rows == 24 + 4] == "p1"
    assert set(sets.clips.at[rows[24:] >= 0]) == {"apex"}
    np.testing.assert_array_equal(rows[24:][rows[24:] >= 0] - 24, sets.clips.segment[sets.clips.at == "apex"])


def test_what_is_shown_of_a_segment_is_its_apex(sets):
    assert set(sets.clips.at[sets.shown]) == {"apex"}
    assert sets.clips.segment[sets.shown].tolist() == list(range(18))


class AskedError(Exception):
    """Ends a run where its training would begin."""


@pytest.fixture
def asked(sets, monkeypatch, tmp_path):
    """Say what an arm's training is asked to learn: examples, split and options."""

    def stop(data, split, **options):
        raise AskedError(data, split, options)

    monkeypatch.setattr(trainings, "train_deepid", stop)
    start = SimpleNamespace(network=SimpleNamespace(weights={"classes.weight": np.ones((4, 2))}))

    def ask(arm, *, seed=0):
        with pytest.raises(AskedError) as caught:
            performers_run(sets, PLAN, arm, seed, 1, start, tmp_path)
        return caught.value.args

    return ask


@pytest.mark.parametrize("seed", [0, 1])
def test_random_anchors_are_anchors_and_targets_of_one_arm_alone(sets, asked, seed):
    apex = np.flatnonzero(sets.clips.at == "apex") + len(sets.stills)
    for arm in ARMS:
        anchors = random_anchors(seed) if arm == "random anchors" else emotion_anchors()
        data, _, options = asked(arm, seed=seed)
        np.testing.assert_array_equal(options["pad_anchors"], anchors.loc[list(EMOTIONS)])
        np.testing.assert_allclose(data.pad[: len(sets.stills)], stills_pad(sets.stills, anchors=anchors))
        np.testing.assert_allclose(data.pad[apex], class_pad(data.labels[apex], anchors=anchors), rtol=1e-6)


def test_features_are_shuffled_in_one_arm_alone_and_within_folds(asked):
    true, split, _ = asked("features")
    for arm in ("baseline", "semantic", "random anchors"):
        data, _, _ = asked(arm)
        for name in ("images", "texture", "flow", "onsets"):
            np.testing.assert_array_equal(getattr(data, name), getattr(true, name))
    shuffled, _, _ = asked("shuffled features")
    for name in ("images", "onsets", "labels", "pad", "flow_mask"):
        np.testing.assert_array_equal(getattr(shuffled, name), getattr(true, name))
    for name in ("texture", "flow"):
        given, original = getattr(shuffled, name), getattr(true, name)
        moved = (given != original).any(axis=1)
        for rows in (split.train, split.valid, split.test):
            for moving in (0, 1):
                own = rows[true.flow_mask[rows] == moving]
                assert sorted(given[own].tolist()) == sorted(original[own].tolist())
                # stills have no flow that could be another's
                assert moved[own].mean() > 0.4 or (name, moving) == ("flow", 0)


def test_arms_train_the_version_that_they_control(asked):
    versions = {arm: asked(arm)[2]["version"] for arm in ARMS}
    assert versions["shuffled features"] == versions["features"] == "features"
    assert versions["random anchors"] == versions["semantic"] == "semantic"
    assert versions["baseline"] == "baseline"


def test_one_performer_says_the_temperature_and_no_one_of_them_is_judged(asked):
    data, split, _ = asked("semantic")
    train, valid, test = (set(data.subjects[rows]) for rows in (split.train, split.valid, split.test))
    assert [len(each) for each in (train, valid, test)] == [3, 1, 2]
    assert train.isdisjoint(valid | test)
    assert valid.isdisjoint(test)


def test_words_are_learned_and_read_on_their_own_folds(sets, monkeypatch, tmp_path):
    seen = {}

    def train_words(images, labels, split, **_):
        rows, _ = sets.ferplus.words()
        seen.update(
            {name: set(sets.ferplus.folds[rows][getattr(split, name)]) for name in ("train", "valid")}
        )
        return DeepID(num_classes=15, batch_norm=True), 0

    def calibrated_reader(network, classes, valid, **_):
        folds = dict(zip(sets.ferplus.ids.tolist(), sets.ferplus.folds.tolist(), strict=True))
        seen["temperature"] = {folds[name] for name in valid.ids.tolist()}
        raise AskedError

    monkeypatch.setattr(trainings, "train_words", train_words)
    monkeypatch.setattr(trainings, "calibrated_reader", calibrated_reader)
    with pytest.raises(AskedError):
        ferplus_run(sets, PLAN, 0, tmp_path)
    assert seen == {"train": {"train"}, "valid": {"valid"}, "temperature": {"valid"}}


def test_folds_of_each_seed_are_put_in_order(sets):
    num = len(sets.stills) + len(sets.segments)
    order = np.random.default_rng(0).permutation(num)
    answers = [
        {"row": rows, "mapped": rows * 10 + seed} for seed in (0, 1) for rows in np.array_split(order, 3)
    ]
    first, second = merge_folds(sets, answers, "mapped")
    np.testing.assert_array_equal(first, np.arange(num) * 10)
    np.testing.assert_array_equal(second, np.arange(num) * 10 + 1)
