"""Aligned face crops in the lake: how they are written, streamed and looked up.

Belongs here: the layout of the table ``face_crops``, a clip's rows written by and by, and rows of a track as arrays.
Stays out: how a crop is made or described.
"""

from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from apexline.assets.lake.schemas import TABLES
from apexline.assets.lake.storage import Lake
from apexline.features import Block, crops_at_once, join_columns
from apexline.features.faces import CROP_SIZE

# Each group of rows costs whoever writes or reads a file some memory for every column, as does what it holds.
_GROUP_BYTES = 1 << 20


class TrackStream(Protocol):
    """Turns the crops of one track into feature rows with bounded memory, as `features.rows.BlockStream` does."""

    def push_block(
        self, crops: NDArray[np.uint8], frames: NDArray[np.int64], times_s: NDArray[np.float64]
    ) -> Block:
        """Take the next crops, (N, 128, 128) uint8; return the rows that are final."""
        ...

    def flush_block(self) -> Block:
        """Return the rows still held back."""
        ...


class CropBlock(NamedTuple):
    """Crops of a clip that follow each other, of all its tracks.

    Attributes
    ----------
    tracks : ndarray, shape (N,), object
    frames : ndarray, shape (N,), int64
    times_s : ndarray, shape (N,), float64
    crops : ndarray, shape (N, 128, 128), uint8
    """

    tracks: NDArray[np.object_]
    frames: NDArray[np.int64]
    times_s: NDArray[np.float64]
    crops: NDArray[np.uint8]


class RowGroups:
    """Rows of a file that is being written, in groups of a MiB or more, however few come at a time.

    Attributes
    ----------
    file : ParquetWriter
    """

    def __init__(self, file: pq.ParquetWriter) -> None:
        self.file = file
        self._held: list[pa.Table] = []

    def write_table(self, rows: pa.Table) -> None:
        """Add rows; they are in the file after the next `flush`."""
        self._held.append(rows)
        if sum(each.nbytes for each in self._held) >= _GROUP_BYTES:
            self.flush()

    def flush(self) -> None:
        """End the group."""
        if self._held:
            self.file.write_table(pa.concat_tables(self._held))
            self._held = []


@contextmanager
def row_groups(lake: Lake, table: str, camera_day: str, clip_id: str, stamp: str) -> Generator[RowGroups]:
    """Write a clip's rows of `table` by and by, as `Lake.writer` does; memory does not grow with their number."""
    with lake.writer(table, clip_id, stamp=stamp, camera_day=camera_day) as file:
        groups = RowGroups(file)
        yield groups
        groups.flush()
    # What was freed lies scattered: the next stage would take as much again beside it.
    pa.default_memory_pool().release_unused()


def as_crop(data: bytes) -> NDArray[np.uint8]:
    """Return stored bytes as a (128, 128) uint8 array."""
    return np.frombuffer(data, np.uint8).reshape(CROP_SIZE, CROP_SIZE)


def iter_crops(lake: Lake, camera_day: str, clip_id: str) -> Iterator[CropBlock]:
    """Yield the crops of a clip in frame order, `crops_at_once` of them; memory does not grow with its length."""
    held: list[pa.RecordBatch] = []
    at_once = crops_at_once()
    for batch in lake.iter_batches("face_crops", clip_id, camera_day=camera_day):
        held.append(batch)
        if sum(each.num_rows for each in held) >= at_once:
            yield _crop_block(held)
            held = []
    if any(each.num_rows for each in held):
        yield _crop_block(held)


def _crop_block(batches: list[pa.RecordBatch]) -> CropBlock:
    table = pa.Table.from_batches(batches)
    data = [np.frombuffer(each.buffers()[-1], np.uint8) for each in table["crop"].chunks]
    parts = [
        part[CROP_SIZE**2 * each.offset :][: CROP_SIZE**2 * len(each)]
        for part, each in zip(data, table["crop"].chunks, strict=True)
    ]
    return CropBlock(
        np.array(table["track_id"].to_pylist(), dtype=object),
        table["frame"].to_numpy().astype(np.int64),
        table["time_s"].to_numpy(),
        np.concatenate(parts).reshape(-1, CROP_SIZE, CROP_SIZE),
    )


def write_track_features(
    lake: Lake,
    table: str,
    make_stream: Callable[[], TrackStream],
    camera_day: str,
    clip_id: str,
    stamp: str,
) -> None:
    """Stream a clip's crops through one feature stream per track into `table`; see `write_all_features`."""
    write_all_features(lake, {table: make_stream}, camera_day, clip_id, stamp)


