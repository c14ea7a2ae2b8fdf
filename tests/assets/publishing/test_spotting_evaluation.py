"""Table 2 and Figure 8 from the lake: which frames a method is scored on."""

import numpy as np
import pytest
from upath import UPath

from apexline.assets.lake.schemas import TABLES
from apexline.assets.lake.storage import Lake
from apexline.assets.publishing.spotting_evaluation import areas_and_roc, frame_scores

DAY = "2026-03-02_gate-03"
CLIP, TRACK, STRANGER = "aaaa000011112222", "bbbb00001111", "cccc00001111"
FRAMES, EXPRESSION = 20, range(8, 13)


def row_of(table, **values):
    return {**dict.fromkeys(TABLES[table].names), "clip_id": CLIP, **values}


@pytest.fixture
def lake(tmp_path):
    """One annotated face whose curves rise exactly where it smiles; nobody annotated one that rests just then."""
    lake = Lake(UPath(tmp_path))

    def write(table, rows):
        lake.write(table, CLIP, rows, stamp="s", camera_day=DAY)

    box = {"x": 10, "y": 10, "w": 40, "h": 40}
    both = ((TRACK, 10), (STRANGER, 200))
    write("clip_manifest", [row_of("clip_manifest", num_frames=FRAMES, synthetic=True)])
    write("face_tracks", [row_of("face_tracks", track_id=t, frame=10, **{**box, "x": x}) for t, x in both])
    label = {"subject": "v00", "synthetic": True, **box}
    write(
        "annotations",
        [
            row_of("annotations", emotion="happy", onset=8, apex=10, offset=12, **label),
            row_of("annotations", emotion="calm", onset=0, apex=10, offset=5, **label),
        ],
    )
    rise = {
        (track, frame): float((frame in EXPRESSION) == (track == TRACK))
        for track, _ in both
        for frame in range(FRAMES)
    }
    write(
        "texture_features",
        [
            row_of(
                "texture_features",
                track_id=track,
                frame=frame,
                kind=kind,
                difference=rise[track, frame] + 0.1,
            )
            for track, _ in both
            for frame in range(2, FRAMES)  # the first frames were dropped
            for kind in ("sl", "lbp")
        ],
    )
    write(
        "flow_features",
        [
            row_of(
                "flow_features", track_id=track, frame=frame, roi=roi, magnitude=rise[track, frame] * strength
            )
            for track, _ in both
            for frame in range(FRAMES)
            for roi, strength in (("left_brow", 0.1), ("left_mouth", 2.0))
        ],
    )
    return lake


def test_every_frame_of_the_annotated_face_is_scored_by_every_method(lake):
    scores = frame_scores(lake)
    frames = {method: rows["frame"].tolist() for method, rows in scores.groupby("method")}
    assert frames == dict.fromkeys(("flow", "lbp", "sl+flow"), list(range(FRAMES)))
    assert set(scores["subject"]) == {"v00"}
    assert scores["synthetic"].all()


def test_only_expressions_are_positive_not_calm(lake):
    scores = frame_scores(lake)
    assert set(scores.loc[scores["positive"], "frame"]) == set(EXPRESSION)


def by_frame(scores, method):
    return scores.query("method == @method").set_index("frame")["score"]


def test_a_score_is_absolute(lake):
    scores = frame_scores(lake)
    flow, texture = by_frame(scores, "flow"), by_frame(scores, "lbp")
    assert (flow[10], flow[0]) == (2.0, 0.0)
    # a difference of .1 is what calm frames have; frames without one have the lowest score
    assert (texture[10], texture[5], texture[0]) == (pytest.approx(1.0), 0.0, 0.0)


def test_both_together_are_as_strong_as_each_varies(lake):
    both = by_frame(frame_scores(lake), "sl+flow")
    # five of twenty frames stand out: their deviation is .444 of their height
    assert both[10] == pytest.approx(1 / 0.444, rel=1e-3)
    assert both[0] == 0


def test_a_clip_that_shows_nothing_stays_low(lake):
    """On one scale with the others: its largest difference is no apex."""
    quiet = "dddd000011112222"
    for table in ("clip_manifest", "face_tracks", "annotations", "texture_features", "flow_features"):
        rows = lake.read(table, CLIP, camera_day=DAY).to_pylist()
        for row in rows:
            row["clip_id"] = quiet
            row["emotion"] = "calm" if "emotion" in row else None
            for value in {"difference", "magnitude"} & set(row):
                row[value] *= 0.01
        known = set(TABLES[table].names)
        lake.write(
            table,
            quiet,
            [{k: v for k, v in row.items() if k in known} for row in rows],
            stamp="s",
            camera_day=DAY,
        )
    areas, _ = areas_and_roc(frame_scores(lake))
    np.testing.assert_allclose(areas["auc"], 1.0)


def test_perfect_curves_have_the_whole_area(lake):
    areas, points = areas_and_roc(frame_scores(lake))
    assert set(areas["method"]) == set(points["method"]) == {"sl+flow", "lbp", "flow"}
    np.testing.assert_allclose(areas["auc"], 1.0)
    assert areas["synthetic"].all()


def test_nothing_annotated_gives_empty_tables(tmp_path):
    areas, points = areas_and_roc(frame_scores(Lake(UPath(tmp_path))))
    assert areas.empty
    assert points.empty
