"""The asset ``drift``: a camera that looks different is named, one that does not is not."""

from __future__ import annotations

import json
from pathlib import Path

import dagster as dg
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from apexline.assets.parameters import DriftConfig, Parameters
from apexline.assets.publishing.drift import compare, drift, read_measures
from apexline.assets.publishing.relations import read_sql
from apexline.assets.publishing.warehouse_build import build_warehouse
from apexline.assets.publishing.warehouse_read import open_warehouse
from apexline.ml.evaluation.slices import LIGHT_EDGES, SIZE_EDGES_PX, YAW_EDGES
from tests.assets.small_lake import at, clip, face, promotion, put, score, segment

FACES = 60  # of a camera-day, a track each
DAYS = {"2026-03-02_gate-01": 1.0, "2026-03-03_gate-01": 1.0, "2026-03-03_gate-02": 0.5}


def _clip_of(number: int) -> str:
    return f"{number:016x}"


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three camera-days; the faces of the last are half as large, and what is said of them is less sure."""
    lake, rng = tmp_path_factory.mktemp("drift") / "lake", np.random.default_rng(0)
    for number, (day, scale) in enumerate(DAYS.items()):
        name, moment = _clip_of(number), at("08:00", int(day[8:10]))
        tracks = [f"{number}{track:011d}" for track in range(FACES)]
        sizes = rng.normal(100, 10, FACES) * scale
        put(lake, "clip_manifest", name, [clip(name, day[11:], moment, synthetic=True)], day)
        faces = [face(name, track, 0, size_px=size) for track, size in zip(tracks, sizes, strict=True)]
        put(lake, "face_tracks", name, faces, day)
        put(lake, "expression_segments", name, [segment(name, each, 0, 0, 0) for each in tracks], day)
        said = [
            score(name, each, 0, 1, at("10:00", 3 + number), confidence=sure * scale)
            for each, sure in zip(tracks, rng.uniform(0.5, 1, FACES), strict=True)
        ]
        put(lake, "segment_scores", f"{name}-v1", said, day)
    put(lake, "promotions", "one", [promotion(at("09:00", 3), 1, incumbent_version=None)])
    return lake


def _add_pictures(path: Path, pictures: dict[str, float]) -> None:
    table = pq.read_table(path)
    said = {**table.schema.metadata, "apexline.pictures": json.dumps(pictures)}
    pq.write_table(table.replace_schema_metadata(said), path)


CONFIG = DriftConfig(first_answers=FACES, min_count=30)


def _materialise(warehouse: Path, parameters: Parameters) -> dg.ExecuteInProcessResult:
    return dg.materialize([drift], resources={"parameters": parameters, "warehouse_path": warehouse})


def test_the_camera_that_moved_is_named_and_retraining_asked_for(
    lake: Path, tmp_path: Path, parameters: Parameters
) -> None:
    build_warehouse(lake, tmp_path / "w.duckdb")
    result = _materialise(tmp_path / "w.duckdb", Parameters(parameters.features, drift=CONFIG))
    [check] = result.get_asset_check_evaluations()
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    said = " ".join(check.metadata["problems"].value)
    assert "gate-02 on 2026-03-03: size_px was" in said
    assert "confidence was" in said
    assert "gate-01" not in said
    assert "`retrain`" in check.metadata["remedy"].value
    [made] = result.get_asset_materialization_events()
    assert made.materialization.metadata["moved"].value == 2
    assert made.materialization.metadata["Drift"].value.startswith("![Drift](data:image/png")


def test_a_group_that_is_answered_otherwise_is_named(lake: Path, tmp_path: Path) -> None:
    """Small faces become angry, as many large ones happy: all faces together are answered as before."""
    home = tmp_path / "lake"
    for number, day in enumerate(("2026-03-02_gate-01", "2026-03-03_gate-01")):
        name, moment = _clip_of(number), at("08:00", 2 + number)
        tracks = [f"{number}{track:011d}" for track in range(4 * FACES)]
        small = [track % 2 == 0 for track in range(4 * FACES)]
        put(home, "clip_manifest", name, [clip(name, "gate-01", moment)], day)
        faces = [face(name, each, 0, size_px=50 if s else 100) for each, s in zip(tracks, small, strict=True)]
        put(home, "face_tracks", name, faces, day)
        put(home, "expression_segments", name, [segment(name, each, 0, 0, 0) for each in tracks], day)
        said = [
            score(
                name, each, 0, 1, at("10:00", 3 + number), emotion="angry" if s == bool(number) else "happy"
            )
            for each, s in zip(tracks, small, strict=True)
        ]
        put(home, "segment_scores", f"{name}-v1", said, day)
    put(home, "promotions", "one", [promotion(at("09:00", 3), 1, incumbent_version=None)])
    build_warehouse(home, tmp_path / "w.duckdb")
    with open_warehouse(tmp_path / "w.duckdb") as connection:
        config = DriftConfig(first_answers=4 * FACES, min_count=30)
        found = compare(*read_measures(connection, config), config)
    moved = found[found["moved"]]
    assert list(zip(moved["day"], moved["measure"], strict=True)) == [("2026-03-03", "emotion_small")]
    assert moved["now"].item() == "angry 100%"


@pytest.mark.parametrize(
    ("group", "moved"), [("turned", "emotion_turned"), ("dark", "emotion_dark"), ("bright", "emotion_bright")]
)
def test_turned_dark_and_bright_faces_are_looked_at_by_themselves(
    tmp_path: Path, group: str, moved: str
) -> None:
    """As above: those of the group become angry, as many others happy."""
    home, number_of = tmp_path / "lake", 4 * FACES
    grey = {"dark": 40.0, "bright": 200.0}
    for number, day in enumerate(("2026-03-02_gate-01", "2026-03-03_gate-01")):
        for own in (False, True):  # light is that of a clip
            name, moment = _clip_of(2 * number + own), at("08:00", 2 + number)
            tracks = [f"{number}{own:d}{track:010d}" for track in range(number_of // 2)]
            put(home, "clip_manifest", name, [clip(name, "gate-01", moment)], day)
            yaw = 0.2 if own and group == "turned" else 0.0
            faces = [face(name, each, 0, size_px=100, yaw=yaw) for each in tracks]
            put(home, "face_tracks", name, faces, day)
            said_of_pictures = {"grey": grey.get(group, 120.0) if own else 120.0, "contrast": 40.0}
            _add_pictures(home / "face_tracks" / f"camera_day={day}" / f"{name}.parquet", said_of_pictures)
            put(home, "expression_segments", name, [segment(name, each, 0, 0, 0) for each in tracks], day)
            emotion = "angry" if own == bool(number) else "happy"
            said = [score(name, each, 0, 1, at("10:00", 3 + number), emotion=emotion) for each in tracks]
            put(home, "segment_scores", f"{name}-v1", said, day)
    put(home, "promotions", "one", [promotion(at("09:00", 3), 1, incumbent_version=None)])
    build_warehouse(home, tmp_path / "w.duckdb")
    with open_warehouse(tmp_path / "w.duckdb") as connection:
        config = DriftConfig(first_answers=number_of, min_count=30)
        found = compare(*read_measures(connection, config), config)
    assert found[found["moved"]]["measure"].tolist() == [moved]


def test_groups_are_those_that_versions_are_tested_on() -> None:
    text = read_sql("marts", "measures")
    (small, _), (turned, _), (dark, bright) = SIZE_EDGES_PX, YAW_EDGES, LIGHT_EDGES
    assert f"mean_size_px < {small:g}, 'small'" in text
    assert f"mean_abs_yaw >= {turned:g}, 'turned'" in text
    assert f"grey < {dark:g} then 'dark' when clips.grey >= {bright:g} then 'bright'" in text


def test_too_few_faces_say_nothing(lake: Path, tmp_path: Path, parameters: Parameters) -> None:
    build_warehouse(lake, tmp_path / "w.duckdb")
    result = _materialise(
        tmp_path / "w.duckdb", Parameters(parameters.features, drift=DriftConfig(min_count=FACES + 1))
    )
    [check] = result.get_asset_check_evaluations()
    assert check.passed


def test_an_empty_home_has_no_drift(tmp_path: Path, parameters: Parameters) -> None:
    build_warehouse(tmp_path / "nowhere", tmp_path / "w.duckdb")
    [check] = _materialise(tmp_path / "w.duckdb", parameters).get_asset_check_evaluations()
    assert check.passed


def test_faces_are_held_against_those_that_the_champion_learned_from(lake: Path, tmp_path: Path) -> None:
    learned = [
        {"example_id": str(track), "clip_id": _clip_of(2), "track_id": f"2{track:011d}", "fold": "train"}
        for track in range(FACES)
    ]
    put(lake, "training_set", "examples", learned)
    put(lake, "model_comparison", "latest", [{"version": "baseline", "model_version": 1}])
    build_warehouse(lake, tmp_path / "w.duckdb")
    for table in ("training_set", "model_comparison"):
        for file in (lake / table).iterdir():
            file.unlink()
    with open_warehouse(tmp_path / "w.duckdb") as connection:
        rows, reference = read_measures(connection, CONFIG)
    source = reference.groupby("measure")["reference"].agg(["first", "count"])
    assert tuple(source.loc["size_px"]) == ("training faces", FACES)
    assert tuple(source.loc["confidence"]) == ("first answers", FACES)
    found = compare(rows, reference, CONFIG)
    moved = found[found["moved"] & (found["measure"] == "size_px")]
    assert sorted(moved["camera"]) == [
        "gate-01",
        "gate-01",
    ]  # it learned from the small faces of the other one


def test_luck_warns_no_more_often_than_stated() -> None:
    rng, config = np.random.default_rng(3), DriftConfig(min_psi=0.0, false_alarms=0.1)
    reference = pd.DataFrame(
        {"measure": "blur", "value": rng.normal(size=400), "word": None, "reference": "first answers"}
    )
    warned = 0
    for _ in range(100):
        days = [
            pd.DataFrame(
                {"day": "d", "camera": f"c{n}", "measure": "blur", "value": rng.normal(size=50), "word": None}
            )
            for n in range(5)
        ]
        warned += bool(compare(pd.concat(days), reference, config)["moved"].any())
    assert warned <= 18  # of 100; 10 are expected at most
