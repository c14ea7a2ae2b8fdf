"""Scores are appended: each champion speaks once about each state of a segment."""

from datetime import UTC, datetime
from types import SimpleNamespace

import numpy as np
import pytest
from upath import UPath

from apexline.assets.lake.face_quality import measures_at
from apexline.assets.lake.failures import recorded_failures
from apexline.assets.lake.storage import Lake
from apexline.assets.scoring import segment_scores as module
from apexline.assets.scoring.segment_scores import segment_scores, unscored_camera_days
from apexline.assets.training.training_table import FEATURE_VERSION
from apexline.features.expression import RATERS_WORDS
from apexline.ml import ANSWERS
from apexline.ml.config import AbstentionConfig
from apexline.ml.deepid.abstention import Limits

DAY, CLIP, TRACK = "2026-03-02_gate-03", "aaaa000011112222", "bbbb00001111"


class StubModel:
    """Always equally sure of its one emotion; remembers what it was shown."""

    reducer = SimpleNamespace(texture_mean=np.zeros(16352), flow_mean=np.zeros(70))
    limits = Limits(min_confidence=0.5)

    def __init__(self, number, feature_version=FEATURE_VERSION):
        self.feature_version = feature_version
        self.version = "features"
        self.pad_anchors = np.full((4, 3), 0.5, np.float32)
        self.synthetic = False
        self.favourite = number % 4
        self.seen = []

    def predict(self, images, texture, flow, onsets):
        self.seen.append((images.shape, texture.shape, flow.shape))
        rows = len(images)
        probabilities = np.full((rows, 4), 0.1, np.float32)
        probabilities[:, self.favourite] = 0.7
        names = np.array(["happy", "angry", "calm", "scared"])
        return SimpleNamespace(
            probabilities=probabilities,
            pad=np.full((rows, 3), 0.5, np.float32),
            emotion=names[probabilities.argmax(axis=1)],
            confidence=probabilities.max(axis=1),
            mapped_emotion=names[probabilities.argmax(axis=1)],
            distance=np.full(rows, np.nan, np.float32),
        )


class StubRegistry:
    def __init__(self, champion=None, **options):
        self.champion = champion
        self.models = {}
        self.options = options

    def get_alias(self, alias):
        assert alias == "champion"
        return self.champion

    def set_alias(self, alias, number):
        assert alias == "champion"
        self.champion = number

    def register_shipped(self, shipped, *, parameters):
        self.models[9] = shipped.model
        return 9

    def load_model(self, number):
        return self.models.setdefault(number, StubModel(number, **self.options))


@pytest.fixture
def lake(tmp_path):
    lake = Lake(UPath(tmp_path))
    write_manifest(lake)
    rng = np.random.default_rng(0)
    crops = [
        {"clip_id": CLIP, "track_id": TRACK, "frame": frame, "time_s": frame / 25, "crop": pixels.tobytes()}
        for frame, pixels in enumerate(rng.integers(0, 255, (12, 128, 128), np.uint8))
    ]
    lake.write("face_crops", CLIP, crops, stamp="c", camera_day=DAY)
    write_tracks(lake)
    write_segments(lake, (1, 3), (6, 9), stamp="s1")
    return lake


def write_tracks(lake, **changes):
    """Twelve good frames of a face, a twelfth of a second apart; `changes` give a column by frame."""
    good = {"size_px": 90.0, "blur": 300.0, "yaw": 0.0, "roll_deg": 1.0, "kept": True}
    rows = [
        {
            **{field.name: None for field in lake_schema("face_tracks")},
            **{"clip_id": CLIP, "track_id": TRACK, "frame": frame, "time_s": frame / 12},
            **good,
            **{name: values.get(frame, good[name]) for name, values in changes.items()},
        }
        for frame in range(12)
    ]
    lake.write("face_tracks", CLIP, rows, stamp="t", camera_day=DAY)


def write_manifest(lake, *, synthetic=False):
    row = {field.name: None for field in lake_schema("clip_manifest")}
    row |= {"clip_id": CLIP, "sha256": CLIP * 4, "synthetic": synthetic}
    lake.write("clip_manifest", CLIP, [row], stamp="m", camera_day=DAY)


def lake_schema(table):
    from apexline.assets.lake.schemas import TABLES

    return TABLES[table]


