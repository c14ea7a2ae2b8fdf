from dataclasses import replace

import numpy as np
import pytest
import torch

from apexline.ml.config import TrainConfig
from apexline.ml.datasets.splits import SplitLeakageError, split_from_folds
from apexline.ml.deepid.frozen import FrozenDeepID
from apexline.ml.deepid.network import DeepID
from apexline.ml.deepid.temperature import fit_temperature
from apexline.ml.deepid.training.reader import calibrated_reader
from apexline.ml.deepid.training.train import _loss_weights, train_words
from tests.ml.deepid.tiny import TINY, train


@pytest.mark.parametrize("version", ["baseline", "features", "semantic"])
def test_each_version_learns_an_easy_set(data, split, anchors, version):
    config = replace(TINY, epochs=12, patience=12, lr=2e-3, shift_px=0, mirror=0.0)
    run = train(data, split, anchors, version=version, config=config)
    assert run.model.version == version
    last = [row for row in run.curves if row["fold"] == "train"][-1]
    assert last["recognition"] > 0.9
    assert last["loss"] < 0.5 * run.curves[0]["loss"]


def test_curves_have_a_row_per_epoch_and_fold(data, split, anchors):
    run = train(data, split, anchors)
    assert [(r["epoch"], r["fold"]) for r in run.curves] == [
        (0, "train"),
        (0, "valid"),
        (1, "train"),
        (1, "valid"),
    ]
    columns = {"version", "epoch", "fold", "loss", "recognition", "classification"}
    assert all(set(row) == columns for row in run.curves)
    assert run.seconds > 0
    valid = {r["epoch"]: r["loss"] for r in run.curves if r["fold"] == "valid"}
    assert run.best_valid_loss == valid[run.best_epoch]


def test_the_same_seed_gives_the_same_bits_and_another_does_not(data, split, anchors):
    first, again, other = (train(data, split, anchors, seed=seed) for seed in (3, 3, 4))
    for name, value in first.model.network.weights.items():
        np.testing.assert_array_equal(value, again.model.network.weights[name], name)
    assert first.curves == again.curves
    assert first.model.temperature == again.model.temperature
    assert first.curves != other.curves


def another_number(threads):
    """One more than there are cores, and the threads wait for each other by spinning: minutes on a busy machine."""
    return threads - 1 or 2


def test_training_leaves_the_state_of_the_process_alone(data, split, anchors):
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    config = replace(TINY, epochs=1, num_threads=another_number(threads))
    train(data, split, anchors, version="baseline", config=config)
    assert torch.equal(torch.rand(3), expected)
    assert torch.get_num_threads() == threads
    assert torch.are_deterministic_algorithms_enabled() == strict


