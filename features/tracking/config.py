"""Parameters of following faces over time.

Belongs here: `TrackConfig`. Stays out: what acts on it (the other files of ``features.tracking``).
"""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, NonNegativeFloat, NonNegativeInt, PositiveInt
from pydantic.dataclasses import dataclass as pydantic_dataclass

from apexline.features.validation import Share

# Not infinite: a detector that never looks again is no tracker.
_Finite = Annotated[float, Field(ge=0, allow_inf_nan=False)]


@pydantic_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class TrackConfig:
    """How detections become tracks, and which frames of a track are kept.

    Attributes
    ----------
    check_s : float
        s from one look of the detector at the known faces to the next; the frames in between are followed.
    still_check_s : float
        The same where no face has moved since: nothing has changed that a look could correct.
    still_motion : float
        Largest motion of an eye or the nose of a face that counts as still, box sides.
    search_s : float
        s from one search of the frame to the next while all of it moves or no face is known. A part that
        moves alone is searched sooner, in proportion to its size.
    still_search_s : float
        s from one search of the frame to the next where nothing but known faces moves.
    start_score : float
        Detector score that a new track starts with, 0..1.
    keep_score : float
        Frames whose last detection scored less are dropped as ``low_score``, 0..1.
    min_detections : int
        Detections before anything of a track comes out.
    max_missed : int
        Detections in a row that may miss a face before its track ends; the frames since its last detection
        are then discarded.
    min_iou : float
        Overlap of a detection with the followed face that it continues, 0..1.
    correction : float
        Least share of a detection's disagreement with the followed landmarks that is taken over, 0..1. Small
        is steady, large follows the detector's noise.
    max_disagreement : float
        Disagreement of an eye or the nose, in box sides, from which on the detection counts in full: the head
        has turned, or following has slipped. Below, the share grows in proportion.
    min_blur : float
        Least variance of the Laplacian of the crop, grey^2. Frames below are dropped as ``blurred``, or for the light
        where that is why, see `features.faces.light.bad_light`.
    max_yaw : float
        Largest pose proxy, see `features.faces.alignment.FaceQuality`.
    max_roll_deg : float
        Largest roll, degrees.
    """

    check_s: _Finite = 0.165
    still_check_s: _Finite = 0.33
    still_motion: _Finite = 0.01
    search_s: _Finite = 0.33
    still_search_s: _Finite = 2.0
    start_score: Share = 0.9
    keep_score: Share = 0.8
    min_detections: PositiveInt = 3
    max_missed: NonNegativeInt = 2
    min_iou: Share = 0.2
    correction: Share = 0.2
    max_disagreement: NonNegativeFloat = 0.08
    min_blur: NonNegativeFloat = 10.0
    max_yaw: NonNegativeFloat = 0.3
    max_roll_deg: NonNegativeFloat = 40.0
