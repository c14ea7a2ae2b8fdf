"""What a change is called: by what rose from the face's own rest."""

from dataclasses import replace

import numpy as np
import pytest

from apexline.ml.config import AbstentionConfig, TrainConfig
from apexline.ml.datasets import RATERS_WORDS
from apexline.ml.deepid.change import _TEMPERATURE, Change, change_probabilities, predict_changes
from apexline.ml.deepid.model import ExpressionModel
from apexline.ml.deepid.training.train import train_deepid
from apexline.ml.emotions import ANSWERS, EMOTIONS
from apexline.ml.norms import adjective_pad

OTHER = ANSWERS.index("other")
NAMED = [k for k, emotion in enumerate(EMOTIONS) if emotion != "calm"]


@pytest.fixture(scope="module")
def models(data, split, anchors) -> dict[str, ExpressionModel]:
    config = TrainConfig(epochs=1, texture_components=4)
    return {
        version: train_deepid(data, split, version=version, config=config, seed=0, pad_anchors=anchors).model
        for version in ("baseline", "features", "semantic")
    }


def rise(**words: float) -> np.ndarray:
    return np.array([words.get(word, 0.0) for word in RATERS_WORDS], np.float32)


NO_WORDS = np.zeros(0, np.float32)


@pytest.fixture
def changes(data):
    """Six changes, each of three faces held and two at rest, with no words."""
    return [Change(data.images[k : k + 3], data.images[k + 8 : k + 10], NO_WORDS) for k in range(6)]


def of_words(changes, words):
    return [replace(each, words=words) for each in changes]


class Biased:
    """A model of the face alone that sees the same in every face of a person, beside what the face does."""

    reducer, version = None, "baseline"

    def __init__(self, model, bias):
        self._model, self._bias = model, np.asarray(bias, np.float32)
        self.pad_anchors = model.pad_anchors

    def logits_and_distance(self, images):
        logits, distance = self._model.logits_and_distance(images)
        return logits + self._bias, distance


def test_what_all_faces_of_a_person_show_counts_a_third(models, changes):
    model = models["baseline"]
    bias = np.array([0.5, -0.3, 9.0, 0.1])
    expected, found = (predict_changes(each, changes).probabilities for each in (model, Biased(model, bias)))
    shift = np.log(found[:, NAMED]) - np.log(expected[:, NAMED])
    wanted = bias[NAMED] / 3 / _TEMPERATURE
    np.testing.assert_allclose(
        shift - shift[:, :1], np.tile(wanted - wanted[0], (len(changes), 1)), atol=1e-3
    )


def test_a_change_is_named_by_what_rose(models, changes):
    """Logits that are known: the first face of a change against the second."""

    class Known(Biased):
        def logits_and_distance(self, images):
            # by brightness: faces that are held are brighter
            held = images.reshape(len(images), -1).mean(axis=1) > 100
            logits = np.where(held[:, None], [0.0, 2.0, -4.0, 0.0], [0.0, 0.0, 4.0, 0.0])
            return logits.astype(np.float32), np.zeros(len(images), np.float32)

    bright, dark = np.full((1, 48, 48), 200, np.uint8), np.full((2, 48, 48), 20, np.uint8)
    known = Known(models["baseline"], np.zeros(4))
    found = predict_changes(known, [Change(bright, dark, NO_WORDS), Change(dark, bright, NO_WORDS)])
    odds = np.exp(2.0 / _TEMPERATURE)
    rose = np.exp(2.0 * 2 / 3 / _TEMPERATURE)  # shown at rest alone: what fell counts two thirds
    # anger rose by 2; against the change, joy and fear lose less than anger; calm is out in both
    np.testing.assert_allclose(found.probabilities[0, :4], np.array([1, odds, 0, 1]) / (odds + 2), rtol=1e-4)
    assert found.emotion[0] == "angry"
    np.testing.assert_allclose(
        found.probabilities[1, :4], np.array([1, 1 / rose, 0, 1]) / (1 / rose + 2), rtol=1e-4
    )


def test_changes_are_answered_one_by_one_as_together(models, changes):
    uneven = [changes[0], replace(changes[1], held=changes[1].held[:1]), changes[2]]
    together = predict_changes(models["baseline"], uneven)
    alone = [predict_changes(models["baseline"], [each]).probabilities[0] for each in uneven]
    np.testing.assert_allclose(together.probabilities, alone, atol=1e-5)


def test_each_face_is_looked_at_once(models, changes):
    """With its mirror image: what naming costs is the network."""
    model, seen = models["baseline"], []

    def looked_at(faces):
        seen.append(len(faces))
        return model.network(faces)

    looked_at.architecture, looked_at.weights = model.network.architecture, model.network.weights
    predict_changes(replace(model, network=looked_at), changes)
    assert sum(seen) == 2 * sum(len(each.held) + len(each.rest) for each in changes)


