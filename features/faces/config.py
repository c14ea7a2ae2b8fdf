"""Parameters of finding and aligning faces.

Belongs here: `FaceConfig`. Stays out: what acts on it (the other files of ``features.faces``).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as pydantic_dataclass

from apexline.features.validation import Share

# MTCNN's first network sees 12 px windows: below that a face has nothing left to see.
_LEAST_FACE_PX = 12


@pydantic_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class FaceConfig:
    """How faces are found in a frame.

    Attributes
    ----------
    detector : {"mtcnn", "yunet"}
        ``mtcnn`` brings its weights with the package; ``yunet`` needs `model_path`.
    model_path : str or None
        ONNX file of OpenCV's YuNet face detector.
    min_face_px : float
        Smallest face, geometric mean of the box sides, px of the full frame.
    min_score : float
        Smallest detector score that counts as a detection, 0..1.
    max_detection_side : int
        Longer side that frames are shrunk to for the search, px. Landmarks are placed at full resolution.
    """

    detector: Literal["mtcnn", "yunet"] = "mtcnn"
    model_path: str | None = None
    min_face_px: Annotated[float, Field(ge=_LEAST_FACE_PX)] = 40.0
    min_score: Share = 0.7
    max_detection_side: Annotated[int, Field(ge=64)] = 960
