"""The warehouse is built aside from the lake, replaced at once, read with UTC times; every SQL file is run."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from upath import UPath

from apexline.assets.lake.schemas import LAKE_ONLY, TABLES, WITHOUT_CAMERA_DAY
from apexline.assets.lake.unfinished import sweep_scratch
from apexline.assets.publishing.relations import MARTS
from apexline.assets.publishing.warehouse_build import build_warehouse
from apexline.assets.publishing.warehouse_read import open_warehouse, run_checks
from tests.assets.small_lake import DAY_1, DAY_2, T4, A, B, C, ask, put, segment


def test_an_empty_lake_gives_empty_relations_that_hold_every_check(tmp_path: Path) -> None:
    counts = build_warehouse(tmp_path / "nowhere", tmp_path / "deep" / "warehouse.duckdb")
    assert set(counts) == {
        *MARTS,
        *(f"staging.{name}" for name in [*TABLES, "quarantine_records", "clip_pictures"]),
    }
    assert set(counts.values()) == {0}
    with open_warehouse(tmp_path / "deep" / "warehouse.duckdb") as connection:
        assert all(frame.empty for frame in run_checks(connection).values())
        assert connection.execute("select * from scores_as_of(now())").fetchall() == []


def test_counts_are_those_of_the_lake(small_lake: Path, tmp_path: Path) -> None:
    counts = build_warehouse(small_lake, tmp_path / "w.duckdb")
    assert counts["staging.face_tracks"] == 200
    assert counts["clips"] == 3
    assert counts["segments"] == 4
    assert counts["score_history"] == 6
    assert counts["quarantine"] == 1
    assert counts["staging.ratings"] == 0


def test_every_column_of_the_schemas_arrives_but_pixels_and_vectors(small_warehouse: Path) -> None:
    left_out = {"landmarks", "crop", "block_differences", "hoof", "image", "texture", "flow"}
    logits = {"expression_features": {"words"}}  # those of a segment arrive
    with open_warehouse(small_warehouse) as connection:
        for table, schema in TABLES.items():
            stored = [row[0] for row in connection.execute(f"describe staging.{table}").fetchall()]
            expected = [n for n in schema.names if n not in left_out | logits.get(table, set())]
            assert [c for c in stored if c != "camera_day"] == expected


@pytest.mark.parametrize("pattern", [f"{A}-v1.parquet", "*.parquet"], ids=["one file", "all files"])
def test_scores_from_before_other_was_an_answer_have_none_for_it(
    small_lake: Path, tmp_path: Path, pattern: str
) -> None:
    old = sorted((small_lake / "segment_scores").rglob(pattern))
    assert old
    for path in old:
        pq.write_table(pq.ParquetFile(path).read().drop_columns(["p_other"]), path)
    build_warehouse(small_lake, tmp_path / "w.duckdb")
    with open_warehouse(tmp_path / "w.duckdb") as connection:
        history = connection.execute("select model_version, p_other from score_history").fetchall()
        assert {known for model, known in history if model == 1} == {None}
        assert run_checks(connection)["invalid_probabilities"].empty


def test_tables_of_a_camera_day_say_which(small_warehouse: Path) -> None:
    shared = {"ratings", "training_set", "model_comparison", "learning_curves", "promotions"}
    query = (
        "select table_name from duckdb_columns() where schema_name = 'staging' and column_name = 'camera_day'"
    )
    assert {row[0] for row in ask(small_warehouse, query)} == {*TABLES, "clip_pictures"} - shared
    query = "select distinct camera_day from staging.face_tracks order by camera_day"
    assert ask(small_warehouse, query) == [(DAY_1,), (DAY_2,)]


def test_what_stays_in_the_lake_is_named_as_the_schemas_name_it() -> None:
    assert set(TABLES) >= WITHOUT_CAMERA_DAY
    for table, columns in LAKE_ONLY.items():
        assert columns <= set(TABLES[table].names), table


def test_columns_carry_their_units(small_warehouse: Path) -> None:
    query = (
        "select comment from duckdb_columns() where table_name = 'face_tracks' and column_name = 'size_px'"
    )
    assert ask(small_warehouse, query) == [("geometric mean of the box sides [px]",)]


def test_a_file_from_before_a_column_was_added_gives_nulls(small_lake: Path, tmp_path: Path) -> None:
    path = small_lake / "clip_manifest" / f"camera_day={DAY_2}" / f"{C}.parquet"
    with path.open("rb") as file:
        table = pq.read_table(file)
    pq.write_table(table.drop_columns(["codec"]), path)
    build_warehouse(small_lake, tmp_path / "w.duckdb")
    query = "select codec from staging.clip_manifest order by clip_id"
    assert ask(tmp_path / "w.duckdb", query) == [("",), ("",), (None,)]


def _hold(path: str, opened: Any, go_on: Any, answers: Any) -> None:
    with duckdb.connect(path, read_only=True) as connection:
        before = connection.execute("select count(*) from clips").fetchone()
        opened.set()
        go_on.wait(60)
        answers.put((before, connection.execute("select count(*) from segments").fetchone()))


def test_a_reader_keeps_the_old_file_while_it_is_replaced(small_lake: Path, tmp_path: Path) -> None:
    built = tmp_path / "warehouse.duckdb"
    build_warehouse(small_lake, built)
    context = multiprocessing.get_context("spawn")
    opened, go_on, answers = context.Event(), context.Event(), context.Queue()
    reader = context.Process(target=_hold, args=(str(built), opened, go_on, answers))
    reader.start()
    try:
        assert opened.wait(60)
        put(small_lake, "expression_segments", B, [segment(B, T4, 1, 2, 30)], DAY_1)
        assert build_warehouse(small_lake, built)["segments"] == 5
        assert ask(built, "select count(*) from segments") == [(5,)]
        go_on.set()
        assert answers.get(timeout=60) == ((3,), (4,))
    finally:
        go_on.set()
        reader.join(60)
    assert [path.name for path in built.parent.glob("*warehouse*")] == [built.name]


# Writes into an open transaction's log what no reader may ever see, and is killed.
_KILLED_WRITER = """
import os, sys
import duckdb
connection = duckdb.connect(sys.argv[1])
connection.execute("create table if not exists segments as select 1 as segment_id")
connection.execute("checkpoint")
connection.execute("delete from segments")
os.kill(os.getpid(), 9)
"""


def _leave_log(path: Path) -> Path:
    """Leave a write-ahead log beside a database, as a killed writer does."""
    subprocess.run([sys.executable, "-c", _KILLED_WRITER, str(path)], check=False)
    log = path.with_name(f"{path.name}.wal")
    assert log.exists()
    return log


def test_the_log_of_a_killed_writer_is_not_replayed_onto_the_next_build(
    small_lake: Path, tmp_path: Path
) -> None:
    built = tmp_path / "warehouse.duckdb"
    build_warehouse(small_lake, built)
    log = _leave_log(built)
    assert build_warehouse(small_lake, built)["segments"] == 4
    assert not log.exists()
    assert ask(built, "select count(*) from segments") == [(4,)]


def test_the_log_of_a_warehouse_that_is_gone_is_not_replayed(small_lake: Path, tmp_path: Path) -> None:
    built = tmp_path / "warehouse.duckdb"
    log = _leave_log(built)
    built.unlink()
    build_warehouse(small_lake, built)
    assert not log.exists()
    assert ask(built, "select count(*) from segments") == [(4,)]


def test_a_reader_refuses_a_warehouse_that_another_program_wrote_into(
    small_lake: Path, tmp_path: Path
) -> None:
    built = tmp_path / "warehouse.duckdb"
    build_warehouse(small_lake, built)
    _leave_log(built)
    with pytest.raises(ValueError, match=r"warehouse\.duckdb\.wal is the log .*[Mm]aterialise the asset"):
        open_warehouse(built)


def test_a_build_that_was_killed_leaves_the_old_warehouse_and_a_folder_to_sweep(
    small_lake: Path, tmp_path: Path
) -> None:
    built = tmp_path / "warehouse.duckdb"
    build_warehouse(small_lake, built)
    before = built.read_bytes()
    code = (
        "import os, sys\n"
        "from apexline.assets.publishing import warehouse_build\n"
        "warehouse_build.count_rows = lambda connection: os.kill(os.getpid(), 9)\n"
        "warehouse_build.build_warehouse(*sys.argv[1:])\n"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(small_lake), str(built)], check=False)
    assert killed.returncode == -9
    assert built.read_bytes() == before
    assert sweep_scratch(tmp_path / "tmp") == 1
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_failed_build_leaves_the_old_warehouse_and_nothing_else(small_lake: Path, tmp_path: Path) -> None:
    built = tmp_path / "warehouse.duckdb"
    build_warehouse(small_lake, built)
    before = built.read_bytes()
    (small_lake / "clip_manifest" / f"camera_day={DAY_2}" / "bad.parquet").write_bytes(b"not parquet")
    with pytest.raises(duckdb.Error, match="bad.parquet"):
        build_warehouse(small_lake, built)
    assert built.read_bytes() == before
    assert sorted(path.name for path in built.parent.iterdir()) == ["lake", "quarantine", "tmp", built.name]
    assert list((tmp_path / "tmp").iterdir()) == []


def test_an_object_store_is_read_and_written_through_its_file_system(
    small_lake: Path, tmp_path: Path
) -> None:
    home = UPath("memory://bucket-of-warehouse-tests/home")
    for path in small_lake.rglob("*.parquet"):
        copy = home / "lake" / path.relative_to(small_lake).as_posix()
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    target = home / "warehouse.duckdb"
    assert build_warehouse(home / "lake", target)["segments"] == 4
    (tmp_path / "copy.duckdb").write_bytes(target.read_bytes())
    assert ask(tmp_path / "copy.duckdb", "select count(*) from segments") == [(4,)]
