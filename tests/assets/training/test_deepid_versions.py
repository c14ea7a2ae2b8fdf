"""Which fold trains, sets limits and tests a version."""

from types import SimpleNamespace

import pytest

from apexline.assets.parameters import Parameters
from apexline.assets.training import deepid_versions as module
from apexline.assets.training.deepid_versions import DEEPID_VERSIONS
from apexline.features.config import FeatureConfig
from apexline.ml.config import TrainConfig
from apexline.ml.deepid.model import ExpressionModel
from tests.assets.training.examples import example

NUMBERS = range(24)


class Registry:
    """Keeps the one version that is logged."""

    def find_version(self, stamp):
        return None

    def log_version(self, run, tested, **_):
        self.run, self.tested = run, tested
        return 1

    def test_metrics(self, number):
        return {"recognition": self.tested.recognition}

    def tags(self, number):
        return {"synthetic": "true"}

    def document(self, number, name):
        return name


def test_a_version_is_limited_by_train_and_valid_and_tested_on_test(materialise, lake, monkeypatch):
    rows = [example(number) for number in NUMBERS]
    for row in rows:
        # a face, not a blank image
        row["image"] = bytes((row["image"][0] * at) % 251 for at in range(48 * 48))
    lake.write("training_set", "examples", rows, stamp="s")
    monkeypatch.setattr(module, "load_space", lambda lake: SimpleNamespace(hash="space"))
    limited = {}

    def learn_limits(model, train, valid, *, config):
        limited.update(train=train.ids.tolist(), valid=valid.ids.tolist())
        return original(model, train, valid, config=config)

    original = ExpressionModel.learn_limits
    monkeypatch.setattr(ExpressionModel, "learn_limits", learn_limits)
    quick = Parameters(features=FeatureConfig(), training=TrainConfig(epochs=1, texture_components=2))
    registry = Registry()
    materialise(DEEPID_VERSIONS[0], lake=lake, registry=registry, parameters=quick)
    folds = {
        name: [f"e{at}" for at in NUMBERS if at % 3 == k] for k, name in enumerate(("train", "valid", "test"))
    }
    assert limited == {name: folds[name] for name in ("train", "valid")}
    assert registry.tested.ids.tolist() == folds["test"]
    assert registry.run.model.limits.training_range is not None
    stored = lake.read("learning_curves", "baseline").to_pylist()
    losses = [row["loss"] for row in stored if row["fold"] == "valid"]
    assert losses == [pytest.approx(registry.run.best_valid_loss)]
