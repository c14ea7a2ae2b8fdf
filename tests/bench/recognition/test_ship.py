"""Which images limit and judge the model that ships."""

from types import SimpleNamespace

import pytest

from apexline.bench.recognition import ship
from apexline.bench.recognition.trainings import ALL_WORDS, Plan
from apexline.ml.config import TrainConfig
from apexline.ml.datasets.ferplus import ferplus_examples

TINY = TrainConfig(epochs=1)
PLAN = Plan("quick", 1, 3, 0.3, {"stills": 1.0, "clips": 0.5}, TINY, TINY)


class JudgedError(Exception):
    """Ends the export where the model is judged."""


def test_limits_are_learned_on_train_and_valid_and_the_card_is_of_test(sets, monkeypatch, tmp_path):
    data, split, _ = ferplus_examples(sets.ferplus, sets.ferplus_images, min_share=PLAN.min_share)
    seen = {}

    def learn_limits(train, valid, *, config):
        seen.update(train=train.ids.tolist(), valid=valid.ids.tolist())
        return "limited"

    def evaluate(model, examples, rows):
        seen.update({model: examples.ids[rows].tolist()})
        raise JudgedError

    model = SimpleNamespace(learn_limits=learn_limits)
    run_words = tmp_path / "run"
    run_words.write_bytes(b"weights")
    monkeypatch.setattr(ship, "read_sets", lambda *_: sets)
    monkeypatch.setattr(ship, "ferplus_run", lambda *_: ({ALL_WORDS: model}, {}))
    monkeypatch.setattr(ship, "words_of_run", lambda _: run_words)
    monkeypatch.setattr(ship, "save_pretrained", lambda *_: [])
    monkeypatch.setattr(ship, "load_pretrained", lambda folder: SimpleNamespace(model="as it ships"))
    monkeypatch.setattr(ship, "evaluate", evaluate)
    with pytest.raises(JudgedError):
        ship.export(tmp_path, seed=0, plan=PLAN, folder=tmp_path, words=tmp_path / "words", cache=tmp_path)
    assert (tmp_path / "words").read_bytes() == b"weights"
    assert seen == {
        "train": data.ids[split.train].tolist(),
        "valid": data.ids[split.valid].tolist(),
        "as it ships": data.ids[split.test].tolist(),
    }
