import os

import pyarrow.parquet as pq
import pytest
from upath import UPath

from apexline.assets.lake.schemas import TABLES
from apexline.assets.lake.storage import DamagedFile, Lake, fingerprint
from tests.assets.lake.damage import FOOTER, INSIDE
from tests.assets.small_lake import row_of


def rating(rater="r1", level=2):
    return {"rater": rater, "segment": "s", "pair": "p", "level": level, "synthetic": True, "source": "test"}


def test_fingerprint_depends_on_every_part_and_on_nothing_else():
    assert fingerprint("a", {"x": 1, "y": 2}) == fingerprint("a", {"y": 2, "x": 1})
    assert fingerprint("a", 1) != fingerprint("a", 2)
    assert fingerprint("ab") != fingerprint("a", "b")


def test_write_and_read_back_with_fingerprint(lake):
    lake.write("ratings", "one", [rating()], stamp="f1")
    assert lake.read("ratings", "one").to_pylist() == [rating()]
    assert lake.fingerprint_of("ratings", "one") == "f1"
    assert lake.names("ratings") == ["one"]


@pytest.mark.parametrize(("named", "packed"), [({}, "ZSTD"), ({"compression": "none"}, "UNCOMPRESSED")])
def test_columns_are_packed_as_the_lake_says(tmp_path, named, packed):
    lake = Lake(UPath(tmp_path), **named)
    lake.write("ratings", "one", [rating()], stamp="s")
    assert lake.write_first("ratings", "two", [rating()], stamp="s")
    for name in ("one", "two"):
        group = pq.ParquetFile(lake.path("ratings", name)).metadata.row_group(0)
        assert {group.column(n).compression for n in range(group.num_columns)} == {packed}


def test_unknown_table_is_named(lake):
    with pytest.raises(KeyError, match="no lake table is called 'rating'"):
        lake.path("rating", "x")


def test_missing_file_has_no_fingerprint_and_an_empty_table_reads_empty(lake):
    assert lake.fingerprint_of("ratings", "none") is None
    assert lake.read_all("ratings").num_rows == 0
    assert lake.names("face_tracks", camera_day="2026-01-01_x") == []


def write_half(lake):
    with lake.writer("ratings", "one", stamp="new") as writer:
        writer.write_table(lake.read("ratings", "one").replace_schema_metadata(writer.schema.metadata))
        msg = "decoder died"
        raise RuntimeError(msg)


def test_failed_write_leaves_neither_a_file_nor_a_scrap(lake):
    lake.write("ratings", "one", [rating(level=1)], stamp="old")
    with pytest.raises(RuntimeError, match="decoder died"):
        write_half(lake)
    assert lake.fingerprint_of("ratings", "one") == "old"
    assert list((lake.home / "tmp").iterdir()) == []


def test_read_all_joins_camera_days(lake):
    for day in ("2026-01-01_a", "2026-01-02_a"):
        lake.write("annotations", "clip", [], stamp="s", camera_day=day)
    lake.write("ratings", "b", [rating("r2")], stamp="s")
    lake.write("ratings", "a", [rating("r1")], stamp="s")
    assert lake.read_all("ratings")["rater"].to_pylist() == ["r1", "r2"]
    assert lake.read_all("annotations", camera_days=["2026-01-01_a"]).num_rows == 0


def test_content_hash_follows_rows_and_ignores_when_they_were_made(tmp_path):
    def lake_with(folder, level, stamp):
        lake = Lake(UPath(tmp_path / folder))
        lake.write("ratings", "one", [rating(level=level)], stamp=stamp)
        return lake.content_hash()

    assert lake_with("a", 2, "x") == lake_with("b", 2, "y")
    assert lake_with("a", 2, "x") != lake_with("c", 3, "x")


def test_remove_tells_whether_there_was_a_file(lake):
    lake.write("ratings", "one", [rating()], stamp="s")
    assert lake.remove("ratings", "one")
    assert not lake.remove("ratings", "one")


def test_memory_file_system_works_like_a_folder():
    lake = Lake(UPath("memory://lake-test"))
    lake.write("ratings", "one", [rating()], stamp="s")
    assert lake.read("ratings", "one").to_pylist() == [rating()]
    assert lake.names("ratings") == ["one"]
    with lake.local_copy(lake.path("ratings", "one")) as local:
        assert local.exists()
    assert not local.exists()


