"""Which fold trains, sets limits and tests a version; what a retraining begins from, and that a killed one goes on."""

from dataclasses import asdict, replace
from types import SimpleNamespace

import numpy as np
import pytest

from apexline.assets.parameters import Parameters
from apexline.assets.training import deepid_versions as module
from apexline.assets.training.decisions import store_decision, undisputed
from apexline.assets.training.deepid_versions import DEEPID_VERSIONS, Beginning, _state_file, begin
from apexline.features.config import FeatureConfig
from apexline.governance import audit_lines
from apexline.ml.config import TrainConfig
from apexline.ml.datasets.rehearsal import with_rehearsal
from apexline.ml.deepid.model import ExpressionModel
from tests.assets.training.examples import example

NUMBERS = range(24)


class Registry:
    """Keeps the one version that is logged."""

    def find_version(self, stamp):
        return None

    def log_version(self, run, tested, **logged):
        self.run, self.tested, self.logged = run, tested, logged
        return 1

    def load_model(self, number):
        return f"model {number}"

    def test_metrics(self, number):
        return {"recognition": self.tested.recognition}

    def tags(self, number):
        return {"synthetic": "true"}

    def document(self, number, name):
        return name


def test_other_norms_are_other_targets(lake, monkeypatch, other_file):
    """The network learns where the emotions lie in PAD from the file of adjective pairs that ships."""
    parameters = Parameters(features=FeatureConfig())
    before = [module.model_stamp(lake, parameters, version) for version in module.VERSIONS]
    assert before == [module.model_stamp(lake, parameters, version) for version in module.VERSIONS]
    monkeypatch.setattr(module, "PAIRS_FILE", other_file)
    after = [module.model_stamp(lake, parameters, version) for version in module.VERSIONS]
    assert len({*before, *after}) == 2 * len(module.VERSIONS)


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


def test_what_is_rehearsed_is_learned_and_on_the_list_of_what_was_learned_from(
    materialise, lake, monkeypatch
):
    rows = [example(number, image=bytes((number * at) % 251 for at in range(48 * 48))) for number in NUMBERS]
    lake.write("training_set", "examples", rows, stamp="s")
    quick = TrainConfig(epochs=1, texture_components=2)

    def rehearse(lake, parameters, champion, data, split):
        assert champion == "model 3"
        shown = replace(
            data.take(split.train[:2]), ids=np.array(["t-1-5", "t-7-9"]), subjects=np.array(["clip-t"] * 2)
        )
        return with_rehearsal(data, split, shown, weight=0.5)

    monkeypatch.setattr(module, "load_space", lambda lake: SimpleNamespace(hash="space"))
    monkeypatch.setattr(module, "begin", lambda *_, **__: Beginning(3, None, quick))
    monkeypatch.setattr(module, "lesson", rehearse)
    registry = Registry()
    parameters = Parameters(features=FeatureConfig(), training=quick)
    materialise(DEEPID_VERSIONS[0], lake=lake, registry=registry, parameters=parameters)
    logged = registry.logged
    assert logged["tags"]["rehearsed_faces"] == "2"
    folds = dict(zip(logged["data"].ids.tolist(), logged["split"].folds.tolist(), strict=True))
    assert (folds["t-1-5"], folds["t-7-9"]) == ("train", "train")
    assert len(folds) == len(NUMBERS) + 2
    assert registry.tested.ids.tolist() == [f"e{at}" for at in NUMBERS if at % 3 == 2]


def test_a_training_is_on_record_and_begins_from_what_knows_nothing_erased(materialise, lake, monkeypatch):
    """The champion, version 2, learned from what was erased since; version 1, which it went on from, did not."""
    rows = [example(number, image=bytes((number * at) % 251 for at in range(48 * 48))) for number in NUMBERS]
    lake.write("training_set", "examples", rows, stamp="s")
    quick = TrainConfig(epochs=1, texture_components=2)
    begun = []

    class Tainted(Registry):
        def tags(self, number):
            taint = {"learned_from_erased": "true", "started_from": "1"} if number == 2 else {}
            return {"synthetic": "true", **taint}

    def begin_from(registry, champion, *_, **__):
        begun.append(champion)
        return Beginning(None, None, quick)

    monkeypatch.setattr(module, "load_space", lambda lake: SimpleNamespace(hash="space"))
    monkeypatch.setattr(module, "begin", begin_from)
    store_decision(lake, undisputed(2, "of a test"), "s")
    parameters = Parameters(features=FeatureConfig(), training=quick)
    materialise(DEEPID_VERSIONS[0], lake=lake, registry=Tainted(), parameters=parameters)
    assert begun == [1]
    [training] = audit_lines(lake.home, actions=["train"])
    assert (training["who"], training["examples"]) == ("deepid_baseline", len(NUMBERS))


class StubRegistry:
    def __init__(self, *, version="baseline", synthetic=False, reducer=None):
        config = asdict(TrainConfig(width=2.0, batch_norm=True, lr=0.5))
        self.model = SimpleNamespace(version=version, reducer=reducer, network="network", config=config)
        self.synthetic = synthetic

    def tags(self, number):
        assert number == 3
        return {"synthetic": str(self.synthetic).lower()}

    def load_model(self, number):
        assert number == 3
        return self.model


def test_a_retraining_goes_on_from_the_champion_and_moves_its_trunk_little():
    found = begin(StubRegistry(), 3, TrainConfig(lr=0.01, width=1.0), version="semantic", synthetic=False)
    assert (found.number, found.network) == (3, "network")
    assert (found.config.width, found.config.batch_norm) == (2.0, True)  # the champion's shape
    assert (found.config.lr, found.config.trunk_rate) == (0.01, 0.1)  # the home's own parameters


def test_a_smaller_rate_of_the_home_stays():
    found = begin(StubRegistry(), 3, TrainConfig(trunk_rate=0.0), version="baseline", synthetic=False)
    assert found.config.trunk_rate == 0.0


def test_a_network_with_features_keeps_as_many_of_them():
    reducer = SimpleNamespace(texture_components=[0] * 8)
    registry = StubRegistry(version="features", reducer=reducer)
    found = begin(registry, 3, TrainConfig(texture_components=32), version="features", synthetic=False)
    assert (found.number, found.config.texture_components) == (3, 8)


@pytest.mark.parametrize(
    ("registry", "champion", "synthetic"),
    [
        (StubRegistry(), None, False),
        (StubRegistry(), 3, True),
        (StubRegistry(synthetic=True), 3, False),
        (StubRegistry(version="features"), 3, False),
    ],
)
def test_else_it_begins_at_random_as_the_parameters_say(registry, champion, synthetic):
    config = TrainConfig()
    found = begin(registry, champion, config, version="semantic", synthetic=synthetic)
    assert (found.number, found.network, found.config) == (None, None, config)


def test_the_state_of_a_killed_training_is_found_again_and_that_of_another_goes(lake):
    lake.home.mkdir(exist_ok=True)
    left = _state_file(lake, "baseline", "a" * 32)
    left.write_bytes(b"epoch 3")
    other = _state_file(lake, "semantic", "a" * 32)
    other.write_bytes(b"epoch 1")
    assert _state_file(lake, "baseline", "a" * 32).read_bytes() == b"epoch 3"
    assert not _state_file(lake, "baseline", "b" * 32).exists()
    assert not left.exists()
    assert other.exists()