def test_state_is_put_back_when_training_fails(data, split, anchors, monkeypatch):
    threads = torch.get_num_threads()
    monkeypatch.setattr("apexline.ml.deepid.training.train.TrainingLoop.run", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        train(data, split, anchors, config=replace(TINY, epochs=1, num_threads=another_number(threads)))
    assert torch.get_num_threads() == threads


def test_the_test_fold_changes_nothing(data, split, anchors):
    spoiled = replace(data, images=data.images.copy(), texture=data.texture.copy())
    spoiled.images[split.test] = 0
    spoiled.texture[split.test] = 9.0
    run, same = train(data, split, anchors), train(spoiled, split, anchors)
    assert run.curves == same.curves
    np.testing.assert_array_equal(run.model.reducer.texture_components, same.model.reducer.texture_components)


def test_the_validation_fold_does_not_enter_the_reduction(data, split, anchors):
    spoiled = replace(data, texture=data.texture.copy())
    spoiled.texture[split.valid] = 9.0
    run, other = train(data, split, anchors), train(spoiled, split, anchors)
    np.testing.assert_array_equal(run.model.reducer.texture_mean, other.model.reducer.texture_mean)


def test_the_temperature_is_that_of_the_validation_fold(misled, split, anchors):
    config = replace(TINY, epochs=6, lr=2e-3, keep="last")
    model = train(misled, split, anchors, version="baseline", config=config).model
    learned, judged, tested = (fitted_temperature(model, misled, rows) for rows in split_rows(split))
    assert model.temperature == judged > 2 > max(learned, tested)


def split_rows(split):
    return split.train, split.valid, split.test


def fitted_temperature(model, data, rows):
    fold = data.take(rows)
    return fit_temperature(model.logits(fold.images, *fold.features)[0], fold.labels)


def test_options_of_the_network_are_trained(data, split, anchors):
    config = replace(TINY, epochs=1, unshared=True, batch_norm=True, dropout=0.2)
    run = train(data, split, anchors, config=config)
    assert run.model.network.architecture["unshared"]
    assert run.model.network.weights["norms.0.num_batches_tracked"] > 0


def test_weights_and_balance_by_hand():
    labels = np.array([[1, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0], [0, 0.5, 0.5, 0]], np.float32)
    rows = np.arange(4)
    np.testing.assert_allclose(_loss_weights(labels, None, rows, TINY), 1.0)
    balanced = _loss_weights(labels, None, rows, replace(TINY, class_balance=1.0))
    # classes count 3, .5 and .5 examples: a third each for the first three, 2 for the last
    np.testing.assert_allclose(balanced, np.array([1 / 3, 1 / 3, 1 / 3, 2]) / 0.75, rtol=1e-6)
    given = np.array([9.0, 1, 1, 1, 1])
    np.testing.assert_allclose(_loss_weights(labels, given, 1 + rows, TINY), 1.0)
    with pytest.raises(ValueError, match=r"weights run from -1 to 1; expected non-negative"):
        _loss_weights(labels, [1, 1, 1, -1], rows, TINY)


def test_examples_of_no_weight_change_nothing_but_the_order(data, split, anchors):
    config = replace(TINY, epochs=1, batch_size=64, mirror=0.0, shift_px=0, gain=0.0, noise=0.0)
    weights = np.ones(len(data))
    weights[split.train[::3]] = 0.0
    spoiled = replace(data, images=data.images.copy())
    spoiled.images[split.train[::3]] = 7
    run, same = (
        train(d, split, anchors, version="baseline", config=config, weights=weights) for d in (data, spoiled)
    )
    assert run.curves[-1] == same.curves[-1]  # validation; the training fold itself differs


def test_faces_are_trained_on_and_scored_as_the_same_bits(data, split, anchors, monkeypatch):
    seen: list[np.ndarray] = []

    def watch(network, method):
        original = getattr(network, method)

        def look(self, faces, *features):
            seen.append(np.asarray(faces).copy())
            return original(self, faces, *features)

        monkeypatch.setattr(network, method, look)

    watch(DeepID, "forward")
    watch(FrozenDeepID, "__call__")
    still = replace(TINY, epochs=1, mirror=0.0, shift_px=0, gain=0.0, noise=0.0)
    run = train(data, split, anchors, version="baseline", config=still)
    trained = {
        image.tobytes() for batch in seen[: -(-len(split.train) // still.batch_size)] for image in batch
    }
    seen.clear()
    run.model.logits(data.images[split.train])
    faces, mirrored = np.concatenate(seen[::2]), np.concatenate(seen[1::2])
    assert {image.tobytes() for image in faces} == trained
    assert {image.tobytes() for image in np.flip(mirrored, 2)} == trained
    assert len(trained) == len(split.train)


def test_a_training_begins_where_another_ended(data, split, anchors):
    first = train(data, split, anchors, version="baseline", config=replace(TINY, epochs=6, lr=3e-3))
    options = {"config": replace(TINY, epochs=1, lr=1e-6)}
    for version in ("baseline", "semantic"):
        on, fresh = (
            train(data, split, anchors, version=version, start=start, **options)
            for start in (first.model.network, None)
        )
        assert on.curves[0]["loss"] < 0.9 * fresh.curves[0]["loss"]
        given, moved = (each.model.network.weights["conv1.weight"] for each in (first, on))
        np.testing.assert_allclose(moved, given, atol=1e-4)
    with pytest.raises(ValueError, match=r"start has the layers .*conv1.weight.* give both networks"):
        train(data, split, anchors, start=first.model.network, config=replace(TINY, width=1.5))


def test_bfloat16_trains_to_nearly_the_same(data, split, anchors):
    config = replace(TINY, epochs=3)
    full, half = (
        train(data, split, anchors, config=replace(config, precision=p)) for p in ("float32", "bfloat16")
    )
    assert full.curves != half.curves
    assert half.curves[-1]["loss"] == pytest.approx(full.curves[-1]["loss"], abs=0.05)


def test_provenance_is_kept(data, split, anchors):
    run = train(
        data, split, anchors, feature_version="7", pad_space_hash="abc", config=replace(TINY, epochs=1)
    )
    model = run.model
    assert (model.feature_version, model.pad_space_hash, model.split_hash) == ("7", "abc", split.split_hash)
    assert model.config["texture_components"] == 4
    assert model.synthetic
    np.testing.assert_array_equal(model.network.weights["anchors"], anchors)


def test_a_set_without_any_feature_still_trains_the_semantic_version(data, split, anchors):
    bare = replace(
        data,
        texture=data.texture[:, :0],
        flow=0 * data.flow,
        flow_mask=0 * data.flow_mask,
        onsets=0 * data.onsets,
    )
    run = train(bare, split, anchors, config=replace(TINY, epochs=1))
    assert run.model.network.architecture["texture_size"] == 0


def test_leaking_subjects_are_refused(data, anchors):
    folds = np.resize(["train", "valid", "test"], len(data))
    with pytest.raises(SplitLeakageError, match="v00"):
        train(data, split_from_folds(folds, ids=data.ids), anchors)


@pytest.mark.parametrize("bad", [np.zeros((3, 3)), np.full((4, 3), 2.0), np.full((4, 3), np.nan)])
def test_senseless_anchors_are_refused(data, split, bad):
    with pytest.raises(ValueError, match=r"pad_anchors .* expected \(4, 3\) in \[-1, 1\]"):
        train(data, split, bad)


def test_a_split_of_other_data_is_refused(data, split, anchors):
    with pytest.raises(ValueError, match="split covers 48 rows, the dataset has 40"):
        train(data.take(np.arange(40)), split, anchors)


def test_semantic_needs_ratings(data, split, anchors):
    with pytest.raises(ValueError, match="no training example has rated PAD"):
        train(replace(data, pad=np.full_like(data.pad, np.nan)), split, anchors)


def test_words_train_one_network_that_is_read_by_either_vocabulary(data, split, anchors, tmp_path):
    labels = np.hstack([data.labels, data.labels[:, ::-1]])
    config = TrainConfig(epochs=12, batch_size=8, lr=2e-3)
    request = {"sizes": (4, 4), "config": config, "seed": 3}
    network, epoch = train_words(data.images, labels, split, **request)
    again, _ = train_words(data.images, labels, split, **request, resume=tmp_path / "state")
    assert torch.equal(network.classes.weight, again.classes.weight)
    assert 0 <= epoch < config.epochs
    read = [
        calibrated_reader(
            network,
            classes,
            data.take(split.valid),
            pad_anchors=anchors,
            config=config,
            seed=3,
            split_hash=split.split_hash,
        )
        for classes in ((0, 1, 2, 3), (7, 6, 5, 4))
    ]
    fold = data.take(split.train)
    for model in read:
        assert (model.logits(fold.images)[0].argmax(axis=1) == fold.targets).mean() > 0.9
        assert 0 < model.temperature < 10
        assert model.temperature == fitted_temperature(model, data, split.valid)


def test_the_words_of_the_validation_fold_say_when_to_stop(misled, split, anchors):
    config = replace(TINY, epochs=8, patience=2, lr=2e-3)
    request = {"sizes": (4,), "config": config, "seed": 0}
    _, epoch = train_words(misled.images, misled.labels, split, **request)
    assert epoch < 5
    reader = {"pad_anchors": anchors, "config": config, "seed": 0, "split_hash": split.split_hash}
    last, _ = train_words(
        misled.images, misled.labels, split, **request | {"config": replace(config, keep="last")}
    )
    model = calibrated_reader(last, range(4), misled.take(split.valid), **reader)
    learned, judged, tested = (fitted_temperature(model, misled, rows) for rows in split_rows(split))
    assert model.temperature == judged > 2 > max(learned, tested)