def test_an_interrupted_write_publishes_nothing_on_an_object_store(tmp_path):
    lake = Lake(UPath("memory://interrupted"), tmp_path / "tmp")
    lake.write("ratings", "one", [rating(level=1)], stamp="old")
    with pytest.raises(RuntimeError, match="decoder died"):
        write_half(lake)
    assert lake.fingerprint_of("ratings", "one") == "old"
    assert lake.read("ratings", "one").to_pylist() == [rating(level=1)]
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize("home", ["memory://first", "home"])
def test_of_those_who_write_first_one_does(home, tmp_path):
    lake = Lake(UPath(home if "://" in home else tmp_path / home), tmp_path / "tmp")
    assert lake.write_first("ratings", "one", [rating(level=1)], stamp="a")
    assert not lake.write_first("ratings", "one", [rating(level=3)], stamp="b")
    assert lake.read("ratings", "one").to_pylist() == [rating(level=1)]
    assert lake.fingerprint_of("ratings", "one") == "a"


def test_files_from_before_a_column_was_added_give_nulls(lake):
    row = {field.name: None for field in TABLES["segment_scores"]} | {"segment_id": "s-1"}
    lake.write("segment_scores", "old", [row], stamp="1", camera_day="2026-03-02_gate-03")
    lake.write(
        "segment_scores", "young", [row | {"abstained": True}], stamp="2", camera_day="2026-03-02_gate-03"
    )
    path = lake.path("segment_scores", "old", camera_day="2026-03-02_gate-03")
    pq.write_table(pq.ParquetFile(path).read().drop_columns(["abstained", "reasons"]), path)
    for columns in (None, ["segment_id", "abstained"]):
        table = lake.read_all("segment_scores", columns=columns)
        assert table["abstained"].to_pylist() == [None, True]
    assert lake.read_all("segment_scores").schema.equals(TABLES["segment_scores"])


# --- damaged files -----------------------------------------------------------------------------------------

DAY = "2026-03-02_gate-03"


@pytest.fixture
def damaged(lake):
    """Damage the file of one clip of two: ``damaged(way)`` gives the file."""
    for clip in ("bad", "good"):
        rows = [row_of("annotations", clip_id=clip, annotation_id=f"{clip}-a{n}") for n in range(50)]
        lake.write("annotations", clip, rows, stamp=clip, camera_day=DAY)

    def damage(way):
        path = lake.path("annotations", "bad", camera_day=DAY)
        way(path)
        return path

    return damage


@pytest.mark.parametrize("way", {**FOOTER, **INSIDE}.values(), ids={**FOOTER, **INSIDE})
def test_a_damaged_file_is_named_and_left_out(lake, damaged, way, caplog):
    path = damaged(way)
    with pytest.raises(DamagedFile, match=f"{path.name} can't be read: "):
        lake.read("annotations", "bad", camera_day=DAY)
    with pytest.raises(DamagedFile):
        list(lake.iter_batches("annotations", "bad", camera_day=DAY))
    table = lake.read_all("annotations", camera_days=[DAY], columns=["clip_id"])
    assert set(table["clip_id"].to_pylist()) == {"good"}
    if path.is_file():
        assert [each.path for each in lake.damaged_files()] == [path]
        assert "left out" in caplog.text
    assert lake.damaged_files(clip_id="good") == []


@pytest.mark.parametrize("way", FOOTER.values(), ids=FOOTER)
def test_a_file_without_a_footer_has_no_fingerprint_and_is_written_anew(lake, damaged, way):
    damaged(way)
    assert lake.fingerprint_of("annotations", "bad", camera_day=DAY) is None
    lake.write("annotations", "bad", [], stamp="new", camera_day=DAY)
    assert lake.fingerprint_of("annotations", "bad", camera_day=DAY) == "new"


def test_a_folder_that_holds_something_is_not_replaced(lake, damaged):
    path = damaged(FOOTER["folder"])
    (path / "inside").touch()
    with pytest.raises(OSError, match=path.name):
        lake.write("annotations", "bad", [], stamp="new", camera_day=DAY)
    assert not lake.remove("annotations", "bad", camera_day=DAY)


def test_what_is_no_file_of_the_lake_is_passed_over(lake, damaged):
    folder = lake.path("annotations", "bad", camera_day=DAY).parent
    (folder / ".good.parquet").write_bytes(b"of a program that copies")
    (folder / "notes.txt").touch()
    (folder / "old.parquet").mkdir()
    assert lake.names("annotations", camera_day=DAY) == ["bad", "good"]
    assert lake.read_all("annotations").num_rows == 100


def test_of_what_belongs_to_no_camera_day_nothing_is_left_out(lake):
    lake.write("ratings", "one", [rating()], stamp="f")
    lake.path("ratings", "one").write_bytes(b"")
    with pytest.raises(DamagedFile):
        lake.read_all("ratings")


def test_a_local_copy_is_of_a_file(lake, tmp_path):
    pipe = UPath(tmp_path / "clip.mp4")
    os.mkfifo(pipe)
    with pytest.raises(DamagedFile, match="pipe"), lake.local_copy(pipe):
        pass
