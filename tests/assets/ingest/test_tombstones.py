"""Clips that were erased and come again."""

import json
from pathlib import Path

import pytest

from apexline.assets.ingest.intake import take_in
from apexline.assets.ingest.quarantine import quarantined
from apexline.assets.ingest.tombstones import bury, home_secret, is_erased, keyed_digest
from apexline.assets.lake.clips import find_clip, hash_file


@pytest.fixture
def erased(lake, landing, put, clip_bytes):
    """A clip in the landing folder that was erased before."""
    clip = put(landing, "anna.mp4", clip_bytes)
    bury(lake, hash_file(clip))
    return clip


@pytest.mark.parametrize("manifest", ["as it was", "{camera:"])
def test_an_erased_clip_is_refused_and_nothing_of_it_is_kept(
    lake, landing, erased, clip_bytes, put, manifest
):
    if manifest != "as it was":
        put(landing, "anna.mp4", clip_bytes, manifest)
    result = take_in(lake, erased, move=True)
    assert (result.status, result.reason) == ("refused", "erased")
    assert list(landing.iterdir()) == []
    left = [path for path in Path(lake.home).rglob("*") if path.is_file()]
    assert not [path for path in left if clip_bytes in path.read_bytes() or b"anna" in path.read_bytes()]
    take_in(lake, put(landing, "again.mp4", clip_bytes), move=True)
    [record] = quarantined(lake)
    assert (record["reason"], record["sha256"]) == ("erased", "")


def test_a_copy_outside_the_home_stays_where_it_is(lake, tmp_path, put, clip_bytes):
    clip = put(tmp_path / "in", "a.mp4", clip_bytes)
    bury(lake, hash_file(clip))
    assert take_in(lake, clip).status == "refused"
    assert clip.exists()


def test_a_person_takes_it_in_again_and_that_is_kept(lake, erased):
    sha256 = hash_file(erased)
    assert take_in(lake, erased, move=True, despite_erasure="Ada").status == "accepted"
    assert find_clip(lake, sha256[:16])
    assert not is_erased(lake, sha256)
    [tombstone] = (lake.home / "tombstones").iterdir()
    assert json.loads(tombstone.read_text())["let_in_by"] == "Ada"
    bury(lake, sha256)
    assert is_erased(lake, sha256)


def test_a_tombstone_tells_nothing_without_the_secret(lake, erased):
    sha256 = hash_file(erased)
    [tombstone] = (lake.home / "tombstones").iterdir()
    assert tombstone.stem == keyed_digest(lake, sha256)
    assert sha256[:12] not in tombstone.name + tombstone.read_text()
    assert len(home_secret(lake)) == 32


def test_without_the_secret_clips_wait(lake, erased):
    (lake.home / "erasure.key").unlink()
    result = take_in(lake, erased, move=True)
    assert (result.status, result.reason) == ("postponed", "not_stored")
    assert "put it back from a copy of the home" in result.detail
    assert erased.exists()
