"""How small stored face crops can be, and what that does to the features: codecs, and crops about segments alone.

Belongs here: bytes, processor time and changed features of ways to store crops. Stays out: how they are stored
(``assets.lake.crops``).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from apexline.assets.lake import LakeClip, process_clip, write_segments, write_track_features
from apexline.assets.parameters import load_parameters
from apexline.bench.page import Rows, write_speed
from apexline.bench.paths import CONFIGS
from apexline.features import FeatureConfig
from apexline.features.expression import ExpressionStream
from apexline.features.faces import CROP_SIZE
from apexline.features.flow import FlowStream
from apexline.features.modc import TextureStream

_NUM_CLIPS = 3
_ABOUT_S = 1.0  # before and after a segment
_TOLERANCE = 0.01  # of the 99th percentile of a feature
_HOUR = 25 * 3600  # crops of a face
_FEATURES = {"texture_features": "difference", "flow_features": "magnitude", "expression_features": "words"}

_WORDS = f"""How small stored face crops can be.

Crops of filmed faces, as the line keeps them, through each codec; features and segments are computed again from what
comes back. *Change* is the mean absolute difference as a share of the feature's 99th percentile, the worst of
{_NUM_CLIPS} clips; a codec is fit where none exceeds {_TOLERANCE:.0%} and no segment differs. Raw crops are what
Parquet gets; its Zstandard packs them. A face-hour has {_HOUR:,} crops. *About segments*: the share of crops
from {_ABOUT_S:g} s before to {_ABOUT_S:g} s after a segment. Without the rest nothing of it can be described again by
a later release, rated, learned from or explained; only its features stay."""


class _Codec(NamedTuple):
    """A way to store crops one by one, so that one can be read without the others: OpenCV's name and options."""

    name: str
    extension: str
    options: tuple[int, int]


_CODECS = (
    _Codec("PNG", ".png", (cv2.IMWRITE_PNG_COMPRESSION, 6)),
    _Codec("WebP, lossless", ".webp", (cv2.IMWRITE_WEBP_QUALITY, 101)),  # above 100: lossless
    _Codec("WebP, quality 95", ".webp", (cv2.IMWRITE_WEBP_QUALITY, 95)),
    _Codec("JPEG, quality 95", ".jpg", (cv2.IMWRITE_JPEG_QUALITY, 95)),
)


@dataclass(frozen=True)
class _Described:
    """What was computed from a clip's crops: features by table, one row for each value, and its segments."""

    features: dict[str, NDArray[np.float64]]
    segments: set[tuple[Any, ...]]


def bench_crops(data: Path) -> Rows:
    """Return bytes, processor time and changed features of each codec, and the share of crops about segments.

    Parameters
    ----------
    data : Path
        Folder of the benchmark data.
    """
    features = load_parameters(CONFIGS / "default.yaml").features
    found: dict[str, list[Counter[str]]] = {}
    about: Counter[str] = Counter()
    for clip in sorted((data / "expression_clips").glob("*.mp4"))[:_NUM_CLIPS]:
        with process_clip(clip, features=features) as processed:
            crops, before = _read(processed, "face_crops"), _described(processed)
            about += _about_segments(crops, _read(processed, "expression_segments"))
            found.setdefault("raw, Zstandard", []).append(_packed(crops))
            for codec in _CODECS:
                rows = found.setdefault(codec.name, [])
                rows.append(
                    _through(codec, processed, crops, features) | _changes(before, _described(processed))
                )
    codecs: Rows = [{"task": "codecs", "codec": name, **_summed(rows)} for name, rows in found.items()]
    return [*codecs, {"task": "about segments", **about, "share": about["kept"] / about["crops"]}]


def write_crops_page(rows: Rows, out: Path) -> None:
    """Write ``speed_crops.md`` into `out`."""
    write_speed(out, "speed_crops", _WORDS, rows, [])