def write_segments(lake, *spans, stamp):
    rows = [
        {
            "clip_id": CLIP,
            "track_id": TRACK,
            "segment_id": f"{TRACK}-{onset}",
            **{"onset": onset, "apex": apex, "offset": apex + 1},
            **{"onset_s": onset / 25, "apex_s": apex / 25, "offset_s": (apex + 1) / 25},
            **{"length": "micro", "score": 1.0, "source": "flow", "roi": "left_mouth"},
            **{"held": [apex], "rest": [onset], "words": []},
        }
        for onset, apex in spans
    ]
    lake.write("expression_segments", CLIP, rows, stamp=stamp, camera_day=DAY)


@pytest.fixture
def score(materialise, lake):
    def run(registry):
        return materialise(segment_scores, camera_day=DAY, lake=lake, registry=registry)

    return run


def rows_of(lake):
    return lake.read_all("segment_scores").to_pylist()


def test_every_segment_gets_the_champions_answer(score, lake):
    registry = StubRegistry(1)
    metadata = score(registry).metadata
    assert metadata["clips_computed"].value == 1
    rows = rows_of(lake)
    assert [row["segment_id"] for row in rows] == [f"{TRACK}-1", f"{TRACK}-6"]
    assert {row["emotion"] for row in rows} == {"angry"}
    assert rows[0]["confidence"] == pytest.approx(rows[0]["p_angry"]) == pytest.approx(0.7)
    assert (rows[0]["pleasure"], rows[0]["arousal"], rows[0]["dominance"]) == pytest.approx((0.5, 0.5, 0.5))
    assert len(rows[0]["adjectives"]) == 3
    assert rows[0]["model_version"] == 1
    assert rows[0]["dagster_run_id"]
    assert [(row["abstained"], row["reasons"]) for row in rows] == [(False, [])] * 2
    assert metadata["answered_share"].value == 1.0
    [(images, texture, flow)] = registry.load_model(1).seen
    assert images == (2, 48, 48)
    assert texture[0] == flow[0] == 2


def test_faces_of_few_segments_are_in_memory_together_and_answers_are_those_of_all(score, lake, monkeypatch):
    monkeypatch.setattr("apexline.assets.scoring.answers._AT_ONCE", 1)
    write_tracks(lake, yaw={3: 0.29})
    segments = lake.read("expression_segments", CLIP, camera_day=DAY).to_pylist()
    # The table's order is not that of time.
    lake.write("expression_segments", CLIP, segments[::-1], stamp="later first", camera_day=DAY)
    registry = StubRegistry(1)
    score(registry)
    told = [(row["segment_id"], row["reasons"]) for row in rows_of(lake)]
    assert told == [(f"{TRACK}-6", []), (f"{TRACK}-1", ["off-pose"])]
    assert [images for images, _, _ in registry.load_model(1).seen] == [(1, 48, 48)] * 2


def test_other_norms_are_other_adjectives_and_scored_beside_the_first(score, lake, monkeypatch, other_file):
    registry = StubRegistry(1)
    score(registry)
    monkeypatch.setattr(module, "PAIRS_FILE", other_file)
    assert [score(registry).metadata["clips_computed"].value for _ in range(2)] == [1, 0]
    assert [row["segment_id"] for row in rows_of(lake)] == [f"{TRACK}-1", f"{TRACK}-6"] * 2


def test_why_a_model_abstains_is_stored(score, lake):
    write_tracks(lake, blur={9: 9.5}, size_px={9: 31.0}, yaw={3: 0.29})
    metadata = score(StubRegistry(1)).metadata
    assert [(row["abstained"], row["reasons"]) for row in rows_of(lake)] == [
        (True, ["off-pose"]),
        (True, ["small", "blurred"]),
    ]
    counts = metadata["abstentions"].value
    assert (counts["small"], counts["off-pose"], counts["low confidence"]) == (1, 1, 0)
    assert metadata["answered_share"].value == 0.0


def test_the_reason_of_a_segment_names_the_light(score, lake):
    write_tracks(lake, blur={9: 9.5})
    rows = lake.read("face_crops", CLIP, camera_day=DAY).to_pylist()
    # As noisy as the night of a camera: dark, and no less sharp for that.
    night = np.random.default_rng(0).integers(8, 19, (128, 128), np.uint8).tobytes()
    lake.write("face_crops", CLIP, [{**row, "crop": night} for row in rows], stamp="night", camera_day=DAY)
    score(StubRegistry(1))
    assert [row["reasons"] for row in rows_of(lake)] == [[], ["too dark"]]


