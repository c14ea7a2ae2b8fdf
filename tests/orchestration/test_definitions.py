"""What Dagster loads: assets with their documentation, and their checks."""

from importlib import reload

import dagster as dg
import pytest

from apexline.orchestration import definitions as module
from apexline.orchestration.definitions import build_definitions
from apexline.orchestration.settings import Settings
from tests.orchestration.installation import BY_CAMERA_DAY, LINE, names

# Check by asset and name; True where a failure stops what follows.
CHECKS = {
    "clip_manifest:every_clip_may_be_processed": True,
    "face_tracks:faces_are_usable": False,
    "face_tracks:every_frame_decodes": False,
    "texture_features:texture_is_finite": True,
    "flow_features:flow_is_finite": True,
    "expression_features:words_are_finite": True,
    "expression_segments:segments_are_ordered": True,
    "rating_surveys:ratings_are_complete": False,
    "pad_space:space_is_not_degenerate": True,
    "pad_space:new_ratings_are_sound": False,
    "training_set:no_subject_in_two_folds": True,
    "training_set:every_class_in_every_fold": True,
    "deepid_baseline:better_than_chance": False,
    "deepid_features:better_than_chance": False,
    "deepid_semantic:better_than_chance": False,
    "model_comparison:same_split": True,
    "champion:champion_is_not_worse": True,
    "score_shift:no_camera_is_turned_over": False,
    "segment_scores:probabilities_sum_to_one": True,
    **dict.fromkeys((f"{name}:no_clip_failed" for name in BY_CAMERA_DAY), False),
    "warehouse:warehouse_is_consistent": False,
    "drift:camera_days_are_as_learned": False,
    "report:report_names_its_data": False,
}


@pytest.fixture(scope="module")
def graph(definitions):
    return definitions.resolve_asset_graph()


def test_definitions_load_and_validate(definitions):
    dg.Definitions.validate_loadable(definitions)


def test_dagster_loads_the_definitions_of_this_machine(tmp_path, monkeypatch):
    monkeypatch.setenv("APEXLINE_HOME", str(tmp_path / "elsewhere"))
    reload(module)
    assert not (tmp_path / "elsewhere").exists()  # importing makes nothing
    loaded = module.definitions()
    assert names(loaded.resolve_asset_graph().get_all_asset_keys()) == set(LINE)
    assert (tmp_path / "elsewhere" / "landing").is_dir()


def test_the_line_is_complete(graph):
    assert names(graph.get_all_asset_keys()) == set(LINE)


@pytest.mark.parametrize("name", LINE)
def test_asset_reads_like_documentation(graph, name):
    group, upstream = LINE[name]
    node = graph.get(dg.AssetKey(name))
    assert node.group_name == group
    assert names(node.parent_keys) == upstream
    assert node.kinds
    assert node.owners == ["team:vision"]
    assert len(node.description) > 60
    assert node.code_version
    assert node.is_partitioned is (name in BY_CAMERA_DAY)


def test_every_stage_is_checked_and_what_would_poison_the_rest_blocks(graph):
    found = {
        f"{key.asset_key.to_user_string()}:{key.name}": graph.get_check_spec(key).blocking
        for key in graph.asset_check_keys
    }
    assert found == CHECKS
    assert {check.partition(":")[0] for check in found} == set(LINE)


@pytest.mark.parametrize("running", [True, False])
def test_one_switch_starts_or_stops_all_automation(tmp_path, running):
    definitions = build_definitions(Settings(home=str(tmp_path), automate=running))
    states = {each.name: each.default_status.value for each in (*definitions.schedules, *definitions.sensors)}
    assert set(states) == {
        "weekly_retraining",
        "daily_warehouse",
        "landing_sensor",
        "champion_sensor",
        "warehouse_sensor",
        "alert_sensor",
        "daily_forgetting",
        "hourly_purge",
    }
    assert set(states.values()) == {"RUNNING" if running else "STOPPED"}


def test_every_definition_says_what_it_is_for(definitions, graph):
    repository = definitions.get_repository_def()
    described = {
        **{f"check {key.name}": graph.get_check_spec(key).description for key in graph.asset_check_keys},
        **{f"asset {key.to_user_string()}": graph.get(key).description for key in graph.get_all_asset_keys()},
        **{f"sensor {each.name}": each.description for each in repository.sensor_defs},
        **{f"schedule {each.name}": each.description for each in repository.schedule_defs},
        **{
            f"job {each.name}": each.description
            for each in repository.get_all_jobs()
            if not each.name.startswith("__")  # Dagster's own
        },
    }
    assert len(described) > 40
    assert {name for name, text in described.items() if len(text or "") < 30} == set()
