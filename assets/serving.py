"""What MLflow loads to serve a registered model: raw faces or clips in, answers out.

Belongs here: requests to faces, and the ``_load_pyfunc`` hook that MLflow's pyfunc flavor calls (a *loader module*:
code by import, weights as arrays, no pickle anywhere). Stays out: the columns (``ml.registry.request``), scoring
(``assets.scoring.answers``), what is too much (``assets.serving_limits``), MLflow itself (``ml.registry.client``).

A row holds a face (``image``: grey or BGR, any size) or the path of a clip. The face is looked for in its picture and
aligned as the line aligns its own; ``aligned`` says that it is already. Where none is found, the whole picture is taken
as the face, and the answer abstained from.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

import cv2
import numpy as np
import pandas as pd

from apexline.assets.lake import process_clip
from apexline.assets.scoring import FaceInput, by_time, quality_of, score_faces, score_segments
from apexline.assets.serving_limits import ServingLimits, Tally
from apexline.features import FeatureConfig, load_config
from apexline.features.faces import (
    FaceDetector,
    align_raw_crop,
    bad_light,
    crop_size_px,
    grey_levels,
    make_detector,
    too_bad_for_faces,
)
from apexline.ml.datasets import CROP_SIZE, INPUT_SIZE
from apexline.ml.deepid import ExpressionModel
from apexline.ml.registry import COLUMNS, FEATURES_FILE, INPUTS, PLACES, read_image

# A face cut out by somebody else may be small: that is for the limits to say, not for the search.
_LEAST_FACE_PX = 20.0
_ALIGNED = ((INPUT_SIZE, INPUT_SIZE), (CROP_SIZE, CROP_SIZE))


class ExpressionServer:
    """Adapts a model to MLflow's ``predict(table, params)``.

    Parameters
    ----------
    model : ExpressionModel
    features : FeatureConfig
        Of the features that the model was trained on.
    limits : ServingLimits, optional
        What a request may ask for; by default what the environment says.
    """

    def __init__(
        self, model: ExpressionModel, features: FeatureConfig, limits: ServingLimits | None = None
    ) -> None:
        self.model = model
        self.features = features
        self.limits = limits or ServingLimits()
        self._lock = Lock()
        self._tally = Tally(self.limits.camera)

    @cached_property
    def detector(self) -> FaceDetector:
        """Finds the faces of raw crops, small ones too."""
        return make_detector(replace(self.features.faces, min_face_px=_LEAST_FACE_PX))

    def predict(self, table: pd.DataFrame, params: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """Answer a table of faces and clips.

        Parameters
        ----------
        table : DataFrame
            Columns ``image`` or ``clip``, and optionally ``onset`` and ``aligned``; see `ml.registry.request.INPUTS`.
        params : mapping, optional
            Part of MLflow's interface; there are none.

        Returns
        -------
        answers : DataFrame
            For each face one row, for each clip one per segment: row (position in `table`), track, onset_s, apex_s,
            offset_s (null for faces), and what `ml.registry.request.answers` gives.

        Raises
        ------
        ValueError
            If a row holds neither a face nor a clip, or both, or something unreadable; and where the request asks for
            more than `limits` allow, or the purpose register does not allow it, before any work.
        """
        self.limits.check_purpose()
        self.limits.check_number(len(table))
        rows = [
            {name: value for name, value in row.items() if not _absent(value)}
            for row in table.to_dict("records")
        ]
        wrong = [k for k, row in enumerate(rows) if ("image" in row) == ("clip" in row)]
        if wrong:
            msg = f"row {wrong[0]} holds {sorted(map(str, rows[wrong[0]]))}, expected image or clip; {dict(INPUTS)}"
            raise ValueError(msg)
        # The detector's networks hold state, and MLflow's server answers in several threads.
        with self._lock:
            self.limits.check_pictures(rows)
            clips = [k for k, row in enumerate(rows) if "clip" in row]
            self._tally.add(len(rows))
            files = self.limits.allowed_clips([rows[k]["clip"] for k in clips])
            pictures = [k for k, row in enumerate(rows) if "image" in row]
            faces = [self.face(rows[k]) for k in pictures]
            found: list[dict[str, Any]] = [
                {"row": k, "track": None, **dict.fromkeys(PLACES, math.nan), **answer}
                for k, answer in zip(
                    pictures, score_faces(self.model, faces, features=self.features), strict=True
                )
            ]
            for k, file in zip(clips, files, strict=True):
                found += [{"row": k, **answer} for answer in self._clip(file)]
        found.sort(key=lambda answer: answer["row"])
        return pd.DataFrame(found, columns=list(COLUMNS))

    def face(self, row: Mapping[str, Any]) -> FaceInput:
        """Turn a row with ``image``, and perhaps ``onset`` and ``aligned``, into an aligned face."""
        face = self._aligned(row["image"], row)
        onset = self._aligned(row["onset"], row).crop if "onset" in row else None
        # Motion is measured between two aligned crops of full size.
        full = onset is not None and onset.shape == face.crop.shape == (CROP_SIZE, CROP_SIZE)
        return replace(face, onset=onset if full else None)

    def _aligned(self, value: Any, row: Mapping[str, Any]) -> FaceInput:
        image = read_image(value)
        if row.get("aligned", False):
            if image.shape not in _ALIGNED:
                msg = f"an aligned face has shape {image.shape}, expected one of {_ALIGNED}; leave `aligned` out"
                raise ValueError(msg)
            return FaceInput(image)
        found = align_raw_crop(image, self.detector)
        if found is not None:
            crop, quality = found
            return FaceInput(crop, quality=quality_of(quality), light=bad_light(crop, quality.blur))
        gray = (
            image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)
        )
        whole = cv2.resize(gray, (INPUT_SIZE, INPUT_SIZE), interpolation=cv2.INTER_AREA)
        return FaceInput(
            whole.astype(np.uint8, copy=False),
            quality={"face_found": 0.0, "size_px": crop_size_px(image)},
            light=too_bad_for_faces(*grey_levels(gray)),
        )

    def _clip(self, clip: Path) -> list[dict[str, Any]]:
        with process_clip(clip, features=self.features) as processed:
            scored = score_segments(self.model, processed, features=self.features)
        return [
            {"track": segment["track_id"], **{place: segment[place] for place in PLACES}, **answer}
            for segment, answer in by_time(scored)
        ]


def _load_pyfunc(path: str) -> ExpressionServer:  # pyright: ignore[reportUnusedFunction] - MLflow calls it
    """Load a checkpoint folder with its feature parameters; the name is MLflow's for a loader module's entry point."""
    folder = Path(path)
    return ExpressionServer(ExpressionModel.load(folder), load_config(folder / FEATURES_FILE))


def _absent(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))