def test_a_frame_that_was_dropped_is_judged_by_its_neighbour(score, lake):
    write_tracks(lake, blur={9: 1.0, 10: 8.0, 8: 14.0}, kept={9: False, 8: False})
    score(StubRegistry(1))
    assert measures_at(lake, DAY, CLIP, [(TRACK, 9), (TRACK, 8), ("other", 1)]) == {
        (TRACK, 9): {"size_px": 90.0, "blur": 8.0, "yaw": 0.0, "roll_deg": 1.0, "track_s": 11 / 12},
        (TRACK, 8): {"size_px": 90.0, "blur": 300.0, "yaw": 0.0, "roll_deg": 1.0, "track_s": 11 / 12},
    }
    assert [row["reasons"] for row in rows_of(lake)] == [[], ["blurred"]]


def test_a_short_track_and_a_low_confidence_are_reasons(score, lake):
    write_tracks(lake, kept={frame: False for frame in range(5)} | {11: False})
    registry = StubRegistry(1)
    registry.load_model(1).limits = Limits(config=AbstentionConfig(min_change_confidence=0.71))
    score(registry)
    assert [row["reasons"] for row in rows_of(lake)] == [["short track", "low confidence"]] * 2
    promote(lake, 2)
    again = StubRegistry(2)
    again.load_model(2).limits = Limits(
        config=AbstentionConfig(min_track_s=0.4, min_change_confidence=0.69), min_confidence=0.71
    )
    score(again)
    assert [row["reasons"] for row in rows_of(lake)][2:] == [[], []]


def test_in_a_new_installation_the_shipped_model_scores(score, lake):
    assert score(StubRegistry()).metadata["champion"].value == 9
    assert {(row["model_version"], row["version"]) for row in rows_of(lake)} == {(9, "baseline")}
    assert lake.read_all("promotions")["model_version"].to_pylist() == [9]


def test_the_same_champion_scores_once(score, lake):
    registry = StubRegistry(1)
    first = score(registry)
    before = rows_of(lake)
    again = score(registry)
    assert again.metadata["clips_unchanged"].value == 1
    assert rows_of(lake) == before
    assert again.tags["dagster/data_version"] == first.tags["dagster/data_version"]


def test_a_version_that_nobody_promoted_scores_nothing(score, lake):
    score(StubRegistry(1))
    before = rows_of(lake)
    write_segments(lake, (1, 4), (6, 9), stamp="s2")  # something is to be scored
    intruder = StubRegistry(2)
    with pytest.raises(ValueError, match="points at version 2, .* is of version 1: .* nothing is scored"):
        score(intruder)
    assert rows_of(lake) == before
    assert intruder.models == {}


def test_another_champion_adds_and_overwrites_nothing(score, lake):
    score(StubRegistry(1))
    before = {name: lake.path("segment_scores", name, camera_day=DAY).read_bytes() for name in names(lake)}
    promote(lake, 2)
    score(StubRegistry(2))
    assert len(names(lake)) == 2
    for name, content in before.items():
        assert lake.path("segment_scores", name, camera_day=DAY).read_bytes() == content
    assert [(row["model_version"], row["emotion"]) for row in rows_of(lake)] == [
        *[(1, "angry")] * 2,
        *[(2, "calm")] * 2,
    ]


def test_new_segments_are_scored_beside_the_scores_of_the_old_ones(score, lake):
    score(StubRegistry(1))
    write_segments(lake, (2, 4), stamp="s2")
    score(StubRegistry(1))
    assert sorted(row["segment_id"] for row in rows_of(lake)) == [f"{TRACK}-1", f"{TRACK}-2", f"{TRACK}-6"]


def test_a_clip_without_segments_is_done_without_asking_the_model(score, lake):
    write_segments(lake, stamp="s0")
    registry = StubRegistry(1)
    assert score(registry).metadata["clips_computed"].value == 1
    assert score(registry).metadata["clips_unchanged"].value == 1
    assert registry.load_model(1).seen == []


