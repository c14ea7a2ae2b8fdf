"""The drill: all but the backup is gone, a home made of it elsewhere says what the lost one said."""

import json
import shutil

import pytest

from apexline.assets.lake.storage import Lake
from apexline.assets.publishing.relations import MARTS
from apexline.assets.publishing.warehouse_read import open_warehouse, read_relation
from apexline.orchestration.commands.doctor import examine
from apexline.orchestration.commands.ingest import ingest_paths
from apexline.orchestration.commands.score import score_one
from apexline.orchestration.line import open_line
from apexline.orchestration.operations.backup import back_up
from apexline.orchestration.operations.restore import UNFINISHED, restore, upgrade
from apexline.orchestration.settings import Settings
from tests.orchestration.installation import quiet


def marts(settings):
    with open_warehouse(settings.warehouse_path) as connection:
        frames = {name: read_relation(connection, name) for name in MARTS}
    return {name: sorted(map(str, frame.to_dict("records"))) for name, frame in frames.items()}


def scores(settings, clip):
    return score_one(settings, clip, plot=False, plot_file=None, on_step=lambda *_: None)[0]


@pytest.fixture(scope="module")
def drill(tmp_path_factory, astronaut_clip):
    """A home that scored a clip, what it said, and its backup; the home itself is gone."""
    folder = tmp_path_factory.mktemp("drill")
    settings = Settings(home=str(folder / "first"))
    ingest_paths(settings, [astronaut_clip.path], manifest=None, on_step=quiet)
    with open_line(settings) as line:
        line.run("publish")
    said = marts(settings), Lake(settings.home_path).content_hash(), scores(settings, astronaut_clip.path)
    made = back_up(settings, folder / "backups", on_step=quiet)
    again = back_up(settings, folder / "backups", on_step=quiet)
    shutil.rmtree(folder / "first")
    return folder, said, made, again


@pytest.mark.slow
def test_a_home_is_restored_elsewhere_and_moves_on(drill, astronaut_clip):
    folder, (said, content, answers), _, _ = drill
    elsewhere = Settings(home=str(folder / "far" / "away"))
    made = restore(elsewhere, folder / "backups", on_step=quiet)
    assert made["camera-days"] == 1
    assert [each for each in examine(elsewhere) if each["state"] == "wrong"] == []
    assert marts(elsewhere) == said
    assert said["segments"]
    assert Lake(elsewhere.home_path).content_hash() == content
    assert scores(elsewhere, astronaut_clip.path) == answers
    assert not (elsewhere.home_path / UNFINISHED).exists()
    done = upgrade(elsewhere, folder / "before", on_step=quiet)
    assert done["backup"].startswith(str(folder / "before"))
    assert scores(elsewhere, astronaut_clip.path) == answers
    moved = Settings(home=str(folder / "moved"))
    shutil.move(elsewhere.home_path, moved.home_path)
    assert [each for each in examine(moved) if each["state"] == "wrong"] == []
    assert scores(moved, astronaut_clip.path) == answers
    assert marts(moved) == said


def test_what_has_not_changed_is_written_once(drill):
    _, _, made, again = drill
    assert made["bytes written"] == made["bytes"] > 10_000
    assert again["files"] == made["files"]
    assert again["bytes written"] < 0.05 * again["bytes"]


@pytest.fixture
def settings(tmp_path):
    """An empty place for a home, and a small home that was backed up."""
    home = tmp_path / "home"
    (home / "lake").mkdir(parents=True)
    (home / "lake" / "one").write_bytes(b"one")
    back_up(Settings(home=str(home)), tmp_path / "backups", on_step=quiet)
    return Settings(home=str(tmp_path / "new"))


def test_a_backup_that_was_damaged_is_refused(settings, tmp_path):
    [damaged] = (tmp_path / "backups").rglob("one")
    damaged.write_bytes(b"two")
    with pytest.raises(ValueError, match="not as it was when the backup was made"):
        restore(settings, tmp_path / "backups", on_step=quiet)
    assert (settings.home_path / UNFINISHED).exists()


def test_nothing_is_restored_over_a_home(settings, tmp_path):
    settings.home_path.mkdir()
    (settings.home_path / "mine").touch()
    with pytest.raises(FileExistsError, match="is not empty"):
        restore(settings, tmp_path / "backups", on_step=quiet)


def test_a_backup_of_a_later_release_is_refused(settings, tmp_path):
    [path] = (tmp_path / "backups").glob("*/backup.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "apexline": "99.0.0"}))
    with pytest.raises(ValueError, match=r"made by Apexline 99\.0\.0"):
        restore(settings, tmp_path / "backups", on_step=quiet)


def test_what_is_no_backup_is_refused(settings, tmp_path):
    with pytest.raises(FileNotFoundError, match="is no backup"):
        restore(settings, tmp_path / "home", on_step=quiet)
