import json

import numpy as np
import pytest

from apexline.ml.config import TrainConfig
from apexline.ml.deepid.pretrained import DATA, load_pretrained, save_pretrained
from apexline.ml.deepid.training.train import train_deepid


@pytest.fixture(scope="module")
def model(data, split, anchors):
    config = TrainConfig(epochs=1, texture_components=4, batch_norm=True)
    return train_deepid(data, split, version="semantic", config=config, seed=0, pad_anchors=anchors).model


def test_a_shipped_model_answers_as_it_was_trained_but_for_half_precision(model, data, tmp_path):
    weights, card = save_pretrained(model, {"title": "a test"}, tmp_path)
    found = load_pretrained(tmp_path)
    assert found.card == {"title": "a test"}
    given, kept = (m.predict(data.images, *data.features) for m in (model, found.model))
    np.testing.assert_allclose(kept.probabilities, given.probabilities, atol=5e-3)
    assert found.model.temperature == model.temperature
    assert weights.stat().st_size < 0.75 * sum(v.nbytes for v in model.to_state()[1].values())
    assert json.loads(card.read_text())["model"]["architecture"]["version"] == "semantic"
    # What is read is what is judged: writing it again changes nothing.
    again = load_pretrained(save_pretrained(found.model, found.card, tmp_path / "again")[0].parent)
    np.testing.assert_array_equal(again.model.logits(data.images)[0], found.model.logits(data.images)[0])


def test_missing_files_name_the_remedy(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"is missing; reinstall .* apexline.bench.recognition.ship"):
        load_pretrained(tmp_path)


def test_the_model_that_ships_is_small_has_its_card_and_answers(data):
    shipped = load_pretrained()
    assert sum(path.stat().st_size for path in DATA.glob("expression_ferplus.*")) <= 2 * 2**20
    assert {"command", "seed", "metrics", "trained_on", "excluded_uses"} <= set(shipped.card)
    assert shipped.card["metrics"]["balanced_accuracy"] >= 0.78
    assert not shipped.model.synthetic
    assert shipped.model.limits.training_range is not None
    answers = shipped.model.predict(data.images)
    np.testing.assert_allclose(answers.probabilities.sum(axis=1), 1, atol=1e-5)


def test_a_training_goes_on_from_a_shipped_model(model, data, split, anchors, tmp_path):
    save_pretrained(model, {}, tmp_path)
    shipped = load_pretrained(tmp_path).model
    config = TrainConfig(epochs=1, texture_components=4, batch_norm=True)
    run = train_deepid(
        data, split, version="semantic", config=config, seed=0, pad_anchors=anchors, start=shipped.network
    )
    assert run.model.network.weights["conv1.weight"].shape == shipped.network.weights["conv1.weight"].shape