@pytest.mark.parametrize(
    ("clip", "model", "expected"), [(True, False, True), (False, True, True), (False, False, False)]
)
def test_a_score_is_synthetic_where_clip_or_model_is(score, lake, clip, model, expected):
    write_manifest(lake, synthetic=clip)
    registry = StubRegistry(1)
    registry.load_model(1).synthetic = model
    score(registry)
    assert {row["synthetic"] for row in rows_of(lake)} == {clip or model}


def test_a_model_of_other_features_is_refused_with_the_remedy(score):
    with pytest.raises(
        ValueError, match="model v1 was trained on features 0, this code makes .*; run the job `retrain`"
    ):
        score(StubRegistry(1, feature_version="0"))


def test_a_model_of_the_face_alone_fits_any_features(score, lake):
    registry = StubRegistry(1, feature_version="")
    registry.load_model(1).reducer = None
    seen = []

    def logits_and_distance(images):
        seen.append(images.shape)
        # each segment shows its apex, which is what is held too, once, and its onset as rest
        logits = np.tile([[0.0, 2.0, 0.0, 0.0], [0.0] * 4], (2, 1))
        return logits.astype(np.float32), np.full(len(images), np.nan, np.float32)

    registry.load_model(1).logits_and_distance = logits_and_distance
    score(registry)
    assert seen == [(4, 48, 48)]
    rows = rows_of(lake)
    assert [(row["emotion"], row["p_calm"], row["p_other"]) for row in rows] == [("angry", 0.0, 0.0)] * 2


def test_a_change_of_another_expression_is_called_so(score, lake):
    rise = [4.0 if word == "surprise" else 0.0 for word in RATERS_WORDS]
    rows = lake.read("expression_segments", CLIP, camera_day=DAY).to_pylist()
    lake.write(
        "expression_segments", CLIP, [row | {"words": rise} for row in rows], stamp="s9", camera_day=DAY
    )
    score(StubRegistry(1))
    for row in rows_of(lake):
        assert (row["emotion"], row["abstained"]) == ("other", False)
        assert row["confidence"] == row["p_other"] > 0.9
        assert sum(row[f"p_{each}"] for each in ANSWERS) == pytest.approx(1)


def names(lake):
    return lake.names("segment_scores", camera_day=DAY)


def promote(lake, number):
    """Record that a person made a version champion."""
    row = {field.name: None for field in lake_schema("promotions")}
    row |= {"decided_at": datetime.now(UTC), "model_version": number, "promoted": True, "approved_by": "ada"}
    lake.write("promotions", f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-v{number}", [row], stamp="p")


def test_a_clip_that_can_not_be_scored_stops_no_other(score, lake):
    bad = "0000000011112222"  # before the good one; of its crops nothing is there
    table = lake.read("expression_segments", CLIP, camera_day=DAY).to_pylist()
    lake.write(
        "expression_segments", bad, [row | {"clip_id": bad} for row in table], stamp="s", camera_day=DAY
    )
    metadata = score(StubRegistry(1)).metadata
    assert (metadata["clips_computed"].value, metadata["clips_failed"].value) == (1, 1)
    assert {row["clip_id"] for row in rows_of(lake)} == {CLIP}
    [failure] = recorded_failures(lake)
    assert (failure.stage, failure.clip_id, failure.reason) == ("segment_scores", bad, "FileNotFoundError")
    again = score(StubRegistry(1)).metadata
    assert [again[f"clips_{what}"].value for what in ("computed", "unchanged", "failed")] == [0, 1, 1]


class NobodyAsks(StubRegistry):
    """A registry that must not be reached: asking it imports MLflow, which takes seconds."""

    def get_alias(self, alias):
        pytest.fail(f"the registry was asked for {alias}")

    load_model = get_alias


def test_where_all_is_scored_neither_registry_nor_model_is_needed(score, lake):
    score(StubRegistry(1))
    metadata = score(NobodyAsks()).metadata
    assert (metadata["clips_computed"].value, metadata["clips_unchanged"].value) == (0, 1)
    assert metadata["champion"].value == 1


def test_camera_days_wait_for_the_scores_of_a_version(score, lake):
    (lake.home / "clips" / DAY).mkdir(parents=True)
    assert unscored_camera_days(lake, 1) == [DAY]
    score(StubRegistry(1))
    assert unscored_camera_days(lake, 1) == []
    assert unscored_camera_days(lake, 2) == [DAY]
