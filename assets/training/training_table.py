"""The stored training set as arrays.

Belongs here: reading ``training_set`` and describing its faces. Stays out: making it (``training_set``).
"""

import math
from collections import defaultdict

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from apexline.assets.lake import QUALITY, Lake, each_readable, listed_camera_days, measures_at
from apexline.ml import PAD_AXES
from apexline.ml.datasets import INPUT_SIZE, ExpressionDataset, Split, one_hot, split_from_folds

_UNKNOWN = "unknown"


FEATURE_VERSION = "2"


NAME = "examples"


def load_training_set(lake: Lake) -> tuple[ExpressionDataset, Split]:
    """Read the stored examples and their split.

    Raises
    ------
    FileNotFoundError
        Where ``training_set`` has not been materialised.
    """
    table = lake.read("training_set", NAME)
    data = dataset_of(table)
    return data, split_from_folds(table["fold"].to_pylist(), ids=data.ids)


def dataset_of(table: pa.Table, *, flow_length: int = 0) -> ExpressionDataset:
    """Return rows of ``training_set`` as arrays; `flow_length` is that of flow where no row has any."""
    flow = table["flow"].to_pylist()
    length = max((len(each) for each in flow if each is not None), default=flow_length)
    return ExpressionDataset(
        images=_faces_of(table, "image"),
        onsets=_faces_of(table, "onset"),
        labels=one_hot(table["emotion"].to_pylist()),
        pad=np.asarray(
            [
                [_or_nan(v) for v in row]
                for row in zip(*[table[a].to_pylist() for a in PAD_AXES], strict=True)
            ],
            np.float32,
        ),
        texture=np.stack(table["texture"].to_numpy()).astype(np.float32),
        flow=np.asarray([np.zeros(length) if each is None else each for each in flow], np.float32),
        flow_mask=np.asarray([each is not None for each in flow], np.float32),
        subjects=np.asarray(table["subject"].to_pylist()),
        ids=np.asarray(table["example_id"].to_pylist()),
        synthetic=all(table["synthetic"].to_pylist()),
    )


def _faces_of(table: pa.Table, column: str) -> NDArray[np.uint8]:
    blank = bytes(INPUT_SIZE * INPUT_SIZE)
    faces = b"".join(each or blank for each in table[column].to_pylist())
    return np.frombuffer(faces, np.uint8).reshape(-1, INPUT_SIZE, INPUT_SIZE)


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value


def describe_examples(lake: Lake) -> tuple[dict[str, NDArray[np.str_]], dict[str, NDArray[np.float64]]]:
    """Say of every training example, in their order, which groups it belongs to and how good its face is.

    Returns
    -------
    groups : dict
        ``source`` (camera), ``size`` and ``light`` by example.
    quality : dict
        size_px, blur, yaw, roll_deg and track_s by example; NaN where the example comes from no clip of the lake.
    """
    from apexline.ml.evaluation import light_groups, size_groups  # pandas takes half a second to import

    columns = ["clip_id", "track_id", "frame", "image"]
    rows = lake.read("training_set", NAME, columns=columns).to_pylist()
    days = {
        clip: day for day in listed_camera_days(lake) for clip in lake.names("face_tracks", camera_day=day)
    }
    wanted: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for row in rows:
        wanted[row["clip_id"]].append((row["track_id"], row["frame"]))
    measured = each_readable(
        lambda clip_id: (clip_id, measures_at(lake, days[clip_id], clip_id, wanted[clip_id])),
        [clip_id for clip_id in wanted if clip_id in days],
    )
    found = {(clip_id, *key): each for clip_id, measures in measured for key, each in measures.items()}
    measures = [found.get((row["clip_id"], row["track_id"], row["frame"]), {}) for row in rows]
    quality = {
        name: np.array([each.get(name, math.nan) for each in measures]) for name in (*QUALITY, "track_s")
    }
    images = np.frombuffer(b"".join(row["image"] for row in rows), np.uint8)
    # A camera-day is called <YYYY-MM-DD>_<camera>.
    cameras = [days.get(row["clip_id"], f"_{_UNKNOWN}").partition("_")[2] for row in rows]
    groups = {
        "source": np.array(cameras),
        "size": size_groups(quality["size_px"]),
        "light": light_groups(images.reshape(-1, INPUT_SIZE, INPUT_SIZE)),
    }
    return groups, quality