def write_all_features(
    lake: Lake,
    make_streams: Mapping[str, Callable[[], TrackStream]],
    camera_day: str,
    clip_id: str,
    stamp: str,
) -> None:
    """Stream a clip's crops, read once, through feature streams into the tables that they are named by.

    Each track has a stream of its own for each table, closed at its last crop, so that memory follows the number of
    faces in view, not the length of the clip. Rows lie in the order of the crops that made them final, however crops
    are cut into blocks.
    """
    last = {
        track_id: frames[-1]
        for track_id, frames in frames_of_tracks(lake, "face_crops", camera_day, clip_id).items()
    }
    open_streams: dict[str, dict[str, TrackStream]] = {table: {} for table in make_streams}
    with ExitStack() as stack:
        writers = {
            table: stack.enter_context(row_groups(lake, table, camera_day, clip_id, stamp))
            for table in make_streams
        }
        for block in iter_crops(lake, camera_day, clip_id):
            for table, make_stream in make_streams.items():
                rows = _block_rows(block, open_streams[table], make_stream, last)
                if rows:
                    writers[table].write_table(_columns_table(table, clip_id, *rows))


def _block_rows(
    block: CropBlock,
    streams: dict[str, TrackStream],
    make_stream: Callable[[], TrackStream],
    last: Mapping[str, int],
) -> tuple[NDArray[np.object_], dict[str, NDArray[Any]]] | None:
    """Tracks and columns of the rows that a block of crops makes final, in the order of its crops."""
    order: list[NDArray[np.intp]] = []
    tracks: list[NDArray[np.object_]] = []
    columns: list[dict[str, NDArray[Any]]] = []
    for track_id in dict.fromkeys(block.tracks.tolist()):
        at = np.flatnonzero(block.tracks == track_id)
        stream = streams.pop(track_id, None) or make_stream()
        found = stream.push_block(block.crops[at], block.frames[at], block.times_s[at])
        parts = [(found.columns, at[found.final_at])]
        if block.frames[at[-1]] == last[track_id]:
            held = stream.flush_block()
            parts.append((held.columns, np.full(len(held.final_at), at[-1])))
        else:
            streams[track_id] = stream
        for values, place in parts:
            if len(place):
                columns.append(values)
                order.append(place)
                tracks.append(np.full(len(place), track_id, dtype=object))
    if not order:
        return None
    # stable: the rows of one crop keep their order
    sequence = np.argsort(np.concatenate(order), kind="stable")
    return (
        np.concatenate(tracks)[sequence],
        {name: values[sequence] for name, values in join_columns(columns).items()},
    )


def _columns_table(
    table: str, clip_id: str, tracks: NDArray[np.object_], columns: Mapping[str, NDArray[Any]]
) -> pa.Table:
    """Build an Arrow table with the lake schema of `table`."""
    schema = TABLES[table]
    values = {"clip_id": np.full(len(tracks), clip_id, dtype=object), "track_id": tracks, **columns}
    return pa.Table.from_arrays([_array(values[field.name], field.type) for field in schema], schema=schema)


def _array(values: NDArray[Any], kind: pa.DataType) -> pa.Array:
    if not pa.types.is_list(kind):
        numbers = values if values.dtype == object else values.astype(kind.to_pandas_dtype(), copy=False)
        return pa.array(numbers, type=kind)
    length = values.shape[1]
    ends = pa.array(np.arange(0, values.size + 1, length, dtype=np.int32))
    flat = np.ascontiguousarray(values).ravel().astype(kind.value_type.to_pandas_dtype(), copy=False)
    return pa.ListArray.from_arrays(ends, pa.array(flat), type=kind)


def rows_table(table: str, rows: list[dict[str, Any]]) -> pa.Table:
    """Build an Arrow table with the lake schema of `table`."""
    return pa.Table.from_pylist(rows, schema=TABLES[table])


def frames_of_tracks(lake: Lake, table: str, camera_day: str, clip_id: str) -> dict[str, range]:
    """Return from where to where each track has rows, in the order in which they begin; memory does not grow."""
    seen: dict[str, range] = {}
    for batch in lake.iter_batches(table, clip_id, camera_day=camera_day, columns=["track_id", "frame"]):
        ends = pa.table(batch).group_by("track_id", use_threads=False).aggregate([("frame", "min_max")])
        for track_id, found in zip(
            ends["track_id"].to_pylist(), ends["frame_min_max"].to_pylist(), strict=True
        ):
            known = seen.get(track_id, range(found["min"], found["min"]))
            seen[track_id] = range(min(known.start, found["min"]), max(known.stop, found["max"] + 1))
    return seen


