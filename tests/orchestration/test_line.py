"""The whole line on a tiny sample: what must hold between its tables, and what a rerun may compute.

One home is built for this file (fixture ``line``); tests that change something work in a copy of it.
"""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pytest

from apexline.assets.lake import TABLES as ALL
from apexline.assets.lake import Lake, listed_camera_days
from apexline.assets.publishing.relations import MARTS
from apexline.assets.publishing.warehouse_read import open_warehouse, read_relation, run_checks
from apexline.assets.training.champion import Comparison
from apexline.assets.training.decisions import latest_decision
from apexline.ml.emotions import ANSWERS, EMOTIONS, PAD_AXES
from apexline.ml.registry.client import MODEL_NAME
from apexline.orchestration.commands.ingest import process_all
from apexline.orchestration.jobs import TRAINING_ASSETS
from apexline.orchestration.line import open_line
from apexline.orchestration.resources import build_registry
from tests.orchestration.erasure.small_home import remains
from tests.orchestration.installation import (
    check_evaluations,
    computed,
    drawings,
    files_of,
    latest_metadata,
    promote,
    quiet,
    shown_code,
    with_changes,
)
from tests.orchestration.pages.clicks import correct, hand_in_again, learned_from_people, needs_browser

pytestmark = pytest.mark.slow
TABLES = {name: schema for name, schema in ALL.items() if name != "reviews"}  # nobody reviewed anything


# --- what one run leaves behind ---------------------------------------------------------------------------


def test_every_table_has_rows_and_its_documented_columns(line):
    for table, schema in TABLES.items():
        files = list((line.lake.home / "lake" / table).rglob("*.parquet"))
        assert files, table
        rows = line.lake.read_all(table)
        assert rows.schema.equals(schema), table
        assert rows.num_rows > 0, table


def test_all_clips_and_faces_of_the_sample_are_there(line):
    assert line.lake.read_all("clip_manifest").num_rows == 8
    tracks = line.lake.read_all("face_tracks")
    assert len(set(tracks["track_id"].to_pylist())) == 8  # one face in each clip
    assert line.lake.read_all("annotations").num_rows == 16


def test_keys_lead_from_table_to_table(line):
    def keys(table, *columns):
        rows = line.lake.read_all(table).select(list(columns)).to_pylist()
        return {tuple(row.values()) for row in rows}

    tracked = keys("face_tracks", "clip_id", "track_id")
    for table in (
        "face_crops",
        "texture_features",
        "flow_features",
        "expression_features",
        "expression_segments",
        "training_set",
    ):
        assert keys(table, "clip_id", "track_id") <= tracked, table
    assert keys("face_crops", "track_id", "frame") <= keys("face_tracks", "track_id", "frame")
    assert keys("segment_scores", "segment_id") == keys("expression_segments", "segment_id")


def test_expressions_are_found_where_the_sample_has_them(line):
    with open_warehouse(line.settings.warehouse_path) as connection:
        truth = read_relation(connection, "spotting_summary")
    assert truth["hits"].sum() >= 6  # of 12 expressions that are not calm
    assert truth["synthetic"].all()


def test_scores_are_probabilities_and_points_of_the_pad_cube(line):
    scores = line.lake.read_all("segment_scores").to_pandas()
    probabilities = scores[[f"p_{emotion}" for emotion in ANSWERS]].to_numpy()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=1e-3)
    assert (scores["confidence"] == probabilities.max(axis=1)).all()
    assert scores["emotion"].tolist() == [ANSWERS[k] for k in probabilities.argmax(axis=1)]
    assert (np.abs(scores[list(PAD_AXES)].to_numpy()) <= 1).all()
    assert (scores["adjectives"].map(len) == 3).all()
    assert scores["synthetic"].all()
    assert scores["dagster_run_id"].map(len).gt(0).all()


def test_subjects_are_kept_apart_and_every_fold_has_every_emotion(line):
    examples = line.lake.read_all("training_set").to_pandas()
    assert (examples.groupby("subject")["fold"].nunique() == 1).all()
    seen = set(zip(examples["fold"], examples["emotion"], strict=True))
    assert seen == {(fold, emotion) for fold in ("train", "valid", "test") for emotion in EMOTIONS}
    assert examples[list(PAD_AXES)].notna().to_numpy().all()  # the simulated panel rated all of them


