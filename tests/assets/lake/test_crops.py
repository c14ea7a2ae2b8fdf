from typing import ClassVar
from weakref import WeakSet

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from apexline.assets.lake import crops
from apexline.assets.lake.crops import (
    TrackRows,
    as_crop,
    crops_at,
    iter_crops,
    rows_table,
    write_track_features,
)
from apexline.features.faces.alignment import CROP_SIZE
from apexline.features.rows import Block

DAY, CLIP = "2026-03-02_gate-03", "aaaa000011112222"


def face(track, frame):
    """A crop that tells whose it is: its first pixel is the track's, its second the frame's number."""
    crop = np.zeros((CROP_SIZE, CROP_SIZE), np.uint8)
    crop[0, :2] = ord(track), frame
    return crop


@pytest.fixture
def stored(lake):
    """Store crops ``(track, frame), ...``, a row group for each `size` of them."""

    def write(*keys, size=2):
        rows = [
            {"clip_id": CLIP, "track_id": t, "frame": f, "time_s": f / 25, "crop": face(t, f).tobytes()}
            for t, f in keys
        ]
        with lake.writer("face_crops", CLIP, stamp="s", camera_day=DAY) as writer:
            for start in range(0, len(rows), size):
                writer.write_table(rows_table("face_crops", rows[start : start + size]))

    return write


def test_bytes_become_a_square():
    crop = face("t", 7)
    assert (as_crop(crop.tobytes()) == crop).all()


def test_crops_come_in_the_order_they_were_written(stored, lake):
    keys = [("a", 0), ("a", 1), ("b", 1), ("a", 2), ("b", 2)]
    stored(*keys)
    (found,) = iter_crops(lake, DAY, CLIP)
    assert list(zip(found.tracks, found.frames, strict=True)) == keys
    assert found.times_s == pytest.approx([0, 0.04, 0.04, 0.08, 0.08])
    assert all((crop == face(*key)).all() for crop, key in zip(found.crops, keys, strict=True))


def test_exact_frames_are_found_for_the_right_track(stored, lake):
    stored(("a", 0), ("b", 0), ("a", 1), ("b", 1))
    found = crops_at(lake, DAY, CLIP, [("a", 1), ("b", 0)])
    assert set(found) == {("a", 1), ("b", 0)}
    assert (found["a", 1] == face("a", 1)).all()
    assert (found["b", 0] == face("b", 0)).all()


def test_a_dropped_frame_is_replaced_by_the_nearest_of_its_track(stored, lake):
    stored(("a", 0), ("b", 5), ("a", 10), ("b", 11))
    found = crops_at(lake, DAY, CLIP, [("a", 4), ("a", 6), ("a", 99), ("a", 10)])
    assert {frame: int(crop[0, 1]) for (_, frame), crop in found.items()} == {4: 0, 6: 10, 99: 10, 10: 10}
    assert all(crop[0, 0] == ord("a") for crop in found.values())


def test_a_track_without_crops_is_absent(stored, lake):
    stored(("a", 0))
    assert set(crops_at(lake, DAY, CLIP, [("a", 0), ("z", 0)])) == {("a", 0)}


def test_nothing_wanted_nothing_found(stored, lake):
    stored(("a", 0))
    assert crops_at(lake, DAY, CLIP, []) == {}
    stored()
    assert crops_at(lake, DAY, CLIP, [("a", 0)]) == {}


class LateStream:
    """A stream of one track that holds the last two crops back; the class knows how many were made and live at once."""

    made = 0
    most = 0
    alive: ClassVar[WeakSet] = WeakSet()

    def __init__(self):
        LateStream.made += 1
        LateStream.alive.add(self)
        self.held = []
        self.tracks = set()

    def push_block(self, crops, frames, times_s):
        assert (crops[:, 0, 1] == frames).all()
        self.tracks |= set(crops[:, 0, 0].tolist())
        assert len(self.tracks) == 1
        LateStream.most = max(LateStream.most, len(LateStream.alive))
        found = []
        for number, held in enumerate(zip(frames.tolist(), times_s.tolist(), strict=True)):
            self.held.append(held)
            if len(self.held) > 2:
                found.append((*self.held.pop(0), number))
        return self.block(found)

    def flush_block(self):
        return self.block([(*held, 0) for held in self.held])

    def block(self, found):
        frames, times_s, numbers = np.array(found).reshape(-1, 3).T
        columns = {
            "frame": frames.astype(np.int64),
            "time_s": times_s,
            "kind": np.full(len(found), "sl", dtype=object),
            "difference": np.zeros(len(found)),
            "block_differences": np.zeros((len(found), 3)),
        }
        return Block(columns, numbers.astype(np.intp))


@pytest.fixture(autouse=True)
def _fresh_counts():
    LateStream.made = LateStream.most = 0


def test_every_crop_of_every_track_gives_its_row(stored, lake):
    keys = [(track, frame) for frame in range(6) for track in "ab" if (track, frame) != ("b", 5)]
    stored(*keys)
    write_track_features(lake, "texture_features", LateStream, DAY, CLIP, "s2")
    rows = lake.read("texture_features", CLIP, camera_day=DAY).to_pylist()
    assert sorted((row["track_id"], row["frame"]) for row in rows) == sorted(keys)
    for track in "ab":
        frames = [row["frame"] for row in rows if row["track_id"] == track]
        assert frames == sorted(frames)
    assert {row["clip_id"] for row in rows} == {CLIP}
    assert lake.fingerprint_of("texture_features", CLIP, camera_day=DAY) == "s2"


