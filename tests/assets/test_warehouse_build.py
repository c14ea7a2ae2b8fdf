"""The warehouse from a small lake that is written by hand: every mart's numbers, every check, replacement."""

from __future__ import annotations

import json
import multiprocessing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from upath import UPath

from assets.schemas import TABLES
from assets.warehouse_build import (
    MARTS,
    SCHEMA,
    build_warehouse,
    open_warehouse,
    read_relation,
    read_sql,
    run_checks,
    sql_names,
)

DAY_1, DAY_2 = "2026-03-02_gate-01", "2026-03-03_gate-02"
A, B, C = "aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb", "cccccccccccccccc"
T1, T2, T3, T4 = "111111111111", "222222222222", "333333333333", "444444444444"


def at(clock: str, day: int = 4) -> datetime:
    """Return a moment in March 2026, UTC."""
    return datetime.fromisoformat(f"2026-03-{day:02d}T{clock}:00+00:00")


def blank(kind: pa.DataType) -> Any:
    if pa.types.is_string(kind):
        return ""
    if pa.types.is_boolean(kind):
        return False
    if pa.types.is_timestamp(kind):
        return at("00:00", 1)
    if pa.types.is_list(kind):
        return []
    if pa.types.is_fixed_size_binary(kind):
        return bytes(kind.byte_width)
    return 0


def put(lake: Path, table: str, name: str, rows: list[dict[str, Any]], day: str | None = None) -> None:
    """Write one lake file; columns that a row leaves out are blank."""
    schema = TABLES[table]
    for row in rows:
        assert set(row) <= set(schema.names), f"{table} has no {set(row) - set(schema.names)}"
    full = [{field.name: row.get(field.name, blank(field.type)) for field in schema} for row in rows]
    folder = lake / table / (f"camera_day={day}" if day else "")
    folder.mkdir(parents=True, exist_ok=True)
    # As the lake writes it: a fingerprint stands in the footer.
    stamped = pa.Table.from_pylist(full, schema=schema).replace_schema_metadata({"apexline.fingerprint": "f"})
    pq.write_table(stamped, folder / f"{name}.parquet")


def clip(clip_id: str, camera: str, captured_at: datetime, **more: Any) -> dict[str, Any]:
    basis = {"purpose": "test", "legal_basis": "consent", "fps": 25.0, "num_frames": 100, "duration_s": 4.0}
    return {"clip_id": clip_id, "camera": camera, "captured_at": captured_at, **basis, **more}


def face(clip_id: str, track: str, frame: int, **more: Any) -> dict[str, Any]:
    box = {"x": 10.0, "y": 10.0, "w": 40.0, "h": 40.0, "size_px": 40.0, "detector_score": 1.0, "kept": True}
    return {"clip_id": clip_id, "track_id": track, "frame": frame, "time_s": frame / 25, **box, **more}


def segment(clip_id: str, track: str, onset: int, apex: int, offset: int, **more: Any) -> dict[str, Any]:
    frames = {"onset": onset, "apex": apex, "offset": offset}
    times = {f"{name}_s": frame / 25 for name, frame in frames.items()}
    length = "micro" if (offset - onset) / 25 <= 0.5 else "macro"
    ids = {"clip_id": clip_id, "track_id": track, "segment_id": f"{track}-{onset}"}
    return {**ids, **frames, **times, "length": length, **more}


def score(
    clip_id: str, track: str, onset: int, model: int, scored_at: datetime, **more: Any
) -> dict[str, Any]:
    ids = {"clip_id": clip_id, "track_id": track, "segment_id": f"{track}-{onset}", "model_version": model}
    said = {
        "emotion": "happy",
        "confidence": 0.7,
        "p_happy": 0.7,
        "p_angry": 0.1,
        "p_calm": 0.1,
        "p_scared": 0.1,
    }
    return {**ids, "scored_at": scored_at, "synthetic": True, **said, **more}


def promotion(moment: datetime, model: int, **more: Any) -> dict[str, Any]:
    return {"decided_at": moment, "model_version": model, "promoted": True, "approved_by": "ada", **more}


