from dataclasses import replace

import numpy as np
import pytest

from apexline.ml.config import AbstentionConfig, TrainConfig
from apexline.ml.datasets.examples import ExpressionDataset
from apexline.ml.deepid.abstention import LIGHT_REASONS, REASONS, Limits, TrainingRange, confidence_threshold
from apexline.ml.deepid.model import ExpressionModel
from apexline.ml.deepid.training.train import train_deepid

GOOD = {"size_px": 90.0, "blur": 300.0, "yaw": 0.1, "roll_deg": -5.0, "track_s": 2.0, "face_found": True}


@pytest.fixture(scope="module")
def units() -> tuple[np.ndarray, np.ndarray]:
    """Hidden units (600, 3) of two classes about (0, 0, 0) and (10, 0, 0); the second unit varies most."""
    rng = np.random.default_rng(3)
    targets = np.arange(600) % 2
    hidden = rng.normal(0, (1.0, 5.0, 1.0), (600, 3))
    hidden[:, 0] += 10 * targets
    return hidden.astype(np.float32), targets


@pytest.mark.parametrize(
    ("measure", "reason"),
    [
        ({"face_found": False}, "no face found"),
        ({"size_px": 31.0}, "small"),
        ({"blur": 9.0}, "blurred"),
        ({"blur": 9.0, "light": "too dark"}, "too dark"),
        ({"blur": 9.0, "light": "low contrast"}, "low contrast"),
        ({"yaw": -0.3}, "off-pose"),
        ({"roll_deg": 31.0}, "off-pose"),
        ({"track_s": 0.4}, "short track"),
    ],
)
def test_each_measure_gives_its_reason(measure, reason):
    quality = {name: [value, value] for name, value in (GOOD | measure).items()}
    assert Limits().reasons([0.9, 0.9], [1.0, 1.0], quality) == [[reason], [reason]]


def test_what_the_model_knows_gives_reasons_too():
    known = TrainingRange(np.zeros((1, 2), np.float32), np.eye(2, dtype=np.float32), max_distance=3.0)
    limits = Limits(min_confidence=0.6, training_range=known)
    assert limits.reasons([0.6, 0.59, 0.9], [3.0, 3.0, 3.1]) == [
        [],
        ["low confidence"],
        ["outside training range"],
    ]


def test_all_reasons_are_told_in_their_order():
    known = TrainingRange(np.zeros((1, 2), np.float32), np.eye(2, dtype=np.float32), max_distance=3.0)
    worst = {
        "size_px": [1],
        "blur": [0],
        "yaw": [1],
        "roll_deg": [90],
        "track_s": [0],
        "face_found": [False],
    }
    found = Limits(min_confidence=0.6, training_range=known).reasons([0.3], [9.0], worst)
    assert found == [[reason for reason in REASONS if reason not in LIGHT_REASONS]]
    for light in LIGHT_REASONS:
        [found] = Limits(min_confidence=0.6, training_range=known).reasons(
            [0.3], [9.0], {**worst, "light": [light]}
        )
        assert found == [each for each in REASONS if each == light or each not in (*LIGHT_REASONS, "blurred")]


def test_what_is_not_known_is_no_reason():
    limits = Limits()
    nothing = {name: [np.nan] for name in GOOD}
    assert limits.reasons([0.26], [np.nan], nothing) == limits.reasons([0.26], [np.nan]) == [[]]
    assert limits.reasons([], []) == []


def test_an_unknown_measure_is_refused():
    with pytest.raises(ValueError, match=r"quality holds \['colour'\]; expected some of .*'size_px'"):
        Limits().reasons([0.9], [0.0], {"colour": [1.0]})
    with pytest.raises(ValueError, match=r"light is \['', 'dim'\]; expected some of .*'too dark'"):
        Limits().reasons([0.9, 0.9], [0.0, 0.0], {"light": ["dim", ""]})


def test_a_sound_face_answers_in_any_light():
    quality = {name: [value] for name, value in GOOD.items()} | {"light": ["low contrast"]}
    assert Limits().reasons([0.9], [1.0], quality) == [[]]
    assert Limits().reasons([0.9], [1.0], quality | {"face_found": [False]}) == [
        ["no face found", "low contrast"]
    ]


def test_confidence_threshold_by_hand():
    confidence = [0.5, 0.9, 0.7, 0.6, 0.8]
    assert confidence_threshold(confidence, coverage=0.8) == 0.6
    assert confidence_threshold(confidence, coverage=1.0) == 0.5
    assert confidence_threshold(confidence, coverage=0.0) == 0.9
    assert confidence_threshold([0.7, 0.7, 0.7], coverage=0.1) == 0.7


@pytest.mark.parametrize("coverage", [0.1, 0.35, 0.5, 0.8, 0.99])
def test_the_confidence_threshold_lets_the_share_through(coverage):
    confidence = np.random.default_rng(0).random(200)
    assert np.mean(confidence >= confidence_threshold(confidence, coverage=coverage)) == pytest.approx(
        coverage
    )


