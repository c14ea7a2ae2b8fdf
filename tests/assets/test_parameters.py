import dataclasses

import pytest
import yaml

from assets.parameters import Parameters, load_parameters
from features.pipeline import FeatureConfig
from orchestration.settings import CONFIGS


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "mine.yaml"
        path.write_text(text)
        return path

    return write


def unnamed(parameters):
    return dataclasses.replace(parameters, name="")


def test_an_empty_file_means_the_defaults(written):
    assert unnamed(load_parameters(written(""))) == unnamed(Parameters(features=FeatureConfig()))


def test_default_file_names_every_feature_key_with_its_default():
    """Whoever reads default.yaml reads the values in force."""
    document = yaml.safe_load((CONFIGS / "default.yaml").read_text())
    resolved = Parameters(features=FeatureConfig()).resolved()["features"]
    assert {name: document[name] for name in resolved} == resolved


@pytest.mark.parametrize("name", ["default.yaml", "demo.yaml", "paper.yaml"])
def test_shipped_files_load(name):
    parameters = load_parameters(CONFIGS / name)
    assert parameters.name == name


def test_shipped_default_differs_from_the_defaults_in_nothing():
    assert unnamed(load_parameters(CONFIGS / "default.yaml")) == unnamed(Parameters(features=FeatureConfig()))


def test_values_replace_defaults_key_by_key(written):
    parameters = load_parameters(written("training: {epochs: 7}\nflow: {alpha: 9.5}\nsurvey:\n"))
    assert (parameters.training.epochs, parameters.training.batch_size) == (7, 32)
    assert parameters.features.flow.alpha == 9.5
    assert parameters.survey.simulated_raters == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("trainig: {}", r"mine.yaml: unknown sections \['trainig'\]; known are .*'training'"),
        ("training: {epoch: 3}", r"mine.yaml: section 'training' has unknown keys \['epoch'\]; known are"),
        ("flow: {alfa: 3}", "mine.yaml.*flow.*alfa"),
        ("training: {epochs: many}", "mine.yaml: section 'training'.*\n.*epochs"),
        ("training: {epochs: 0}", "mine.yaml: section 'training'.*\n.*epochs is 0, expected more than 0"),
        ("flow: {alpha: strong}", "(?s)mine.yaml.*alpha"),
        ("survey: 12", "mine.yaml: section 'survey' is 12, expected keys and values"),
        ("- training", "mine.yaml: saw .*, expected sections of keys and values"),
        ("training: {epochs: 3", "mine.yaml is no YAML"),
        ("name: other", r"mine.yaml: unknown sections \['name'\]"),
    ],
)
def test_a_mistake_is_named(written, text, message):
    with pytest.raises(ValueError, match=message):
        load_parameters(written(text))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="none.yaml"):
        load_parameters(tmp_path / "none.yaml")


def test_a_hash_follows_its_sections_and_no_other(written):
    first = load_parameters(written("training: {epochs: 7}"))
    second = load_parameters(written("training: {epochs: 8}"))
    assert first.hash_of("training") != second.hash_of("training")
    assert first.hash_of("features", "survey") == second.hash_of("features", "survey")
    assert first.hash_of("features.flow") != first.hash_of("features.texture")


def test_a_hash_does_not_depend_on_what_is_written_out(written):
    short = load_parameters(written("flow: {num_levels: 3}"))
    assert short.hash_of("features", "training") == load_parameters(written("")).hash_of(
        "features", "training"
    )


def test_parameters_can_not_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Parameters(features=FeatureConfig()).training = None