def test_three_versions_compete_on_one_split_and_one_is_champion(line):
    comparison = line.lake.read_all("model_comparison").to_pandas()
    assert sorted(comparison["version"]) == ["baseline", "features", "semantic"]
    assert comparison["split_hash"].nunique() == 1
    losses = {number: line.registry.validation_loss(number) for number in comparison["model_version"]}
    challenger = line.registry.get_alias("challenger")
    assert challenger == min(losses, key=losses.__getitem__)
    decision = latest_decision(line.lake)
    assert (decision["model_version"], decision["incumbent_version"]) == (challenger, 1)
    assert (decision["promoted"], decision["approved_by"]) == (False, "demo")
    assert "it learned from synthetic faces" in decision["reason"]


def test_the_shipped_model_is_champion_and_scores(line):
    champion = line.registry.get_alias("champion")
    assert champion == 1
    assert line.registry.tags(champion)["shipped"] == "true"
    assert set(line.lake.read_all("segment_scores")["model_version"].to_pylist()) == {champion}


def test_every_version_says_what_it_was_made_of(line):
    shipped, *trained = line.registry.list_versions()
    assert shipped.tags["synthetic"] == "false"
    assert len(trained) == 3
    for version in trained:
        assert version.tags["synthetic"] == "true"
        assert version.tags["feature_version"]
        assert version.tags["dagster_run_id"]


def test_champion_answers_its_example_as_the_handbook_shows(line, monkeypatch):
    import mlflow

    monkeypatch.setenv("APEXLINE_SERVING_CAMERA", "gate-01")  # the page sets it; unset when the test ends
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(line.settings.tracking_uri)
    try:
        exec(shown_code("load_model"), names := dict[str, Any]())  # as a reader would
    finally:
        mlflow.set_tracking_uri(before)
    scores = names["scores"]
    assert len(scores) == len(names["model"].input_example) > 0
    np.testing.assert_allclose(scores[[f"p_{emotion}" for emotion in ANSWERS]].sum(axis=1), 1.0, atol=1e-3)
    assert (scores[list(PAD_AXES)].abs() <= 1).to_numpy().all()
    assert set(scores["emotion"]) <= set(ANSWERS)


def test_the_queries_of_the_handbook_return_rows(line):
    queries = re.findall(r'"""(.*?)"""', shown_code("duckdb"), re.DOTALL)
    assert len(queries) == 3
    with open_warehouse(line.settings.warehouse_path) as connection:
        # How much arousal this hardly trained model sees is no matter here.
        rows = [connection.sql(query.replace("arousal > .2", "arousal > -1")).fetchall() for query in queries]
    assert all(rows)


def test_warehouse_is_full_and_consistent(line):
    with open_warehouse(line.settings.warehouse_path) as connection:
        empty = [name for name in MARTS if read_relation(connection, name).empty]
        offending = {name: rows for name, rows in run_checks(connection).items() if len(rows)}
    assert empty == ["reviews", "review_summary", "quarantine"]
    assert offending == {}


def test_report_redraws_tables_and_figures_and_says_synthetic(line):
    page = (line.lake.home / "reports" / "latest" / "index.html").read_text(encoding="utf-8")
    for words in ("Table 2", "Table 3", *(f"Figure {number}" for number in range(5, 12)), "synthetic"):
        assert words in page, words


def test_every_check_ran_and_none_that_blocks_failed(line, definitions):
    evaluations = check_evaluations(line.settings)
    known = definitions.resolve_asset_graph().asset_check_keys
    assert {dg.AssetCheckKey(each.asset_key, each.check_name) for each in evaluations} == set(known)
    blocking = [each for each in evaluations if each.severity == dg.AssetCheckSeverity.ERROR]
    assert [each for each in blocking if not each.passed] == []


def test_summary_says_what_there_is_and_that_it_is_synthetic(line):
    totals = line.summary["line"]
    assert totals["clips"] == totals["tracks"] == 8
    assert totals["segments"] == totals["scores stored"] > 0
    assert totals["champion"].startswith("version ")
    versions = next(section for title, section in line.summary.items() if "DeepID" in title)
    assert [row["data"] for row in versions] == ["synthetic"] * 3
    assert line.summary["this run"]["computed"]["face_tracks"] == 8
    assert Path(line.summary["where to look next"]["report"]).is_file()


# --- what a second run does -------------------------------------------------------------------------------


def test_a_second_run_computes_nothing(once_more):
    _, summary, _ = once_more
    assert summary["this run"]["computed"] == "nothing: everything was up to date"


def test_a_second_run_changes_no_data_version_and_no_content(once_more, definitions):
    before, _, after = once_more
    assert len(before[0]) == sum(1 + a.is_partitioned for a in definitions.resolve_asset_graph().asset_nodes)
    assert after == before