def test_distance_is_mahalanobis_to_the_nearest_mean(units):
    hidden, targets = (np.tile(each, (100, 1)[: each.ndim]) for each in units)  # many faces: hardly shrunk
    known = TrainingRange.fit(hidden, targets, hidden[:9])
    means = [hidden[targets == k].mean(axis=0) for k in (0, 1)]
    deviations = hidden - np.stack(means)[targets]
    inverse = np.linalg.inv(np.cov(deviations.T, bias=True))
    for face, found in zip(hidden[:5], known.distance(hidden[:5]), strict=True):  # slow loop
        expected = min(np.sqrt((face - mean) @ inverse @ (face - mean)) for mean in means)
        assert found == pytest.approx(expected, rel=1e-3)


def test_the_range_knows_which_deviations_are_common(units):
    known = TrainingRange.fit(*units, units[0])
    along, across = np.array([[0, 9, 0], [0, 0, 9]], np.float32)
    assert known.distance(along[None])[0] < known.max_distance < known.distance(across[None])[0]


def test_the_range_holds_its_share_of_the_validation_faces(units):
    hidden, targets = units
    known = TrainingRange.fit(hidden[:300], targets[:300], hidden[300:], typical=0.9)
    assert np.mean(known.distance(hidden[300:]) <= known.max_distance) == pytest.approx(0.9, abs=0.01)


def test_a_class_without_examples_has_no_mean(units):
    hidden, targets = units
    assert TrainingRange.fit(hidden, 3 * targets, hidden).means.shape == (2, 3)


@pytest.mark.parametrize(
    ("hidden", "targets"),
    [
        (np.tile(np.float32([0.1, 0.7, 0.3]), (1000, 1)), np.arange(1000) % 4),  # no face differs
        (np.float32([[0, 1, 2], [3, 1, 2]]), [0, 1]),  # one face of each class
        (np.float32([[0, 1, 2], [3, 1, 2]]), [0, 0]),  # one direction only
    ],
)
def test_faces_that_leave_no_covariance_are_refused(hidden, targets):
    with pytest.raises(
        ValueError, match=r"training faces of \d classes lie within .* no covariance .*; expected"
    ):
        TrainingRange.fit(hidden, targets, hidden)


@pytest.fixture(scope="module")
def model(data, split, anchors) -> ExpressionModel:
    config = TrainConfig(epochs=3, texture_components=4)
    return train_deepid(
        data, split, version="semantic", config=config, seed=0, pad_anchors=anchors
    ).model.learn_limits(
        data.take(split.train), data.take(split.valid), config=AbstentionConfig(coverage=0.5)
    )


def test_a_model_learns_its_limits_from_train_and_valid(model, data, split):
    fold = data.take(split.valid)
    predicted = model.predict(fold.images, *fold.features)
    assert model.limits.config.coverage == 0.5
    assert np.mean(predicted.confidence >= model.limits.min_confidence) == pytest.approx(0.5, abs=0.07)
    assert (predicted.distance <= model.limits.training_range.max_distance).mean() >= 0.9


def test_nothing_is_learned_from_the_test_fold(model, data, split):
    folds = [data.take(split.train), data.take(split.valid)]
    again = replace(model, limits=Limits()).learn_limits(*folds, config=model.limits.config)
    assert again.limits.min_confidence == model.limits.min_confidence
    np.testing.assert_array_equal(
        again.limits.training_range.whitening, model.limits.training_range.whitening
    )


@pytest.mark.parametrize("grey", [0, 128])
def test_blank_training_images_are_named(model, data, split, grey):
    train = data.take(split.train)
    no_features = {
        name: np.zeros_like(getattr(train, name)) for name in ("texture", "flow", "flow_mask", "onsets")
    }
    blank = replace(train, images=np.full_like(train.images, grey), **no_features)
    with pytest.raises(
        ValueError, match=r"32 training faces of 4 classes .* look for blank or repeated images"
    ):
        model.learn_limits(blank, data.take(split.valid), config=AbstentionConfig())


def test_large_folds_are_thinned(model, data: ExpressionDataset, monkeypatch):
    monkeypatch.setattr("apexline.ml.deepid.model._MOST_RANGE_FACES", 12)
    seen = []
    monkeypatch.setattr(TrainingRange, "fit", lambda hidden, *_, **__: seen.append(len(hidden)))
    model.learn_limits(data, data.take(np.arange(8)), config=AbstentionConfig())
    assert seen == [12]


def test_a_model_without_a_range_knows_no_distance(model, data):
    found = replace(model, limits=Limits()).predict(data.images[:2])
    assert np.isnan(found.distance).all()


def test_limits_travel_with_the_checkpoint(model, data, tmp_path):
    model.save(tmp_path)
    loaded = ExpressionModel.load(tmp_path)
    assert loaded.limits.described() == model.limits.described()
    np.testing.assert_array_equal(loaded.predict(data.images).distance, model.predict(data.images).distance)


def test_what_a_change_is_called_has_a_least_confidence_of_its_own():
    limits = Limits(config=AbstentionConfig(min_change_confidence=0.5), min_confidence=0.8)
    sure = [0.49, 0.5, 0.81]
    assert limits.reasons(sure, [1.0] * 3, of_changes=True) == [["low confidence"], [], []]
    assert limits.reasons(sure, [1.0] * 3) == [["low confidence"], ["low confidence"], []]
    assert limits.described()["min_change_confidence"] == 0.5