class TrackRows:
    """Rows of a table with tracks as arrays, looked up track by track.

    Parameters
    ----------
    table : pyarrow.Table
        With ``track_id``, and ``frame`` where frames are asked for.
    """

    def __init__(self, table: pa.Table) -> None:
        encoded = table["track_id"].combine_chunks().dictionary_encode()
        self._numbers = {track_id: n for n, track_id in enumerate(encoded.dictionary.to_pylist())}
        self._tracks = encoded.indices.to_numpy()
        self._columns = {
            name: _as_array(table[name].combine_chunks()) for name in table.column_names if name != "track_id"
        }

    def of(self, track_id: str, *, frames: range | None = None) -> dict[str, NDArray[Any]]:
        """Return the other columns for one track, of some frames, by name; list columns are 2-D."""
        wanted = self._tracks == self._numbers.get(track_id, -1)
        if frames is not None:
            numbers = self._columns["frame"]
            wanted &= (numbers >= frames.start) & (numbers < frames.stop)
        rows = np.flatnonzero(wanted)
        return {name: values[rows] for name, values in self._columns.items()}


def _as_array(column: pa.Array) -> NDArray[Any]:
    if pa.types.is_list(column.type):  # no Python object for each of millions of rows
        values = column.flatten().to_numpy(zero_copy_only=False).astype(np.float32, copy=False)
        return values.reshape((len(column), len(values) // max(1, len(column))))
    if not pa.types.is_string(column.type):
        return column.to_numpy(zero_copy_only=False)
    encoded = column.dictionary_encode(null_encoding="encode")
    return np.array(encoded.dictionary.to_pylist(), dtype=object)[encoded.indices.to_numpy()]


def crops_at(
    lake: Lake, camera_day: str, clip_id: str, wanted: Iterable[tuple[str, int]]
) -> dict[tuple[str, int], NDArray[np.uint8]]:
    """Look up crops by (track_id, frame); where a frame was dropped, the track's nearest kept one is given.

    Returns
    -------
    dict
        Crop (128, 128) uint8 by the (track_id, frame) asked for; a track without crops is absent.
    """
    [crops] = crops_in_turn(lake, camera_day, clip_id, [list(wanted)])
    return crops


def crops_in_turn(
    lake: Lake, camera_day: str, clip_id: str, turns: Sequence[Sequence[tuple[str, int]]]
) -> Iterator[dict[tuple[str, int], NDArray[np.uint8]]]:
    """Look up crops as `crops_at` does, in turns: those of one turn are in memory, and the clip is indexed once.

    Yields
    ------
    dict
        For each turn, crop (128, 128) uint8 by the (track_id, frame) wanted in it.
    """
    tracks = {track_id for wanted in turns for track_id, _ in wanted}
    kept_of = _frames_kept(lake, camera_day, clip_id, tracks)
    for wanted in turns:
        yield _nearest_crops(lake, camera_day, clip_id, wanted, kept_of)


def _nearest_crops(
    lake: Lake,
    camera_day: str,
    clip_id: str,
    wanted: Sequence[tuple[str, int]],
    kept_of: Mapping[str, NDArray[np.int32]],
) -> dict[tuple[str, int], NDArray[np.uint8]]:
    nearest: dict[tuple[str, int], list[tuple[str, int]]] = {}
    for track_id, frame in wanted:
        kept = kept_of.get(track_id)
        if kept is not None:
            found = int(kept[np.argmin(np.abs(kept - frame))])
            nearest.setdefault((track_id, found), []).append((track_id, frame))
    crops: dict[tuple[str, int], NDArray[np.uint8]] = {}
    found_at = sorted({frame for _, frame in nearest})
    for batch in lake.iter_batches("face_crops", clip_id, camera_day=camera_day, frames=found_at):
        chosen = pa.Table.from_batches([batch])
        chosen = chosen.filter(pc.field("frame").isin(pa.array(found_at, pa.int32())))
        for row in chosen.to_pylist():
            for key in nearest.get((row["track_id"], row["frame"]), []):
                crops[key] = as_crop(row["crop"])
    return crops


def _frames_kept(
    lake: Lake, camera_day: str, clip_id: str, tracks: Collection[str]
) -> dict[str, NDArray[np.int32]]:
    """Return the frames that some tracks have crops of, group by group, so that no row has its track beside it."""
    kept: dict[str, list[NDArray[np.int32]]] = {}
    columns = ["track_id", "frame"]
    for batch in lake.iter_batches("face_crops", clip_id, camera_day=camera_day, columns=columns):
        rows = pa.table(batch)
        by_track = TrackRows(rows)
        for track_id in rows["track_id"].unique().to_pylist():
            if track_id in tracks:
                kept.setdefault(track_id, []).append(by_track.of(track_id)["frame"])
    return {track_id: np.concatenate(frames) for track_id, frames in kept.items()}