def test_one_stream_per_track_goes_with_its_last_crop(stored, lake):
    stored(
        *[
            (track, frame)
            for track, frames in (("a", (0, 1)), ("b", (2, 3)), ("c", (4, 5)))
            for frame in frames
        ]
    )
    write_track_features(lake, "texture_features", LateStream, DAY, CLIP, "s")
    assert (LateStream.made, LateStream.most, len(LateStream.alive)) == (3, 1, 0)


@pytest.mark.parametrize("size", [1, 3, 100])
def test_rows_lie_in_the_order_of_the_crops_that_made_them_final(stored, lake, monkeypatch, size):
    """Whatever blocks crops are read in: two tracks in turns, a row two crops of its track later."""
    monkeypatch.setattr(crops, "crops_at_once", lambda: size)
    stored(*[(track, frame) for frame in range(5) for track in "ab"])
    write_track_features(lake, "texture_features", LateStream, DAY, CLIP, "s")
    rows = lake.read("texture_features", CLIP, camera_day=DAY).to_pylist()
    # at its last crop a track's held rows come at once
    expected = ["a0", "b0", "a1", "b1", "a2", "a3", "a4", "b2", "b3", "b4"]
    assert [f"{row['track_id']}{row['frame']}" for row in rows] == expected


def test_rows_of_a_long_clip_are_written_in_groups_of_some_size(stored, lake, monkeypatch):
    monkeypatch.setattr(crops, "crops_at_once", lambda: 10)
    stored(*[("a", frame) for frame in range(95)], size=5)

    def sizes():
        write_track_features(lake, "texture_features", LateStream, DAY, CLIP, "s")
        return [batch.num_rows for batch in lake.iter_batches("texture_features", CLIP, camera_day=DAY)]

    assert sizes() == [95]
    monkeypatch.setattr(crops, "_GROUP_BYTES", 1)
    row_bytes = lake.read("texture_features", CLIP, camera_day=DAY).nbytes / 95
    assert max(sizes()) == 10  # a group for each block of crops
    monkeypatch.setattr(crops, "_GROUP_BYTES", 25 * row_bytes)
    assert max(sizes()) == 30


def test_a_clip_without_faces_gives_an_empty_file(stored, lake):
    stored()
    write_track_features(lake, "texture_features", LateStream, DAY, CLIP, "s")
    assert lake.read("texture_features", CLIP, camera_day=DAY).num_rows == 0


def test_a_stream_that_fails_leaves_no_file(stored, lake):
    class Broken(LateStream):
        def flush_block(self):
            raise RuntimeError

    stored(("a", 0), ("a", 1))
    with pytest.raises(RuntimeError):
        write_track_features(lake, "texture_features", Broken, DAY, CLIP, "s")
    assert lake.names("texture_features", camera_day=DAY) == []


def test_of_a_long_clip_only_crops_beside_the_wanted_ones_are_read(stored, lake, monkeypatch):
    stored(*[("a", frame) for frame in range(20)], size=2)
    read, groups = pq.ParquetFile.read_row_group, []

    def counted(file, group, **asked):
        if asked["columns"] is None:  # with their pictures
            groups.append(group)
        return read(file, group, **asked)

    monkeypatch.setattr(pq.ParquetFile, "read_row_group", counted)
    found = crops_at(lake, DAY, CLIP, [("a", 5), ("a", 18)])
    assert {key: int(crop[0, 1]) for key, crop in found.items()} == {("a", 5): 5, ("a", 18): 18}
    assert groups == [2, 9]


class TestTrackRows:
    # as several groups of rows are read: in chunks, tracks among each other
    rows = pa.concat_tables(
        pa.table(
            {
                "track_id": tracks,
                "frame": pa.array(frames, pa.int32()),
                "kind": pa.array(["sl", None, "sr"][: len(frames)]),
                "blocks": pa.array([[frame, frame + 0.5] for frame in frames], pa.list_(pa.float32())),
            }
        )
        for tracks, frames in ((["a", "b", "a"], [0, 0, 1]), (["b", "a"], [1, 2]))
    )

    def test_a_track_has_its_rows_in_order_as_arrays(self):
        own = TrackRows(self.rows).of("a")
        assert sorted(own) == ["blocks", "frame", "kind"]
        assert own["frame"].tolist() == [0, 1, 2]
        assert own["kind"].tolist() == ["sl", "sr", None]
        np.testing.assert_array_equal(own["blocks"], np.array([[0, 0.5], [1, 1.5], [2, 2.5]], np.float32))

    def test_some_frames(self):
        assert TrackRows(self.rows).of("a", frames=range(1, 2))["frame"].tolist() == [1]
        assert TrackRows(self.rows).of("b", frames=range(5, 9))["frame"].tolist() == []

    def test_a_track_that_is_not_there_and_a_table_without_rows(self):
        for rows, track_id in ((self.rows, "c"), (self.rows.slice(0, 0), "a")):
            assert {
                name: len(values) for name, values in TrackRows(rows).of(track_id).items()
            } == dict.fromkeys(("frame", "kind", "blocks"), 0)