def test_other_spotting_parameters_recompute_segments_and_scores_only(copied, fast_parameters):
    settings = copied(with_changes(fast_parameters, segments="{min_length_s: 0.2}"))
    with open_line(settings) as line:
        process_all(line, on_step=quiet)
    assert computed(line.work) == {"expression_segments", "segment_scores"}


def test_other_training_parameters_train_again_and_recompute_nothing_else(copied, fast_parameters):
    settings = copied(
        with_changes(fast_parameters, training="{epochs: 2, batch_size: 16, texture_components: 8}")
    )
    with open_line(settings) as line:
        line.run("retrain")
    assert computed(line.work) == {
        "deepid_baseline",
        "deepid_features",
        "deepid_semantic",
        "model_comparison",
    }
    assert [version.number for version in line.registry.list_versions()] == [1, 2, 3, 4, 5, 6, 7]


# --- who decides, and what stays ---------------------------------------------------------------------------


def test_without_approval_the_champion_stays(copied):
    settings = copied()
    with open_line(settings) as line:
        promote(line, next(n for n in (2, 3, 4) if n != line.registry.get_alias("challenger")))
        before = line.registry.get_alias("champion")
        line.run("promote")
        decision = latest_decision(line.lake)
        assert line.registry.get_alias("champion") == before
        assert (decision["promoted"], decision["approved_by"]) == (False, "")


def test_a_new_champion_adds_its_scores_to_those_of_the_old_one(copied):
    settings = copied()
    with open_line(settings) as line:
        [day, *_] = sorted(line.instance.get_dynamic_partitions("camera_day"))
        old = line.registry.get_alias("champion")
        before = files_of(line.lake, day)
        new = line.registry.get_alias("challenger")
        promote(line, new)
        line.run("rescore", camera_day=day)
        after = files_of(line.lake, day)
        scores = line.lake.read_all("segment_scores", camera_days=[day]).to_pandas()
    assert len(after) == 2 * len(before)
    assert {name: after[name] for name in before} == before  # byte for byte
    by_version = scores.groupby("model_version")["segment_id"].agg(set)
    assert set(by_version.index) == {old, new}
    assert by_version[old] == by_version[new]


# --- the commands on a trained home -----------------------------------------------------------------------


def test_erased_clip_is_nowhere_any_more(copied, apexline):
    settings = copied()
    lake = Lake(settings.home_path)
    learned = lake.read_all("training_set").to_pandas()
    clip_id = learned.loc[learned["fold"] == "train", "clip_id"].iloc[0]
    tracks = {r["track_id"] for r in lake.read_all("face_tracks").to_pylist() if r["clip_id"] == clip_id}
    traces = re.compile("|".join([clip_id, *tracks]))
    page = settings.state_path / "plots" / "clip.html"
    page.parent.mkdir()
    page.write_text(f"<code>{clip_id}</code>")
    [camera_day] = [
        d for d in listed_camera_days(lake) if clip_id in lake.names("clip_manifest", camera_day=d)
    ]
    drawn = drawings(settings, camera_day)
    crops = lake.read("face_crops", clip_id, camera_day=camera_day)["crop"].to_pylist()
    faces = {*crops, *learned.loc[learned["clip_id"] == clip_id, "image"]}
    versions = build_registry(settings).list_versions()
    learned_by = [each.number for each in versions if each.tags.get("shipped") != "true"]
    assert learned_by

    code, receipt = apexline(settings, "erase", clip_id, "--by", "ada")

    assert code == 0
    assert receipt["asked_by"] == "ada"
    assert [(each["version"], each["fold"]) for each in receipt["models"]] == [
        (v, "train") for v in learned_by
    ]
    assert receipt["deleted"]["stored files"] == 2  # video and record
    stored = lake.home / "receipts" / f"{receipt['receipt']}.json"
    assert json.loads(stored.read_text()) == receipt
    assert apexline(settings, "erase", "--verify", stored)[0] == 0
    assert remains(Path(settings.home), [clip_id, *tracks], faces) == []
    assert all(lake.read_all(table).num_rows for table in TABLES)  # the other clips stay
    with open_warehouse(settings.warehouse_path) as connection:
        assert not any(len(rows) for rows in run_checks(connection).values())
    assert (lake.home / "reports" / "latest" / "index.html").exists()
    record = b"".join(path.read_bytes() for path in settings.dagster_home.rglob("*") if path.is_file())
    assert drawn["face_tracks", "Aligned faces"] not in record
    kept = set(drawings(settings, camera_day).values())  # what shows other clips only is drawn again
    assert not [title for title, picture in drawn.items() if picture in record and picture not in kept]
    with pytest.raises(LookupError, match=f"no clip '{clip_id}' is stored"):
        apexline(settings, "erase", clip_id, "--by", "ada")

    # The next training does without the clip, and touches no other.
    with open_line(settings) as line:
        process_all(line, on_step=quiet)
        line.run("retrain")
    assert not traces.search((lake.home / "pad_space" / "pad_space.json").read_text())
    assert clip_id not in lake.read_all("training_set")["clip_id"].to_pylist()
    assert computed(line.work) == set(TRAINING_ASSETS) - {"score_shift"}  # it compares, and counts no work


