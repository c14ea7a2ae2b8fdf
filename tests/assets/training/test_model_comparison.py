"""Who becomes challenger, and on whose faces the versions are compared."""

import pytest

from apexline.assets.training.deepid_versions import VERSIONS, model_stamp
from apexline.assets.training.model_comparison import model_comparison
from tests.assets.training.examples import FoldReader, example

FOLDS = {"train": range(0, 8), "valid": range(8, 16), "test": range(16, 24)}


class Versions:
    """Registered versions 1 to 3, in the order of `VERSIONS`: each knows one fold, and the last learned best."""

    models = {
        number: FoldReader(FOLDS[fold]) for number, fold in enumerate(("test", "train", "valid"), start=1)
    }
    losses = {1: 0.9, 2: 0.5, 3: 0.2}

    def __init__(self, stamps):
        self.stamps = stamps
        self.aliases = {}

    def find_version(self, stamp):
        return self.stamps.get(stamp)

    def load_model(self, number):
        return self.models[number]

    def validation_loss(self, number):
        return self.losses[number]

    def run_id(self, number):
        return f"run {number}"

    def document(self, number, name):
        return f"{name} of version {number}"

    def get_alias(self, alias):
        return self.aliases.get(alias)

    def set_alias(self, alias, number):
        self.aliases[alias] = number


@pytest.fixture
def trained(lake, parameters):
    """A training set of 24 faces, and a registry with a model of it for each version."""
    rows = [example(number, fold=fold) for fold, numbers in FOLDS.items() for number in numbers]
    lake.write("training_set", "examples", rows, stamp="s")
    stamps = {model_stamp(lake, parameters, version): at for at, version in enumerate(VERSIONS, start=1)}
    return Versions(stamps)


def test_versions_are_compared_on_the_test_fold_and_the_validation_loss_chooses(materialise, lake, trained):
    metadata = materialise(model_comparison, lake=lake, registry=trained).metadata
    table = lake.read("model_comparison", lake.names("model_comparison")[0]).to_pylist()
    assert [(row["version"], row["model_version"]) for row in table] == list(
        zip(VERSIONS, (1, 2, 3), strict=True)
    )
    assert [row["recognition"] for row in table] == [1.0, 0.0, 0.0]
    # classes after the semantic mapping are right where recognition is not
    assert [row["classification"] for row in table] == [0.0, 1.0, 1.0]
    # the test fold chooses nothing: the version that is best there does not become challenger
    assert trained.aliases == {"challenger": 3}
    assert metadata["challenger"].value == 3


def test_a_version_that_is_not_registered_is_named(materialise, lake, trained):
    del trained.stamps[next(iter(trained.stamps))]
    with pytest.raises(LookupError, match="materialise deepid_baseline first"):
        materialise(model_comparison, lake=lake, registry=trained)
