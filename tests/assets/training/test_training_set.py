"""Which faces are learned from, by whose label, and in which fold."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from apexline.assets.training.training_set import (
    Labelled,
    _earlier_folds,
    _folds,
    frames_to_learn,
    labelled_segments,
)
from tests.assets.small_lake import row_of
from tests.assets.training.examples import EMOTIONS, example

DAY = "2026-03-02_gate-03"
CLIP, TRACK, OTHER = "aaaa000011112222", "bbbb00001111", "cccc00001111"


def segment(emotion, onset, apex, offset):
    return Labelled("key", CLIP, DAY, TRACK, "v00", emotion, onset, apex, offset, None, True)


@pytest.mark.parametrize(
    ("label", "count", "frames"),
    [
        (segment("happy", 10, 20, 40), 5, [15, 19, 22, 26, 30]),  # from 15, half way up, to 30, half way down
        (segment("happy", 10, 20, 40), 1, [15]),
        (segment("calm", 10, 20, 40), 4, [10, 20, 30, 40]),  # a calm face is calm all along
        (segment("scared", 10, 10, 10), 5, [10]),
        (segment("angry", 10, 11, 12), 5, [10, 11]),  # distinct, however short
    ],
)
def test_frames_about_the_apex_are_learned(label, count, frames):
    assert frames_to_learn(label, count) == frames


LABEL = {"apex": 5, "x": 100.0, "y": 50.0, "w": 40.0, "h": 40.0}


@pytest.fixture
def labelled_lake(lake):
    """A clip with two tracked faces: one annotated and rated, one with a rated and an unrated segment."""
    lake.write("clip_manifest", CLIP, [row_of("clip_manifest", clip_id=CLIP)], stamp="m", camera_day=DAY)
    label = {"clip_id": CLIP, "emotion": "angry", "onset": 1, "apex": 5, "offset": 9, "synthetic": True}
    annotations = [
        {**LABEL, **label, "annotation_id": f"{CLIP}-a0", "subject": "v07"},
        {
            **LABEL,
            **label,
            "annotation_id": f"{CLIP}-a1",
            "subject": "v08",
            "x": 500.0,
        },  # nobody was tracked there
    ]
    lake.write("annotations", CLIP, annotations, stamp="a", camera_day=DAY)
    boxes = [
        row_of("face_tracks", clip_id=CLIP, track_id=track, frame=5, x=x, y=50, w=40, h=40)
        for track, x in ((TRACK, 102), (OTHER, 300))
    ]
    lake.write("face_tracks", CLIP, boxes, stamp="f", camera_day=DAY)
    segments = [
        row_of(
            "expression_segments",
            clip_id=CLIP,
            track_id=OTHER,
            segment_id=f"{OTHER}-{onset}",
            **span,
            onset=onset,
        )
        for onset, span in ((2, {"apex": 4, "offset": 6}), (11, {"apex": 14, "offset": 16}))
    ]
    lake.write("expression_segments", CLIP, segments, stamp="e", camera_day=DAY)
    ratings = [
        {"rater": "r", "segment": segment, "pair": "p", "level": level, "synthetic": False, "source": "s"}
        for segment, level in ((f"{CLIP}-a0", 1), (f"{OTHER}-2", 5))
    ]
    lake.write("ratings", "page", ratings, stamp="r")
    return lake


@pytest.fixture
def space():
    """A space of one pair: its mean score is the pleasure, and pleasant faces are happy."""
    return SimpleNamespace(
        pairs=["p"],
        to_pad=lambda means: np.column_stack([means["p"], means["p"] * 0, means["p"] * 0]),
        nearest_emotion=lambda pad: "happy" if pad[0] > 0 else "angry",
    )


def test_annotations_and_rated_segments_are_learned_from(labelled_lake, space):
    annotated, rated = labelled_segments(labelled_lake, space)
    assert (annotated.key, annotated.track_id, annotated.subject) == (f"{CLIP}-a0", TRACK, "v07")
    assert (annotated.emotion, annotated.onset, annotated.apex, annotated.offset) == ("angry", 1, 5, 9)
    assert annotated.synthetic
    assert annotated.pad is not None
    assert (rated.key, rated.track_id, rated.emotion) == (
        f"{OTHER}-2",
        OTHER,
        space.nearest_emotion(rated.pad),
    )
    assert (rated.onset, rated.apex, rated.offset) == (2, 4, 6)
    assert rated.pad[0] == -annotated.pad[0]  # levels 5 and 1


def test_a_clip_without_labels_is_one_subject_of_its_own(labelled_lake, space):
    """Who is in it is not asked; its faces stay in one fold."""
    *_, rated = labelled_segments(labelled_lake, space)
    assert rated.subject == f"clip-{CLIP}"
    assert not rated.synthetic


def examples(*subjects):
    return [
        {"subject": subject, "emotion": emotion, "example_id": f"{subject}-{emotion}"}
        for subject in subjects
        for emotion in EMOTIONS
    ]


def test_a_subject_is_in_one_fold_and_every_fold_has_subjects(parameters):
    rows = examples(*[f"v{k:02d}" for k in range(8)])
    folds = _folds(rows, parameters.training_set, previous={})
    assert len(set(zip([row["subject"] for row in rows], folds, strict=True))) == 8
    assert set(folds) == {"train", "valid", "test"}
    assert folds == _folds(rows, parameters.training_set, previous={})


def test_who_tested_once_never_trains(parameters):
    first = examples(*[f"v{k:02d}" for k in range(8)])
    folds = dict(
        zip([r["subject"] for r in first], _folds(first, parameters.training_set, previous={}), strict=True)
    )
    more = examples(*[f"v{k:02d}" for k in range(20)])
    later = dict(
        zip([r["subject"] for r in more], _folds(more, parameters.training_set, previous=folds), strict=True)
    )
    assert {subject: later[subject] for subject in folds} == folds


def test_folds_of_an_earlier_set_are_remembered(lake):
    assert _earlier_folds(lake) == {}
    lake.write("training_set", "examples", [example(0), example(1), example(2)], stamp="s")
    assert _earlier_folds(lake) == {"v00": "train", "v01": "valid", "v02": "test"}


@pytest.mark.parametrize("table", ["face_tracks", "expression_segments", "annotations"])
@pytest.mark.parametrize(
    "harm", [Path.unlink, lambda path: path.write_bytes(b"")], ids=["missing", "damaged"]
)
def test_a_clip_that_failed_or_is_damaged_stops_no_training(labelled_lake, space, table, harm):
    other = "dddd000011112222"
    for each in ("clip_manifest", "annotations", "face_tracks", "expression_segments"):
        rows = labelled_lake.read(each, CLIP, camera_day=DAY)
        labelled_lake.write(each, other, rows, stamp="o", camera_day=DAY)
    harm(Path(str(labelled_lake.path(table, CLIP, camera_day=DAY))))
    assert {each.clip_id for each in labelled_segments(labelled_lake, space)} == {other}