def _read(clip: LakeClip, table: str) -> pa.Table:
    return clip.lake.read(table, clip.clip_id, camera_day=clip.camera_day)


def _described(clip: LakeClip) -> _Described:
    tables = {table: _read(clip, table)[column] for table, column in _FEATURES.items()}
    flat = {
        table: (column.combine_chunks().flatten() if pa.types.is_list(column.type) else column).to_numpy()
        for table, column in tables.items()
    }
    segments = _read(clip, "expression_segments").select(["track_id", "onset", "apex", "offset"])
    return _Described(flat, {tuple(row.values()) for row in segments.to_pylist()})


def _packed(crops: pa.Table) -> Counter[str]:
    packed = pa.Codec("zstd").compress(b"".join(crops["crop"].to_pylist()), asbytes=True)
    return Counter({"crops": crops.num_rows, "bytes": len(packed)})


def _through(codec: _Codec, clip: LakeClip, crops: pa.Table, features: FeatureConfig) -> Counter[str]:
    """Put what a codec gives back in the place of a clip's crops, and describe it again."""
    pictures = [np.frombuffer(each, np.uint8).reshape(CROP_SIZE, -1) for each in crops["crop"].to_pylist()]
    start = time.process_time()
    stored = [cv2.imencode(codec.extension, each, codec.options)[1] for each in pictures]
    encoded = time.process_time()
    back = [np.asarray(cv2.imdecode(each, cv2.IMREAD_GRAYSCALE)) for each in stored]
    decoded = time.process_time()
    column = pa.array([each.tobytes() for each in back], crops.schema.field("crop").type)
    at = {"camera_day": clip.camera_day, "clip_id": clip.clip_id, "stamp": ""}
    rows = crops.set_column(crops.schema.get_field_index("crop"), "crop", column)
    clip.lake.write("face_crops", clip.clip_id, rows, stamp="", camera_day=clip.camera_day)
    streams = {
        "texture_features": partial(TextureStream, features.texture, features.device),
        "flow_features": partial(FlowStream, features.flow, features.device),
        "expression_features": ExpressionStream,
    }
    for table, stream in streams.items():
        write_track_features(clip.lake, table, stream, **at)
    write_segments(clip.lake, features, **at)
    sizes = Counter({"crops": len(stored), "bytes": sum(each.size for each in stored)})
    return sizes | Counter({"encode": encoded - start, "decode": decoded - encoded})


def _changes(before: _Described, after: _Described) -> Counter[str]:
    changes = {
        table: float(np.mean(np.abs(after.features[table] - values)) / np.percentile(np.abs(values), 99))
        for table, values in before.features.items()
    }
    return Counter({**changes, "segments": len(before.segments ^ after.segments)})


def _about_segments(crops: pa.Table, segments: pa.Table) -> Counter[str]:
    times, tracks = crops["time_s"].to_numpy(), np.asarray(crops["track_id"].to_pylist())
    kept = np.zeros(crops.num_rows, np.bool_)
    for row in segments.to_pylist():
        near = (times >= row["onset_s"] - _ABOUT_S) & (times <= row["offset_s"] + _ABOUT_S)
        kept |= near & (tracks == row["track_id"])
    return Counter({"crops": crops.num_rows, "kept": int(kept.sum())})


def _summed(rows: Sequence[Counter[str]]) -> dict[str, float]:
    crops = sum(row["crops"] for row in rows)
    size = sum(row["bytes"] for row in rows) / crops
    summed: dict[str, float] = {"bytes a crop": size, "MB a face-hour": size * _HOUR / 1e6}
    if "encode" in rows[0]:
        summed |= {
            f"{name}, ms": 1000 * sum(row[name] for row in rows) / crops for name in ("encode", "decode")
        }
        summed |= {f"change of {name.split('_')[0]}": max(row[name] for row in rows) for name in _FEATURES}
        summed["segments that differ"] = sum(row["segments"] for row in rows)
    return summed
