import dataclasses
import json
import math

import pytest
import yaml

from apexline.assets.parameters import Parameters, load_parameters
from apexline.features.config import FeatureConfig
from apexline.features.flow.stream import FlowConfig
from apexline.orchestration.settings import CONFIGS


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "mine.yaml"
        path.write_text(text)
        return path

    return write


def unnamed(parameters):
    return dataclasses.replace(parameters, name="")


def flat(sections):
    """Values as JSON writes them, by ``section.key``: 1 is not 1.0."""
    found = {}
    for section, values in sections.items():
        for key, value in values.items() if isinstance(values, dict) else [("", values)]:
            found[f"{section}.{key}"] = json.dumps(value)
    return found


def test_an_empty_file_means_the_defaults(written):
    assert unnamed(load_parameters(written(""))) == unnamed(Parameters(features=FeatureConfig()))


def test_default_file_names_every_parameter_with_its_default():
    """Whoever reads default.yaml reads the values in force: each of them, in its own type, and nothing else."""
    document = yaml.safe_load((CONFIGS / "default.yaml").read_text())
    resolved = Parameters(features=FeatureConfig()).resolved()
    features = resolved.pop("features")
    del resolved["name"]
    assert flat(document) == flat({**features, **resolved})


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
        ("trainig:", r"mine.yaml: unknown sections \['trainig'\]"),
        (
            "training: {epoch: 3}",
            "mine.yaml: training.epoch: saw an unknown key; expected one of batch_norm, .*epochs",
        ),
        ("flow: {alfa: 3}", "mine.yaml: flow.alfa: saw an unknown key; expected one of alpha"),
        (
            "training: {epochs: many}",
            "mine.yaml: training.epochs: saw 'many'; expected input to be a valid integer",
        ),
        (
            "training: {keep: first}",
            "mine.yaml: training.keep: saw 'first'; expected input to be 'best' or 'last'",
        ),
        (
            "training_set: {valid_fraction: 0.9}",
            "mine.yaml: training_set: .* sum to 1.15; expected less than 1",
        ),
        ("survey: 12", "mine.yaml: survey: saw 12; expected input to be a dictionary"),
        ("- training", "mine.yaml: saw .*; expected sections of keys and values"),
        ("training: {epochs: 3", "mine.yaml is no YAML"),
        ("name: other", r"mine.yaml: unknown sections \['name'\]"),
    ],
)
def test_a_mistake_is_named(written, text, message):
    with pytest.raises(ValueError, match=message):
        load_parameters(written(text))


# A value outside the bounds of each number.
OUTSIDE = {
    "faces": {"min_face_px": 11, "min_score": 1.1, "max_detection_side": 63},
    "tracks": {
        "check_s": math.inf, "still_check_s": -0.1, "still_motion": math.nan, "search_s": math.inf,
        "still_search_s": -1, "start_score": 1.1, "keep_score": -0.1, "min_detections": 0, "max_missed": -1,
        "min_iou": 1.1, "correction": -0.1, "max_disagreement": -0.1, "min_blur": -1, "max_yaw": -0.1,
        "max_roll_deg": math.nan,
    },
    "texture": {"window_s": 0},
    "flow": {
        "alpha": 0, "num_sweeps": 0, "num_levels": 0, "num_warps": 0, "median": 4, "anchor_s": 0, "still_px_s": -1,
        "min_correlation": 1.1, "hoof_bins": 0,
    },
    "segments": {
        "apex_fraction": 1.1, "max_turn_deg_s": 0, "apex_share": -0.1, "min_motion_px": -0.1, "min_speed_px_s": -1,
        "repeat_fraction": 1.1, "join_fraction": -0.1, "rest_window_s": 0, "smooth_s": -0.1, "delta": 2,
        "min_probability": 0,
        "min_difference": -0.1, "merge_gap_s": -0.1, "min_length_s": -0.1, "max_length_s": math.nan, "micro_s": -0.1,
    },
    "survey": {"simulated_raters": -1},
    "training_set": {"frames_per_segment": 0, "valid_fraction": 0, "test_fraction": 1, "seed": -1},
    "training": {
        "epochs": 0, "batch_size": 0, "lr": 0, "weight_decay": -0.1, "patience": 0, "texture_components": -1,
        "pad_weight": -1, "beta": -1, "mirror": 1, "shift_px": -1, "gain": -0.1, "noise": -0.1, "feature_dropout": 1,
        "rotation_deg": -1, "zoom": -0.1, "soften": 1, "blocks": -0.1, "occlusion": 1, "label_smoothing": 1,
        "class_balance": -1, "ema": 1, "trunk_rate": -0.1, "width": 0, "dropout": 1, "num_threads": 0,
    },
    "abstention": {
        "min_face_px": -1, "min_blur": -1, "max_yaw": 1.1, "max_roll_deg": 181, "min_track_s": -1, "coverage": 1.1,
        "typical": math.nan, "min_change_confidence": -0.1,
    },
    "promotion": {
        "num_resamples": 0, "min_difference": 2, "false_promotions": 0, "min_slice_count": 0, "max_slice_loss": -0.1,
    },
    "drift": {"days": 0, "first_answers": 0, "min_count": 0, "min_psi": -0.1, "false_alarms": 0},
}  # fmt: skip
ALL_OUTSIDE = [(section, key, value) for section, keys in OUTSIDE.items() for key, value in keys.items()]


def test_every_number_is_bounded():
    resolved = Parameters(features=FeatureConfig()).resolved()
    sections = {**resolved.pop("features"), **resolved}
    numbers = {
        name: {key for key, value in values.items() if type(value) in (int, float)}
        for name, values in sections.items()
        if isinstance(values, dict)
    }
    assert {name: set(values) for name, values in OUTSIDE.items()} == numbers


@pytest.mark.parametrize(("section", "key", "value"), ALL_OUTSIDE)
def test_a_number_out_of_bounds_is_refused(written, section, key, value):
    path = written(yaml.safe_dump({section: {key: value}}))
    with pytest.raises(ValueError, match=f"mine.yaml: {section}.{key}: saw {value}; expected input to be "):
        load_parameters(path)


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


def test_a_hash_does_not_depend_on_how_a_number_is_written(written):
    """YAML's 9 for a float is 9.0, and code that says the same has the same hash."""
    hashes = {
        load_parameters(written("flow: {alpha: 9, num_sweeps: 20}")).hash_of("features"),
        load_parameters(written("flow: {alpha: 9.0}")).hash_of("features"),
        Parameters(features=FeatureConfig(flow=FlowConfig(alpha=9))).hash_of("features"),
    }
    assert len(hashes) == 1
    resolved = load_parameters(written("flow: {alpha: 9, num_sweeps: 20}")).resolved()["features"]
    assert json.dumps([resolved["flow"][key] for key in ("alpha", "num_sweeps")]) == "[9.0, 20]"
    assert resolved["texture"]["kinds"] == ["sl", "sr"]


def test_parameters_can_not_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Parameters(features=FeatureConfig()).training = None
