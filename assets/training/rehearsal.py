"""Which faces a retraining learns once more, as the champion answers them.

Belongs here: choosing them from the home's clips. Stays out: labelled faces (``training_set``), what becomes of them
(``ml.datasets.rehearsal``).
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from apexline.assets.lake import TABLES, Lake, each_readable, fingerprint, listed_camera_days
from apexline.assets.parameters import Parameters
from apexline.assets.training.training_set import Labelled, examples_of_clip
from apexline.assets.training.training_table import NAME, dataset_of
from apexline.ml.datasets import ExpressionDataset, Lesson, Split, with_rehearsal

if TYPE_CHECKING:
    from apexline.ml.deepid import ExpressionModel

_WEIGHT = 0.5  # of a face that the champion labels, where one that a person labels counts 1
_Clip = tuple[str, str]  # camera-day and clip id


def lesson(
    lake: Lake, parameters: Parameters, champion: "ExpressionModel", data: ExpressionDataset, split: Split
) -> Lesson:
    """Add faces from clips that nobody labelled, as the champion answers them, to the labelled ones.

    As many as there are labelled faces to learn from, from clips drawn by their ids. A clip in which anybody labelled a
    face is left out: it may be of the validation or test fold.

    Parameters
    ----------
    champion : ExpressionModel
        The version that the training goes on from.
    data : ExpressionDataset
    split : Split
        Of `data`.

    Returns
    -------
    Lesson
        `data` and `split` alone where no such clip is stored.
    """
    rows = _rows(lake, parameters, synthetic=data.synthetic, limit=len(split.train))
    if not rows:
        return Lesson(data, split, np.ones(len(data), np.float32))
    faces = dataset_of(
        pa.Table.from_pylist(rows, schema=TABLES["training_set"]), flow_length=data.flow.shape[1]
    )
    answers = (
        champion.predict(faces.images)
        if champion.reducer is None
        else champion.predict(faces.images, *faces.features)
    )
    return with_rehearsal(data, split, faces.labelled(answers.probabilities), weight=_WEIGHT)


def _rows(lake: Lake, parameters: Parameters, *, synthetic: bool, limit: int) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for of_clip in each_readable(
        lambda clip: _rows_of_clip(lake, parameters, *clip, synthetic=synthetic), _clips(lake)
    ):
        rows.extend(of_clip)
        if len(rows) >= limit:
            break
    return rows[:limit]


def _clips(lake: Lake) -> Iterator[_Clip]:
    """Yield the clips in which nobody labelled a face, in an order that new ones do not change."""
    labelled = set(lake.read("training_set", NAME, columns=["clip_id"])["clip_id"].to_pylist())
    found = [
        (day, clip)
        for day in listed_camera_days(lake)
        for clip in lake.names("expression_segments", camera_day=day)
        if clip not in labelled
    ]
    return iter(sorted(found, key=lambda each: fingerprint(each[1])))


def _rows_of_clip(
    lake: Lake, parameters: Parameters, camera_day: str, clip_id: str, *, synthetic: bool
) -> list[dict[str, object]]:
    [manifest] = lake.read("clip_manifest", clip_id, camera_day=camera_day).to_pylist()
    if manifest["synthetic"] != synthetic:
        return []
    segments = lake.read("expression_segments", clip_id, camera_day=camera_day).to_pylist()
    at_apex = [
        Labelled(
            key=each["segment_id"],
            clip_id=clip_id,
            camera_day=camera_day,
            track_id=each["track_id"],
            subject=f"clip-{clip_id}",
            emotion="calm",  # the champion's answer takes its place
            onset=each["onset"],
            apex=each["apex"],
            offset=each["apex"],
            pad=None,
            synthetic=synthetic,
            source="champion",
        )
        for each in segments
    ]
    frames = {each.key: [each.apex] for each in at_apex}
    return [{**row, "fold": "train"} for row in examples_of_clip(lake, parameters, at_apex, frames)]
