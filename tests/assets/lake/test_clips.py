"""Which clips are stored, and what their manifests say."""

import json
import os

import pytest

from apexline.assets.lake.clips import (
    clip_ids,
    read_clip,
    stored_camera_days,
    unprocessed_clips,
)
from apexline.assets.lake.storage import DamagedFile
from tests.assets.small_lake import GOOD, MANIFEST

DAY, CLIP = "2026-03-03_gate-03", "aaaa000011112222"
RECORD = {"sha256": CLIP + "0" * 48, "file": f"{CLIP}.mp4", "manifest": MANIFEST}


def test_camera_day_is_the_day_in_utc():
    assert GOOD.camera_day == "2026-03-03_gate-03"


@pytest.fixture
def record(lake):
    """The record of a stored clip."""
    path = lake.home / "clips" / DAY / f"{CLIP}.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(RECORD))
    return path


def test_a_record_is_read(lake, record):
    clip = read_clip(lake, DAY, CLIP)
    assert (clip.clip_id, clip.path.name, clip.manifest) == (CLIP, f"{CLIP}.mp4", GOOD)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe{",
        b"[]",
        b"{}",
        b'{"a":' * 100_000,
        json.dumps(RECORD | {"manifest": {}}).encode(),
        json.dumps(RECORD | {"sha256": "b" * 64}).encode(),
        json.dumps(RECORD | {"sha256": CLIP}).encode(),
        json.dumps(RECORD | {"file": "../../../etc/passwd"}).encode(),
    ],
    ids=range(10),
)
def test_a_damaged_record_says_so_and_its_clip_is_still_known(lake, record, content):
    record.write_bytes(content)
    with pytest.raises(DamagedFile, match=f"{CLIP}.json can't be read: .*erase the clip and send it again"):
        read_clip(lake, DAY, CLIP)
    assert unprocessed_clips(lake) == {DAY: [CLIP]}


@pytest.mark.parametrize("put", [os.mkdir, os.mkfifo])
def test_what_is_no_file_is_not_opened(lake, record, put):
    record.unlink()
    put(record)
    with pytest.raises(DamagedFile, match="it is no file"):
        read_clip(lake, DAY, CLIP)


def test_foreign_names_are_passed_over(lake, record):
    for name in ("notes.json", f"{CLIP} (copy).json", f".{CLIP}.json", f"{CLIP}.json.bak"):
        (record.parent / name).write_text("{")
    for name in ("lost+found", ".Trash-1000", "2026-03-03"):
        (lake.home / "clips" / name).mkdir()
    (lake.home / "clips" / "2026-03-04_gate-03").write_text("a file")
    assert clip_ids(lake, DAY) == [CLIP]
    assert stored_camera_days(lake) == [DAY]
