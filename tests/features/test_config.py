"""Configurations of the features: values as they are written, in code and in files, and faults that are named."""

import pickle
from dataclasses import FrozenInstanceError, asdict, fields, replace
from pathlib import Path
from typing import get_args

import pytest

from apexline.features.config import FeatureConfig, build_config, load_config
from apexline.features.faces.config import FaceConfig
from apexline.features.flow.stream import FlowConfig
from apexline.features.modc.codes import KINDS, Kind
from apexline.features.modc.stream import TextureConfig
from apexline.features.spotting.config import SegmentConfig
from apexline.features.tracking.config import TrackConfig
from apexline.sample.plan import SampleConfig

CONFIGS = Path(__file__).parents[2] / "configs"
SECTIONS = (FaceConfig, TrackConfig, TextureConfig, FlowConfig, SegmentConfig)


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "mine.yaml"
        path.write_text(text)
        return path

    return write


def test_paper_file_is_the_paper():
    config = load_config(CONFIGS / "paper.yaml")
    assert config.texture.curve == "first"
    assert (config.flow.solver, config.flow.reference, config.flow.alpha) == ("single", "first", 15.0)
    assert (config.segments.angle, config.segments.single_apex) == ("paper", True)
    assert (config.texture.planes, config.segments.turn) == ("opposite", "printed")
    assert config.faces == FeatureConfig().faces


def test_demo_file_loads():
    assert isinstance(load_config(CONFIGS / "demo.yaml"), FeatureConfig)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("flow: {alfa: 3}", "flow.alfa: saw an unknown key; expected one of alpha, anchor_s"),
        ("flow: {alpha: rough}", "flow.alpha: saw 'rough'; expected input to be a valid number"),
        ("flow: [1, 2]", r"flow: saw \[1, 2\]; expected input to be a dictionary"),
        (
            "texture: {base: base9}",
            "texture.base: saw 'base9'; expected input to be 'paper', 'base7' or 'split'",
        ),
        ("texture: {kinds: [sl, left]}", "texture.kinds.1: saw 'left'; expected input to be 'cod', 'sl'"),
        ("texture: {kinds: []}", r"texture.kinds: saw \[\]; expected tuple to have at least 1 item"),
        (
            "texture: {peers: [sift]}",
            "texture.peers.0: saw 'sift'; expected input to be 'dcp', 'lbp' or 'hog'",
        ),
        ("texture: {grid: [4]}", r"texture.grid.1: saw \[4\]; expected one more value"),
        ("texture: {radii: [2, 0, 6]}", "texture.radii.1: saw 0; expected input to be greater than 0"),
        ("flow: {median: 4}", "flow.median: saw 4; expected input to be 0, 3 or 5"),
        ("segments: {min_length_s: 5}", "segments: min_length_s 5.0 exceeds max_length_s 4.0; swap them"),
        ("device: tpu", "device: saw 'tpu'; expected input to be 'auto', 'cpu' or 'cuda'"),
        ("- flow", r"saw \['flow'\]; expected sections of keys and values"),
        ("flow: {alpha: 3", "is no YAML"),
    ],
)
def test_faulty_files_name_section_and_key(written, text, match):
    with pytest.raises(ValueError, match=f"mine.yaml.*{match}"):
        load_config(written(text))


def test_every_fault_has_its_line(written):
    path = written("flow: {alpha: -1}\nsegments: {delta: 2}")
    with pytest.raises(ValueError, match="flow.alpha") as error:
        load_config(path)
    assert str(error.value).splitlines() == [
        f"{path}: flow.alpha: saw -1; expected input to be greater than 0",
        f"{path}: segments.delta: saw 2; expected input to be less than or equal to 1",
    ]


def test_other_sections_belong_to_others(written):
    path = written("survey: {anything: 1}\nflow:\nsegments: {delta: 0.25}\n")
    assert load_config(path) == FeatureConfig(segments=SegmentConfig(delta=0.25))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.yaml"):
        load_config(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("build", "match"),
    [
        (
            lambda: TextureConfig(prefilter="median"),
            "TextureConfig\nprefilter\n.*'none', 'gaussian'.*'median'",
        ),
        (lambda: FlowConfig(solver="lk"), "FlowConfig\nsolver\n.*'single' or 'pyramid'.*'lk'"),
        (lambda: FlowConfig(alfa=3), "FlowConfig\nalfa\n.*Unexpected keyword"),
        (lambda: replace(FlowConfig(), alpha=0), "FlowConfig\nalpha\n.*greater than 0.*input_value=0"),
        (lambda: FeatureConfig(flow={"alpha": -1}), r"FeatureConfig\nflow\.alpha\n.*input_value=-1"),
        (lambda: SampleConfig(variants=0), "SampleConfig\nvariants\n.*greater than 0"),
    ],
)
def test_configuration_in_code_is_checked_too(build, match):
    with pytest.raises(ValueError, match=match):
        build()


def test_code_and_file_give_the_same_values(written):
    """So that the same configuration has the same hash, whoever wrote 9 for 9.0 or a list for a tuple."""
    of_file = load_config(written("flow: {alpha: 9, num_sweeps: 20}\ntexture: {kinds: [sr], grid: [2, 3]}"))
    of_code = FeatureConfig(
        flow=FlowConfig(alpha=9, num_sweeps=20), texture=TextureConfig(kinds=["sr"], grid=[2, 3])
    )
    assert repr(asdict(of_file)) == repr(asdict(of_code))
    assert (type(of_file.flow.alpha), type(of_file.flow.num_sweeps)) == (float, int)
    assert (of_file.texture.kinds, of_file.texture.grid) == (("sr",), (2, 3))


def test_yaml_numbers_without_a_point_are_read(written):
    """PyYAML takes 1e-3 for a text."""
    assert load_config(written("flow: {alpha: 1e-3}")).flow.alpha == 0.001


@pytest.mark.parametrize("kind", [*SECTIONS, FeatureConfig])
def test_configurations_stay_values(kind):
    config = kind()
    assert pickle.loads(pickle.dumps(config)) == config
    assert hash(replace(config)) == hash(config)
    with pytest.raises(FrozenInstanceError):
        setattr(config, fields(config)[0].name, None)


def test_a_configuration_can_be_built_from_any_mapping():
    assert build_config(FlowConfig, {"alpha": 9}, source="notebook") == FlowConfig(alpha=9.0)
    with pytest.raises(ValueError, match="^notebook: alpha: saw 0; expected input to be greater than 0$"):
        build_config(FlowConfig, {"alpha": 0}, source="notebook")


def test_every_kind_of_modc_may_be_configured():
    assert get_args(Kind) == tuple(KINDS)