@needs_browser
def test_what_a_person_corrects_in_the_browser_is_learned(copied, apexline, deliver, tmp_path, line):
    settings = copied()
    hand_in_again(line, tmp_path / "new", deliver)
    assert apexline(settings, "ingest", tmp_path / "new")[1]["segments"]
    segment_id = correct(settings, "2026-03-02_gate-09", tmp_path / "profile", label="4")
    with open_line(settings) as opened:
        opened.run("retrain")
        assert learned_from_people(opened) == {(segment_id, "scared")}


def test_the_record_of_segments_says_why(line):
    day = listed_camera_days(line.lake)[0]
    metadata = latest_metadata(line.settings, "expression_segments", day)
    rows = [row.data for row in metadata["why"].records]
    tracks = line.lake.read_all("face_tracks", camera_days=[day], columns=["track_id"])["track_id"]
    assert {row["track_id"] for row in rows} == set(tracks.to_pylist())
    assert all(row["decision"] for row in rows)
    assert "0.50 needed" in metadata["Strongest segment: why"].md_str
    assert "Strongest segment: Figures 5 to 7" in metadata


def test_score_says_why_where_it_is_asked_to(line, apexline, tmp_path):
    clip = next((line.lake.home / "clips").rglob("*.mp4"))
    code, _ = apexline(line.settings, "score", clip, "--plot", tmp_path / "why.png")
    assert code == 0
    assert (tmp_path / "why.png").read_bytes().startswith(b"\x89PNG")
    assert not (line.settings.state_path / "plots").exists()


def test_approving_makes_a_challenger_that_wins_champion(copied, apexline, monkeypatch):
    settings = copied()
    # a real win over the shipped model would take real faces
    monkeypatch.setattr(
        "apexline.assets.training.champion.compare_versions", lambda *_: Comparison(0.3, 0.2, 0.4, 0.0)
    )
    registry = build_registry(settings)
    challenger = registry.get_alias("challenger")
    registry.client.set_model_version_tag(MODEL_NAME, str(challenger), "synthetic", "false")
    code, decision = apexline(settings, "approve", "--by", "ada")
    assert code == 0
    assert (decision["promoted"], decision["approved_by"]) == (True, "ada")
    assert registry.get_alias("champion") == challenger == decision["model_version"]
    with pytest.raises(ValueError, match="no challenger to approve that is not champion already"):
        apexline(settings, "approve", "--by", "ada")


def test_scoring_one_clip_stores_nothing(line, once_more, apexline):
    clip = min((line.settings.state_path / "sample").glob("*.mp4"))
    before = line.lake.content_hash()
    code, rows = apexline(line.settings, "score", clip)
    assert code == 0
    stored = [
        row for row in line.lake.read_all("segment_scores").to_pylist() if row["track_id"] == rows[0]["track"]
    ]
    assert [row["emotion"] for row in rows] == [row["emotion"] for row in stored]
    assert [row["confidence"] for row in rows] == pytest.approx(
        [row["confidence"] for row in stored], abs=1e-4
    )
    assert line.lake.content_hash() == before


def test_own_clips_are_scored_by_the_champion_of_the_demonstration(
    copied, apexline, tmp_path, line, noise_clip
):
    settings = copied()
    own = tmp_path / "own"
    own.mkdir()
    (own / "nobody.mp4").write_bytes(noise_clip())
    (own / "broken.mp4").write_bytes(b"")
    face = min((line.settings.state_path / "sample").glob("*.mp4"))
    shutil.copyfile(face, own / "face.mp4")
    code, summary = apexline(settings, "demo", "--clips", own)
    assert code == 0
    by_file = {row["file"]: row for row in summary["clips"]}
    assert by_file["broken.mp4"]["status"] == "zero_bytes"
    assert (by_file["nobody.mp4"]["status"], by_file["nobody.mp4"]["tracks"]) == ("accepted", 0)
    assert (by_file["face.mp4"]["status"], by_file["face.mp4"]["tracks"]) == ("duplicate", 1)
