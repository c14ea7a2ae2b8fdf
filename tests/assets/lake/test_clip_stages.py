"""One clip from pixels to segments, in a lake that lives as long as the question."""

import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from statistics import median

import pytest

from apexline.assets.lake.clip_stages import lost_frames, process_clip, write_segments
from apexline.assets.lake.crops import rows_table
from apexline.assets.lake.storage import Lake
from apexline.features.pipeline import spot_clip
from apexline.features.spotting import Segment
from apexline.features.video.containers import UnreadableVideo
from tests.assets.small_lake import row_of
from tests.features.damaged import video_that_loses_a_frame, whole_video


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    """Where temporary files go: nothing may stay there."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_segments_are_those_of_the_features_alone(astronaut_clip, parameters, scratch):
    with process_clip(astronaut_clip.path, features=parameters.features) as clip:
        rows = clip.lake.read("expression_segments", clip.clip_id, camera_day=clip.camera_day).to_pylist()
        stored = {file.parent.parent.name for file in scratch.rglob("*.parquet")}
    segments = spot_clip(astronaut_clip.path, config=parameters.features)
    expected = [
        {**asdict(each), "clip_id": clip.clip_id, "segment_id": f"{each.track_id}-{each.onset}"}
        for each in segments
    ]
    assert rows
    # the lake keeps lists, and these in single precision
    stored_as = {"held": list, "rest": list, "words": lambda words: pytest.approx(list(words), rel=1e-6)}
    assert rows == [
        {
            **each,
            "score": pytest.approx(each["score"]),
            **{name: keep(each[name]) for name, keep in stored_as.items()},
        }
        for each in expected
    ]
    features = {"texture_features", "flow_features", "expression_features"}
    assert stored >= {"face_tracks", "face_crops", *features, "expression_segments"}
    assert not any(scratch.iterdir())


def test_segments_of_a_track_come_from_its_own_rows(lake, parameters, monkeypatch):
    """Rows of three tracks lie mixed; their numbers tell whose they are."""
    keys = [(track, frame) for frame in range(3) for track in "acb"]
    for table, own in (
        ("texture_features", "difference"),
        ("flow_features", "drow"),
        ("expression_features", "words"),
    ):
        rows = [
            row_of(
                table,
                track_id=track,
                frame=frame,
                **{own: [ord(track)] * 15 if own == "words" else ord(track)},
            )
            for track, frame in keys
        ]
        lake.write(table, "clip", rows, stamp="s", camera_day="day")
    seen = {}

    def find(texture, flow, words, *, track_id, config):
        assert words["words"].shape == (3, 15)
        own = (texture["difference"], flow["drow"], words["words"].ravel())
        seen[track_id] = {value for column in own for value in column.tolist()}
        return []

    monkeypatch.setattr("apexline.assets.lake.clip_stages.find_segments", find)
    write_segments(lake, parameters.features, "day", "clip", "s")
    assert seen == {track: {ord(track)} for track in "abc"}


def test_a_long_track_is_read_in_stretches(lake, parameters, monkeypatch):
    """Of two tracks, one of them long, no more than two stretches are in memory at once."""
    stretch = 4
    for module in ("assets.lake.clip_stages", "features.stored_rows"):
        monkeypatch.setattr(f"apexline.{module}.LONGEST_STRETCH", stretch)
    keys = [(track, frame) for frame in range(100) for track in "ab" if track == "a" or 50 <= frame < 54]
    for table, own in (
        ("texture_features", {"kind": "sl", "difference": 0.0}),
        ("flow_features", {"roi": "brow", "drow": 0.0, "dcol": 0.0}),
        ("expression_features", {"words": [0.0] * 15}),
    ):
        with lake.writer(table, "clip", stamp="s", camera_day="day") as writer:
            for first in range(0, len(keys), 3):
                rows = [
                    row_of(table, track_id=track, frame=frame, time_s=frame / 25, **own)
                    for track, frame in keys[first : first + 3]
                ]
                writer.write_table(rows_table(table, rows))
    read, seen, held = Lake.read, [], []

    def find(*tables, track_id, config):
        (frames,) = {tuple(each["frame"].tolist()) for each in tables}
        seen.append((track_id, frames))
        return [Segment(track_id, frames[0], frames[0], frames[-1], 1.0)]

    def counted(*args, **asked):
        table = read(*args, **asked)
        held.append(len(set(table["frame"].to_pylist())))
        return table

    monkeypatch.setattr("apexline.assets.lake.clip_stages.find_segments", find)
    monkeypatch.setattr(Lake, "read", counted)
    write_segments(lake, parameters.features, "day", "clip", "s")
    long = [("a", tuple(range(first, first + stretch))) for first in range(0, 100, stretch)]
    assert sorted(seen) == [*long, ("b", (50, 51, 52, 53))]
    assert max(held) <= 2 * stretch + 2 * 2  # and what else their row groups hold
    assert median(held) <= stretch + 2 * 2  # one stretch where a track is alone
    stored = read(lake, "expression_segments", "clip", camera_day="day")
    assert stored["onset"].to_pylist() == [*range(0, 100, stretch), 50]


def test_a_clip_is_tracked_once(astronaut_clip, parameters, tracker_calls):
    with process_clip(astronaut_clip.path, features=parameters.features):
        pass
    assert tracker_calls == {"read_frames": 1, "track_faces": 1}


def test_nothing_stays_after_an_error(noise_clip, parameters, scratch, tmp_path):
    broken, good = tmp_path / "broken.mp4", tmp_path / "good.mp4"
    broken.write_bytes(b"dear diary")
    good.write_bytes(noise_clip())
    with pytest.raises(UnreadableVideo), process_clip(broken, features=parameters.features):
        pass
    assert not any(scratch.iterdir())
    with pytest.raises(ZeroDivisionError), process_clip(good, features=parameters.features):
        raise ZeroDivisionError
    assert not any(scratch.iterdir())


def test_frames_read_and_lost_are_stored_with_their_reasons(parameters, tmp_path):
    videos = {"sound": whole_video("mov", "prores_ks", "yuv422p10le"), "damaged": video_that_loses_a_frame()}
    stored, lost = {}, {}
    for name, data in videos.items():
        (tmp_path / f"{name}.mov").write_bytes(data)
        with process_clip(tmp_path / f"{name}.mov", features=parameters.features) as clip:
            [stored[name]] = clip.lake.read(
                "clip_frames", clip.clip_id, camera_day=clip.camera_day
            ).to_pylist()
            lost[name] = list(lost_frames(clip.lake, [clip.camera_day]).values())
            assert stored[name].pop("clip_id") == clip.clip_id
    assert stored["sound"] == {"frames_read": 12, "frames_lost": 0, "reasons": []}
    [reason] = stored["damaged"].pop("reasons")
    assert stored["damaged"] == {"frames_read": 11, "frames_lost": 1}
    assert reason.startswith("1 x not decoded: ")
    assert lost["sound"] == []
    assert [str(each) for each in lost["damaged"]] == [f"1 of 12 frames are lost ({reason})"]


def test_a_relative_path_is_found(noise_clip, parameters, tmp_path, monkeypatch):
    (tmp_path / "clip.mp4").write_bytes(noise_clip())
    monkeypatch.chdir(tmp_path)
    with process_clip(Path("clip.mp4"), features=parameters.features) as clip:
        assert clip.lake.read("face_tracks", clip.clip_id, camera_day=clip.camera_day).num_rows == 0


def test_the_worker_processes_load_neither_models_nor_drawing():
    """They are forked from a process that imports this module: what it takes, every run pays."""
    heavy = {"torch", "mlflow", "matplotlib", "sklearn", "factor_analyzer"}
    code = f"import sys, apexline.assets.lake.clip_stages; print(sorted({heavy!r} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