def write_lake(home: Path) -> Path:
    """Two cameras, three clips, two models; no rule is broken but that one segment waits for a score."""
    lake = home / "lake"
    put(lake, "clip_manifest", A, [clip(A, "gate-01", at("08:15", 2), synthetic=True)], DAY_1)
    put(lake, "clip_manifest", B, [clip(B, "gate-01", at("23:59", 2), num_frames=50, duration_s=2.0)], DAY_1)
    put(lake, "clip_manifest", C, [clip(C, "gate-02", at("00:30", 3))], DAY_2)
    first = [face(A, T1, frame, detector_score=0.8) for frame in range(70)]
    first[0].update(kept=False, drop_reason="blurred", detector_score=0.1, size_px=400.0)
    first[1].update(kept=False, drop_reason="blurred")
    first[2].update(kept=False, drop_reason="small", blur=7.0)
    put(lake, "face_tracks", A, [*first, *[face(A, T2, f, x=60.0) for f in range(10, 40)]], DAY_1)
    put(lake, "face_tracks", C, [face(C, T3, frame) for frame in range(100)], DAY_2)
    put(
        lake,
        "expression_segments",
        A,
        [segment(A, T1, 10, 15, 20), segment(A, T1, 40, 50, 60), segment(A, T2, 12, 15, 22)],
        DAY_1,
    )
    put(lake, "expression_segments", C, [segment(C, T3, 5, 9, 20)], DAY_2)
    box = {"x": 12.0, "y": 12.0, "w": 40.0, "h": 40.0}
    truth = [
        {"annotation_id": f"{A}-a0", "emotion": "happy", "onset": 12, "apex": 15, "offset": 22},
        {"annotation_id": f"{A}-a1", "emotion": "angry", "onset": 70, "apex": 75, "offset": 90},
    ]
    put(lake, "annotations", A, [{"clip_id": A, **row, **box, "synthetic": True} for row in truth], DAY_1)
    calm = {"clip_id": C, "annotation_id": f"{C}-a0", "emotion": "calm", "onset": 0, "apex": 5, "offset": 99}
    put(lake, "annotations", C, [calm], DAY_2)
    put(
        lake,
        "promotions",
        "one",
        [
            promotion(at("10:00"), 1, incumbent_version=None, difference_low=None),
            promotion(
                at("11:00"), 2, incumbent_version=1, promoted=False, approved_by="", difference_low=-0.1
            ),
        ],
    )
    put(lake, "promotions", "two", [promotion(at("12:00"), 2, incumbent_version=1, difference_low=0.02)])
    tested = {"recognition": 0.8, "split_hash": "s", "synthetic": True}
    put(
        lake,
        "model_comparison",
        "latest",
        [
            {"version": "baseline", "model_version": 1, **tested},
            {"version": "semantic", "model_version": 2, **tested},
        ],
    )
    calmly = {"emotion": "calm", "confidence": 0.6, "p_happy": 0.2, "p_calm": 0.6, "arousal": -0.4}
    put(
        lake,
        "segment_scores",
        f"{A}-v1",
        [
            score(A, T1, 10, 1, at("10:05"), arousal=0.7, dagster_run_id="r1"),
            score(A, T1, 40, 1, at("10:05"), arousal=0.2),
            score(A, T2, 12, 1, at("10:05"), arousal=0.9),
        ],
        DAY_1,
    )
    put(
        lake,
        "segment_scores",
        f"{A}-v2",
        [
            score(A, T1, 10, 2, at("12:30"), **calmly),
            score(A, T2, 12, 2, at("12:30"), arousal=0.6),
        ],
        DAY_1,
    )
    put(lake, "segment_scores", f"{C}-v2", [score(C, T3, 5, 2, at("12:30"), synthetic=False)], DAY_2)
    quarantine = home / "quarantine"
    quarantine.mkdir()
    record = {
        "name": "a.mp4",
        "reason": "truncated",
        "detail": "it's cut",
        "sha256": "ab",
        "seen_at": "2026-03-02T08:00:00+00:00",
    }
    (quarantine / "ab-a.mp4.json").write_text(json.dumps(record, indent=1))
    (quarantine / "ab-a.mp4").write_bytes(b"\x00")
    return lake


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """Return a lake that the test may change."""
    return write_lake(tmp_path)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the warehouse of the unchanged lake, for reading."""
    home = tmp_path_factory.mktemp("built")
    build_warehouse(write_lake(home), home / "warehouse.duckdb")
    return home / "warehouse.duckdb"


def ask(path: Path, query: str, **parameters: Any) -> list[tuple[Any, ...]]:
    with open_warehouse(path) as connection:
        return connection.execute(query, parameters or None).fetchall()


def test_an_empty_lake_gives_empty_relations_that_hold_every_check(tmp_path: Path) -> None:
    counts = build_warehouse(tmp_path / "nowhere", tmp_path / "deep" / "warehouse.duckdb")
    assert set(counts) == {*MARTS, *(f"staging.{name}" for name in [*TABLES, "quarantine_records"])}
    assert set(counts.values()) == {0}
    with open_warehouse(tmp_path / "deep" / "warehouse.duckdb") as connection:
        assert all(frame.empty for frame in run_checks(connection).values())
        assert connection.execute("select * from scores_as_of(now())").fetchall() == []


def test_counts_are_those_of_the_lake(lake: Path, tmp_path: Path) -> None:
    counts = build_warehouse(lake, tmp_path / "w.duckdb")
    assert counts["staging.face_tracks"] == 200
    assert counts["clips"] == 3
    assert counts["segments"] == 4
    assert counts["score_history"] == 6
    assert counts["quarantine"] == 1
    assert counts["staging.ratings"] == 0


def test_every_column_of_the_schemas_arrives_but_pixels_and_vectors(built: Path) -> None:
    left_out = {"landmarks", "crop", "block_differences", "hoof", "image", "texture", "flow"}
    with open_warehouse(built) as connection:
        for table, schema in TABLES.items():
            stored = [row[0] for row in connection.execute(f"describe staging.{table}").fetchall()]
            assert [c for c in stored if c != "camera_day"] == [n for n in schema.names if n not in left_out]


def test_columns_carry_their_units(built: Path) -> None:
    query = (
        "select comment from duckdb_columns() where table_name = 'face_tracks' and column_name = 'size_px'"
    )
    assert ask(built, query) == [("geometric mean of the box sides [px]",)]


def test_segments_have_absolute_times_and_the_present_champions_score(built: Path) -> None:
    rows = ask(
        built,
        "select segment_id, camera, onset_at, offset_at, duration_s, model_version, emotion, synthetic "
        "from segments order by segment_id",
    )
    start = at("08:15", 2).replace(microsecond=400_000)
    assert rows[0] == (f"{T1}-10", "gate-01", start, start.replace(microsecond=800_000), 0.4, 2, "calm", True)
    assert rows[1][0] == f"{T1}-40"
    assert rows[1][5:] == (None, None, True)  # model 2 has not scored it; the clip is synthetic
    assert rows[2][5:] == (2, "happy", True)
    assert rows[3][:2] == (f"{T3}-5", "gate-02")


def test_query_1_aroused_segments_by_the_champion_of_then(built: Path) -> None:
    query = """
        select segment_id, onset_at, emotion, arousal, model_version
        from verdicts
        where camera = 'gate-01' and day = '2026-03-02' and arousal > .5 and is_first
        order by onset_at
    """
    rows = ask(built, query)
    assert [(row[0], row[4]) for row in rows] == [(f"{T1}-10", 1), (f"{T2}-12", 1)]
    assert [row[3] for row in rows] == pytest.approx([0.7, 0.9])


def test_query_2_which_model_said_what_when(built: Path) -> None:
    query = """
        select scored_at, model_version, emotion, was_champion
        from score_history
        where segment_id = $segment
        order by scored_at
    """
    assert ask(built, query, segment=f"{T1}-10") == [
        (at("10:05"), 1, "happy", True),
        (at("12:30"), 2, "calm", True),
    ]


def test_query_3_camera_days(built: Path) -> None:
    query = """
        select camera, day, clips, tracks, kept_frames, segments, mean_detector_score
        from camera_day_summary
        order by day
    """
    first, second = ask(built, query)
    assert first[:6] == ("gate-01", date(2026, 3, 2), 2, 2, 97, 3)
    assert first[6] == pytest.approx((67 * 0.8 + 30 * 1.0) / 97)
    assert second == ("gate-02", date(2026, 3, 3), 1, 1, 100, 1, 1.0)


def test_scores_as_of_follow_the_reigns(built: Path) -> None:
    def said(clock: str) -> list[tuple[Any, ...]]:
        query = "select segment_id, model_version from scores_as_of($moment) order by segment_id"
        return ask(built, query, moment=at(clock))

    assert said("10:04") == []  # a champion, but no score yet
    assert said("10:05") == [(f"{T1}-10", 1), (f"{T1}-40", 1), (f"{T2}-12", 1)]
    assert said("11:30") == said("10:05")  # a refused challenger changes nothing
    assert said("12:00") == []  # the new champion has said nothing so far
    assert said("12:30") == [(f"{T1}-10", 2), (f"{T2}-12", 2), (f"{T3}-5", 2)]


def test_a_model_that_returns_to_the_throne_speaks_again(lake: Path, tmp_path: Path) -> None:
    put(lake, "promotions", "three", [promotion(at("14:00"), 1, incumbent_version=2, difference_low=0.1)])
    put(lake, "segment_scores", "again", [score(A, T1, 10, 1, at("15:00"), arousal=0.8)], DAY_1)
    build_warehouse(lake, tmp_path / "w.duckdb")
    rows = ask(
        tmp_path / "w.duckdb",
        "select model_version, said_from, said_to, is_first, is_current from verdicts "
        "where segment_id = $segment order by said_from",
        segment=f"{T1}-10",
    )
    assert rows == [
        (1, at("10:05"), at("12:00"), True, False),
        (2, at("12:30"), at("14:00"), False, False),
        (1, at("14:00"), at("15:00"), False, False),
        (1, at("15:00"), None, False, True),
    ]


def test_a_score_outlives_the_segment_it_speaks_of(lake: Path, tmp_path: Path) -> None:
    put(lake, "segment_scores", "old", [score(A, T1, 33, 1, at("10:06"))], DAY_1)
    build_warehouse(lake, tmp_path / "w.duckdb")
    query = "select camera, onset_at, model_version from score_history where segment_id = $segment"
    assert ask(tmp_path / "w.duckdb", query, segment=f"{T1}-33") == [("gate-01", None, 1)]


def test_track_quality_names_why_frames_were_dropped(built: Path) -> None:
    query = """
        select frames, kept_frames, kept_share, first_s, last_s, dropped
        from track_quality
        order by track_id
    """
    first, second, _ = ask(built, query)
    assert first[:2] == (70, 67)
    assert first[2] == pytest.approx(67 / 70)
    assert first[3:] == (0.0, 69 / 25, {"blurred": 2, "small": 1})
    assert second[5] is None


def test_clips_say_why_they_may_be_processed(built: Path) -> None:
    query = "select clip_id, purpose, legal_basis, tracks, segments, day from clips order by clip_id"
    assert ask(built, query) == [
        (A, "test", "consent", 2, 3, date(2026, 3, 2)),
        (B, "test", "consent", 0, 0, date(2026, 3, 2)),
        (C, "test", "consent", 1, 1, date(2026, 3, 3)),
    ]


def test_model_versions_and_champions(built: Path) -> None:
    query = "select model_version, version, is_champion, scores, first_champion_from from model_versions"
    assert ask(built, query) == [
        (1, "baseline", False, 3, at("10:00")),
        (2, "semantic", True, 3, at("12:00")),
    ]
    assert ask(built, "select model_version, champion_to from champions order by champion_from") == [
        (1, at("12:00")),
        (2, None),
    ]
    assert [row[0] for row in ask(built, "select promoted from promotions")] == [True, False, True]


def test_emotion_by_hour_counts_the_present_champions_words(built: Path) -> None:
    query = "select camera, hour, emotion, segments, answered from emotion_by_hour"
    assert ask(built, query) == [
        ("gate-01", at("08:00", 2), "calm", 1, 1),
        ("gate-01", at("08:00", 2), "happy", 1, 1),
        ("gate-02", at("00:00", 3), "happy", 1, 1),
    ]


def test_an_abstention_and_its_reasons_can_be_asked(lake: Path, tmp_path: Path) -> None:
    abstains = {"abstained": True, "reasons": ["small", "blurred"]}
    put(lake, "segment_scores", "later", [score(A, T1, 10, 2, at("13:00"), **abstains)], DAY_1)
    build_warehouse(lake, tmp_path / "w.duckdb")
    query = "select abstained, reasons from segments where segment_id = $segment"
    assert ask(tmp_path / "w.duckdb", query, segment=f"{T1}-10") == [(True, ["small", "blurred"])]
    query = "select sum(segments), sum(answered) from emotion_by_hour"
    assert ask(tmp_path / "w.duckdb", query) == [(3, 2)]


def test_quarantine_records_are_read(built: Path) -> None:
    query = "select name, reason, detail, seen_at from quarantine"
    assert ask(built, query) == [("a.mp4", "truncated", "it's cut", at("08:00", 2))]


def test_spotting_truth_matches_by_face_and_overlap(built: Path) -> None:
    query = """
        select segment_id, annotation_id, outcome, length, iou
        from spotting_truth
        order by outcome, segment_id
    """
    rows = ask(built, query)
    assert rows[:3] == [
        (f"{T1}-40", None, "false_alarm", "macro", None),
        (f"{T2}-12", None, "false_alarm", "micro", None),  # the right frames on the wrong face
        (f"{T3}-5", None, "false_alarm", "macro", None),  # in a clip that is labelled calm throughout
    ]
    assert rows[3][:4] == (f"{T1}-10", f"{A}-a0", "hit", "micro")
    assert rows[3][4] == pytest.approx(9 / 13)  # frames 12..20 of 10..22
    assert rows[4] == (None, f"{A}-a1", "miss", "macro", None)
    assert len(rows) == 5


def test_spotting_summary_adds_up(built: Path) -> None:
    query = """
        select length, hits, false_alarms, misses, precision, recall, f1, false_alarms_per_minute
        from spotting_summary
    """
    overall, micro, macro = ask(built, query)
    assert overall[:7] == ("overall", 1, 3, 1, 0.25, 0.5, pytest.approx(2 / 6))
    assert overall[7] == pytest.approx(3 / (8 / 60))  # clips A and C are labelled, 4 s each
    assert micro[:4] == ("micro", 1, 1, 0)
    assert macro[:6] == ("macro", 0, 2, 1, 0.0, 0.0)


def test_unlabelled_clips_raise_no_false_alarm(lake: Path, tmp_path: Path) -> None:
    put(lake, "expression_segments", B, [segment(B, T4, 1, 2, 30)], DAY_1)
    build_warehouse(lake, tmp_path / "w.duckdb")
    assert ask(tmp_path / "w.duckdb", "select count(*) from spotting_truth") == [(5,)]


def test_two_findings_never_hit_one_annotation(lake: Path, tmp_path: Path) -> None:
    # 10..16 and 17..23 both have an intersection over union of .5 with 10..23.
    rows = [segment(A, T1, 10, 12, 16), segment(A, T1, 17, 20, 23)]
    put(lake, "expression_segments", A, rows, DAY_1)
    truth = {"clip_id": A, "annotation_id": "t", "emotion": "happy", "onset": 10, "apex": 15, "offset": 23}
    put(lake, "annotations", A, [{**truth, "x": 12.0, "y": 12.0, "w": 40.0, "h": 40.0}], DAY_1)
    build_warehouse(lake, tmp_path / "w.duckdb")
    query = (
        "select outcome, count(*) from spotting_truth where clip_id = $clip group by outcome order by outcome"
    )
    assert ask(tmp_path / "w.duckdb", query, clip=A) == [("false_alarm", 1), ("hit", 1)]


def test_a_file_from_before_a_column_was_added_gives_nulls(lake: Path, tmp_path: Path) -> None:
    path = lake / "clip_manifest" / f"camera_day={DAY_2}" / f"{C}.parquet"
    with path.open("rb") as file:
        table = pq.read_table(file)
    pq.write_table(table.drop_columns(["codec"]), path)
    build_warehouse(lake, tmp_path / "w.duckdb")
    query = "select codec from staging.clip_manifest order by clip_id"
    assert ask(tmp_path / "w.duckdb", query) == [("",), ("",), (None,)]


# One planted error per check: table, file, rows, camera-day, and how many rows offend.
PLANTED: dict[str, tuple[str, str, list[dict[str, Any]], str | None, int]] = {
    "duplicate_clips": ("clip_manifest", "x", [clip(A, "gate-02", at("01:00", 3))], DAY_2, 1),
    "misplaced_clips": ("clip_manifest", "x", [clip("d" * 16, "gate-01", at("00:00", 3))], DAY_1, 1),
    "clips_without_purpose": (
        "clip_manifest",
        "x",
        [clip("d" * 16, "gate-02", at("01:00", 3), purpose=" ")],
        DAY_2,
        1,
    ),
    "orphans": ("face_tracks", "x", [face("d" * 16, T4, 0), face("d" * 16, T4, 1)], DAY_2, 1),
    "segments_out_of_order": ("expression_segments", "x", [segment(C, T3, 40, 39, 50)], DAY_2, 1),
    "segments_without_track": ("expression_segments", "x", [segment(C, T4, 40, 45, 50)], DAY_2, 1),
    "overlapping_segments": ("expression_segments", "x", [segment(C, T3, 20, 25, 30)], DAY_2, 1),
    "invalid_probabilities": (
        "segment_scores",
        "x",
        [
            score(A, T1, 10, 2, at("13:00"), p_calm=0.2),
            score(A, T1, 10, 2, at("13:01"), confidence=0.5),
            score(A, T1, 10, 2, at("13:02"), emotion="angry", confidence=0.1),
            score(A, T1, 10, 2, at("13:03"), p_happy=float("nan"), confidence=float("nan")),
        ],
        DAY_1,
        4,
    ),
    "abstentions_without_reason": (
        "segment_scores",
        "x",
        [
            score(A, T1, 10, 2, at("13:00"), abstained=True, reasons=[]),
            score(A, T1, 10, 2, at("13:01"), abstained=False, reasons=["small"]),
            score(A, T1, 10, 2, at("13:02"), abstained=True),
        ],
        DAY_1,
        3,
    ),
    "pad_out_of_range": (
        "segment_scores",
        "x",
        [
            score(A, T1, 10, 2, at("13:00"), pleasure=-1.2),
            score(A, T1, 10, 2, at("13:01"), dominance=float("nan")),
            score(A, T1, 10, 2, at("13:02"), pleasure=None, arousal=None, dominance=None),
        ],
        DAY_1,
        2,
    ),
    "unknown_emotions": ("training_set", "x", [{"example_id": "e", "emotion": "bored"}], None, 1),
    "scores_by_unpromoted_models": ("segment_scores", "x", [score(A, T1, 10, 3, at("13:00"))], DAY_1, 1),
    "promotions_without_approval": (
        "promotions",
        "x",
        [
            promotion(at("13:00"), 3, approved_by="", difference_low=0.1, incumbent_version=2),
            promotion(at("13:10"), 4, difference_low=-0.1, incumbent_version=3),
        ],
        None,
        2,
    ),
    "subjects_in_two_folds": (
        "training_set",
        "x",
        [
            {"example_id": "1", "subject": "s", "fold": "train", "emotion": "calm"},
            {"example_id": "2", "subject": "s", "fold": "test", "emotion": "calm"},
        ],
        None,
        1,
    ),
    "unmarked_synthetic_scores": (
        "segment_scores",
        "x",
        [score(A, T1, 10, 2, at("13:00"), synthetic=False)],
        DAY_1,
        1,
    ),
    "segments_without_current_score": ("expression_segments", "x", [segment(C, T3, 30, 35, 40)], DAY_2, 2),
    "ratings_out_of_scale": (
        "ratings",
        "x",
        [
            {"rater": "r", "segment": "s", "pair": "p", "level": 6},
            {"rater": "r", "segment": "s", "pair": "q", "level": 1},
            {"rater": "r", "segment": "s", "pair": "q", "level": 2},
            {"rater": "q", "segment": "s", "pair": "q", "level": 2},
        ],
        None,
        3,
    ),
}


def test_every_check_holds_on_the_sound_lake(built: Path) -> None:
    with open_warehouse(built) as connection:
        offending = {name: len(frame) for name, frame in run_checks(connection).items() if len(frame)}
    assert offending == {"segments_without_current_score": 1}  # the one that waits for model 2


def test_checks_do_not_depend_on_the_readers_time_zone(built: Path) -> None:
    with duckdb.connect(str(built), read_only=True) as connection:
        connection.execute("set TimeZone = 'Pacific/Auckland'")
        assert run_checks(connection)["misplaced_clips"].empty


def test_every_check_has_a_planted_error() -> None:
    assert set(PLANTED) == set(sql_names("checks"))


@pytest.mark.parametrize("check", PLANTED)
def test_checks_return_the_offending_rows(check: str, lake: Path, tmp_path: Path) -> None:
    table, name, rows, day, expected = PLANTED[check]
    put(lake, table, name, rows, day)
    build_warehouse(lake, tmp_path / "w.duckdb")
    with open_warehouse(tmp_path / "w.duckdb") as connection:
        assert len(run_checks(connection)[check]) == expected


def _hold(path: str, opened: Any, go_on: Any, answers: Any) -> None:
    with duckdb.connect(path, read_only=True) as connection:
        before = connection.execute("select count(*) from clips").fetchone()
        opened.set()
        go_on.wait(60)
        answers.put((before, connection.execute("select count(*) from segments").fetchone()))


def test_a_reader_keeps_the_old_file_while_it_is_replaced(lake: Path, tmp_path: Path) -> None:
    built = tmp_path / "warehouse.duckdb"
    build_warehouse(lake, built)
    context = multiprocessing.get_context("spawn")
    opened, go_on, answers = context.Event(), context.Event(), context.Queue()
    reader = context.Process(target=_hold, args=(str(built), opened, go_on, answers))
    reader.start()
    try:
        assert opened.wait(60)
        put(lake, "expression_segments", B, [segment(B, T4, 1, 2, 30)], DAY_1)
        assert build_warehouse(lake, built)["segments"] == 5
        assert ask(built, "select count(*) from segments") == [(5,)]
        go_on.set()
        assert answers.get(timeout=60) == ((3,), (4,))
    finally:
        go_on.set()
        reader.join(60)
    assert [path.name for path in built.parent.glob("*warehouse*")] == [built.name]


def test_a_failed_build_leaves_the_old_warehouse_and_nothing_else(lake: Path, tmp_path: Path) -> None:
    built = tmp_path / "warehouse.duckdb"
    build_warehouse(lake, built)
    before = built.read_bytes()
    (lake / "clip_manifest" / f"camera_day={DAY_2}" / "bad.parquet").write_bytes(b"not parquet")
    with pytest.raises(duckdb.Error, match="bad.parquet"):
        build_warehouse(lake, built)
    assert built.read_bytes() == before
    assert sorted(path.name for path in built.parent.iterdir()) == ["lake", "quarantine", built.name]


def test_an_object_store_is_read_and_written_through_its_file_system(lake: Path, tmp_path: Path) -> None:
    home = UPath("memory://bucket-of-warehouse-tests/home")
    for path in lake.rglob("*.parquet"):
        copy = home / "lake" / path.relative_to(lake).as_posix()
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    target = home / "warehouse.duckdb"
    assert build_warehouse(home / "lake", target)["segments"] == 4
    (tmp_path / "copy.duckdb").write_bytes(target.read_bytes())
    assert ask(tmp_path / "copy.duckdb", "select count(*) from segments") == [(4,)]


def test_read_relation_gives_frames_with_utc_times(built: Path) -> None:
    with open_warehouse(built) as connection:
        frame = read_relation(connection, "promotions")
        assert len(read_relation(connection, "staging.face_tracks")) == 200
        with pytest.raises(KeyError, match="no relation 'nothing'.*segments"):
            read_relation(connection, "nothing")
    assert frame["decided_at"].iloc[0].to_pydatetime() == at("10:00")
    assert frame["decided_at"].iloc[0].utcoffset() == at("10:00").astimezone(UTC).utcoffset()


def test_a_missing_warehouse_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="materialise the asset warehouse"):
        open_warehouse(tmp_path / "warehouse.duckdb")


def test_a_missing_sql_file_names_those_there_are() -> None:
    with pytest.raises(KeyError, match="sql/marts holds no 'nothing'.*segments"):
        read_sql("marts", "nothing")


def test_every_sql_file_is_run_and_keeps_the_house_form() -> None:
    assert set(sql_names("marts")) == {*MARTS, "scores_as_of"}
    assert set(sql_names("schema")) == set(SCHEMA)
    assert set(sql_names("staging")) == {*TABLES, "quarantine_records"}
    for folder in ("staging", "marts", "checks"):
        for name in sql_names(folder):
            text = read_sql(folder, name)
            assert text.startswith("-- "), name
            assert "final as (" in text, name
            assert text.endswith("\n)\n\nselect * from final\n"), name
            code = "\n".join(line.split("--")[0] for line in text.splitlines())
            assert "select *" in code
            keywords = ("SELECT", "FROM", "WHERE", "JOIN", "GROUP BY")
            assert not any(word in code for word in keywords), name
