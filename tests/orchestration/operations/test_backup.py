"""What a backup holds, and what it costs."""

import sqlite3

import pytest

from apexline.orchestration.operations.backup import back_up, elsewhere, latest_backup, read_manifest
from apexline.orchestration.settings import Settings
from tests.orchestration.installation import quiet


@pytest.fixture
def home(tmp_path):
    settings = Settings(home=str(tmp_path / "home"))
    (settings.home_path / "lake").mkdir(parents=True)
    (settings.home_path / "lake" / "one").write_bytes(b"one")
    return settings


def test_a_database_that_is_written_to_is_copied_as_it_is_at_one_moment(home, tmp_path):
    path = home.home_path / "some.db"
    with sqlite3.connect(path) as writer:
        writer.execute("pragma journal_mode = wal")
        writer.execute("create table t (x)")
        writer.execute("insert into t values (1)")
        writer.commit()
        writer.execute("insert into t values (2)")  # not committed: not in the copy
        back_up(home, tmp_path / "backups", on_step=quiet)
        writer.commit()
    copy = latest_backup(tmp_path / "backups") / "home" / "some.db"
    with sqlite3.connect(copy) as reader:
        assert reader.execute("select * from t").fetchall() == [(1,)]
    names = read_manifest(latest_backup(tmp_path / "backups"))["files"]
    assert set(names) == {"home/some.db", "home/lake/one"}
    writer.close()
    back_up(home, tmp_path / "backups", on_step=quiet)
    with sqlite3.connect(latest_backup(tmp_path / "backups") / "home" / "some.db") as reader:
        assert reader.execute("select * from t").fetchall() == [(1,), (2,)]


def test_a_file_that_changed_is_copied_and_the_backup_before_keeps_its_own(home, tmp_path):
    back_up(home, tmp_path / "backups", on_step=quiet)
    first = latest_backup(tmp_path / "backups") / "home" / "lake" / "one"
    (home.home_path / "lake" / "one").write_bytes(b"other")
    made = back_up(home, tmp_path / "backups", on_step=quiet)
    second = latest_backup(tmp_path / "backups") / "home" / "lake" / "one"
    assert (first.read_bytes(), second.read_bytes()) == (b"one", b"other")
    assert made["bytes written"] == 5


def test_what_is_unfinished_or_built_from_the_rest_is_left_out(home, tmp_path):
    for name in ("tmp/a", "warehouse.duckdb", "clips/b", "landing/.c.part"):
        path = home.home_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    (home.home_path / "link").symlink_to("/etc/hostname")
    back_up(home, tmp_path / "backups", on_step=quiet)
    names = read_manifest(latest_backup(tmp_path / "backups"))["files"]
    assert set(names) == {"home/lake/one", "home/clips/b", "home/landing/.c.part"}


def test_state_that_lies_elsewhere_comes_along(home, tmp_path):
    settings = Settings(home=home.home, state=str(tmp_path / "state"))
    settings.prepare()
    back_up(settings, tmp_path / "backups", on_step=quiet)
    assert "state/dagster/dagster.yaml" in read_manifest(latest_backup(tmp_path / "backups"))["files"]


def test_a_backup_does_not_lie_in_what_it_keeps(home):
    with pytest.raises(ValueError, match="lies in the home that it is to keep"):
        back_up(home, home.home_path / "backups", on_step=quiet)


def test_an_object_store_is_not_copied(tmp_path):
    with pytest.raises(ValueError, match="let the store keep versions"):
        back_up(Settings(home="memory://bucket/home"), tmp_path, on_step=quiet)


def test_servers_are_named_that_no_backup_reaches(home):
    settings = Settings(home=home.home, mlflow_tracking_uri="http://127.0.0.1:5000")
    settings.prepare()
    assert elsewhere(settings) == ["MLflow's server and its artifacts"]