def test_the_distance_is_that_of_the_apexes(models, data, split, changes):
    model = models["baseline"].learn_limits(
        data.take(split.train), data.take(split.valid), config=AbstentionConfig()
    )
    uneven = [replace(changes[0], held=changes[0].held[:2]), *changes[1:]]
    expected = model.predict(np.stack([each.held[0] for each in uneven])).distance
    assert len(set(expected.tolist())) == len(uneven)
    np.testing.assert_allclose(predict_changes(model, uneven).distance, expected, rtol=1e-4)


@pytest.mark.parametrize("words", [NO_WORDS, rise(neutral=9.0), rise(neutral=-5.0, sadness=1.0)])
def test_calm_is_never_what_changed(models, changes, words):
    found = predict_changes(models["baseline"], of_words(changes, words))
    np.testing.assert_array_equal(found.probabilities[:, EMOTIONS.index("calm")], 0.0)
    assert "calm" not in found.emotion
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(found.confidence, found.probabilities.max(axis=1))
    assert found.emotion.tolist() == [ANSWERS[k] for k in found.probabilities.argmax(axis=1)]


@pytest.mark.parametrize("word", ["surprise", "sadness", "disgust", "contempt"])
def test_a_word_for_none_of_the_emotions_makes_it_another(models, changes, word):
    found = predict_changes(models["baseline"], of_words(changes, rise(**{word: 4.0})))
    assert set(found.emotion) == {"other"}
    heights = [rise(**{word: height}) for height in (-1, 0, 1, 2, 4)]
    shares = change_probabilities(*np.zeros((2, 5, 4)), heights)[:, OTHER].tolist()
    assert shares == sorted(shares)
    assert shares[-1] > 0.9


@pytest.mark.parametrize(
    ("word", "emotion"), [("happiness", "happy"), ("anger", "angry"), ("fear", "scared")]
)
def test_a_word_for_an_emotion_speaks_for_it(models, changes, word, emotion):
    found = predict_changes(models["baseline"], of_words(changes, rise(**{word: 9.0})))
    assert set(found.emotion) == {emotion}
    assert found.probabilities[:, OTHER].max() < 0.01


def test_without_words_nobody_says_that_it_is_another(models, changes):
    found = predict_changes(models["baseline"], changes)
    np.testing.assert_array_equal(found.probabilities[:, OTHER], 0.0)
    # one of them has words: the others are as they were
    mixed = predict_changes(models["baseline"], [*changes[:3], replace(changes[3], words=rise(surprise=5.0))])
    np.testing.assert_allclose(mixed.probabilities[:3], found.probabilities[:3], atol=1e-6)
    assert mixed.emotion[3] == "other"


@pytest.mark.parametrize("version", ["features", "semantic"])
def test_a_model_that_learned_from_changes_is_asked_as_it_learned(models, data, changes, version):
    model = models[version]
    texture, flow, _ = data.features
    texture, flow = texture[:6], flow[:6]
    asked = model.predict(
        np.stack([each.held[0] for each in changes]),
        texture,
        flow,
        np.stack([each.rest[0] for each in changes]),
    )
    found = predict_changes(model, changes, texture, flow)
    np.testing.assert_allclose(found.probabilities[:, :4], asked.probabilities, atol=1e-6)
    np.testing.assert_allclose(found.pad, asked.pad, atol=1e-5)
    surprised = predict_changes(model, of_words(changes, rise(surprise=4.0)), texture, flow)
    assert set(surprised.emotion) == {"other"}
    left = 1 - surprised.probabilities[:, OTHER]
    np.testing.assert_allclose(surprised.probabilities[:, :4], left[:, None] * asked.probabilities, atol=1e-6)
    if version == "semantic":  # its own head says where a face lies
        np.testing.assert_array_equal(surprised.pad, asked.pad)


def test_pad_lies_between_the_anchors_and_the_norms_of_other_expressions(models, changes, anchors):
    model = models["baseline"]
    other = adjective_pad().loc[["surprised", "sad", "disgusted"]].to_numpy().mean(axis=0)
    corners = np.vstack([anchors, other])
    for words in (NO_WORDS, rise(surprise=0.5), rise(surprise=9.0)):
        found = predict_changes(model, of_words(changes, words))
        np.testing.assert_allclose(found.pad, found.probabilities @ corners, atol=1e-5)
    np.testing.assert_allclose(found.pad, np.tile(other, (6, 1)), atol=1e-3)
