"""What still works of a clip whose video was purged, by the commands: it is scored anew, and nothing fails."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from apexline.assets.lake.failures import recorded_failures
from apexline.assets.lake.storage import Lake
from apexline.assets.publishing.warehouse_read import open_warehouse
from apexline.orchestration.line import open_line

pytestmark = pytest.mark.slow
COLUMNS = ["segment_id", "emotion", "confidence"]


def scores(lake, day):
    return sorted(
        map(tuple, (row.values() for row in lake.read_all("segment_scores", columns=COLUMNS).to_pylist()))
    )


def rows_of_warehouse(home):
    with open_warehouse(home.warehouse_path) as connection:
        return sum(
            connection.execute(f"select count(*) from {mart}").fetchall()[0][0]  # noqa: S608
            for mart in ("clips", "segments", "track_quality", "measures")
        )


def test_without_its_video_a_clip_is_scored_anew_and_exported(home, apexline, astronaut_clip, tmp_path):
    code, out, err = apexline(f"ingest {astronaut_clip.path} --json")
    assert (code, json.loads(out)["accepted"]) == (0, 1), err
    lake = Lake(home.home_path)
    [record] = (home.home_path / "clips").rglob("*.json")
    day = record.parent.name
    before, tracks = scores(lake, day), lake.read_all("face_tracks").num_rows
    assert before
    moment = datetime.now(UTC) + timedelta(hours=73)
    code, _, err = apexline(f"purge --at {moment:%Y-%m-%dT%H:%M:%S} --by Ada")
    assert code == 0, err
    assert not list(home.home_path.rglob("*.mp4"))
    for name in lake.names("segment_scores", camera_day=day):
        lake.remove("segment_scores", name, camera_day=day)
    with open_line(home) as line:
        line.run("process_camera_day", camera_day=day)
    assert scores(lake, day) == before
    assert lake.read_all("face_tracks").num_rows == tracks
    assert recorded_failures(lake) == []
    track = lake.read_all("face_tracks", columns=["track_id"])["track_id"][0].as_py()
    code, out, err = apexline(f"export {track} --by Ada --reason asked --out {tmp_path / 'out'} --json")
    assert (code, json.loads(out)["video"]) == (0, False), err
    assert rows_of_warehouse(home) > 0
    moment = datetime.now(UTC) + timedelta(days=366)
    code, _, err = apexline(f"purge --at {moment:%Y-%m-%dT%H:%M:%S} --by Ada")
    assert code == 0, err
    assert rows_of_warehouse(home) == 0
