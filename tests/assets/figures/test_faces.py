"""The faces of a segment, with what moved in them."""

from __future__ import annotations

import numpy as np
import pytest

from apexline.assets.explain.wording import explain_track
from apexline.features.spotting.decisions import Decision
from tests.assets.decided_track import TRACK, view
from tests.assets.figures.drawn import mark


def test_moments_show_faces_with_moved_regions_and_the_polar_map(
    smile: Decision, crops: dict[tuple[str, int], np.ndarray]
) -> None:
    (explanation,) = explain_track(TRACK, view(smile, synthetic=True), crops).explanations
    segment = smile.reasons[0].segment
    assert explanation.segment_id == f"{TRACK}-{segment.onset}"
    *faces, polar = explanation.figure.axes
    assert [face.get_title().split("\n")[0] for face in faces] == [
        f"onset, frame {segment.onset}",
        "apex, frame 40",
        f"offset, frame {segment.offset}",
    ]
    shown = [float(np.asarray(face.images[0].get_array()).max()) for face in faces]
    assert shown == [segment.onset, 40, segment.offset]
    # the mouth counts, the brow does not: one arrow, to the right
    (arrow,) = faces[1].texts
    assert arrow.xy[0] > arrow.xyann[0]  # type: ignore[attr-defined]
    assert arrow.xy[1] == pytest.approx(arrow.xyann[1])  # type: ignore[attr-defined]
    assert polar.patches[0].get_radius() == 1.0  # type: ignore[attr-defined]
    assert mark(polar, "o") == pytest.approx((4.0, 0.0))
    low, high = polar.get_ylim()
    assert low > high  # down in the image is down in the drawing
    assert explanation.figure.get_suptitle() == "synthetic"
