"""Which faces are learned from, by whose label, and in which fold."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from apexline.assets.training.training_set import (
    Labelled,
    _earlier_folds,
    _examples,
    _folds,
    frames_to_learn,
    labelled_segments,
)
from apexline.features.pipeline import segment_features
from apexline.ml.datasets import face_image
from apexline.ml.emotions import PAD_AXES
from tests.assets.small_lake import at, review, row_of
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


def reviewed(lake, *said):
    """Store reviews of the face that was annotated, or of the other; return what is learned, by who said it."""
    for track, label, reviewer, more in said:
        box = {"x": 102.0 if track == TRACK else 300.0, "y": 50.0, "w": 40.0, "h": 40.0}
        row = review(
            CLIP, track, label, reviewer, at("10:00"), **{**box, "apex": 5, "synthetic": False, **more}
        )
        lake.write("reviews", f"{row['review_id']}{track}", [row], stamp="v", camera_day=DAY)


def learned(lake, space):
    return {each.key: each for each in labelled_segments(lake, space)}


def test_a_review_is_learned_with_its_provenance_in_the_place_of_an_annotation(labelled_lake, space):
    reviewed(labelled_lake, (TRACK, "scared", "otter", {"onset": 2, "offset": 9, "segment_id": f"{TRACK}-1"}))
    found = learned(labelled_lake, space)
    assert set(found) == {f"{TRACK}-1", f"{OTHER}-2"}
    label = found[f"{TRACK}-1"]
    assert (label.emotion, label.onset, label.offset, label.source) == ("scared", 2, 9, "review")
    assert label.review_ids == (f"{CLIP}-rotter-041000",)
    assert label.subject == "v07"  # as of the annotation of that face: it stays in its fold
    assert (found[f"{OTHER}-2"].source, found[f"{OTHER}-2"].review_ids) == ("ratings", ())


def test_a_review_elsewhere_leaves_the_annotation_alone(labelled_lake, space):
    reviewed(
        labelled_lake, (TRACK, "happy", "otter", {"onset": 20, "offset": 30, "segment_id": f"{TRACK}-20"})
    )
    assert {each.source for each in learned(labelled_lake, space).values()} == {
        "annotation",
        "review",
        "ratings",
    }


@pytest.mark.parametrize("label", ["other", "no_expression", "not_a_face"])
def test_what_is_none_of_the_four_is_not_learned_nor_what_it_speaks_of(labelled_lake, space, label):
    reviewed(labelled_lake, (OTHER, label, "otter", {"segment_id": f"{OTHER}-2", "onset": 2, "offset": 6}))
    reviewed(labelled_lake, (TRACK, label, "otter", {"segment_id": f"{TRACK}-1", "onset": 2, "offset": 6}))
    assert learned(labelled_lake, space) == {}


def test_where_reviewers_disagree_neither_is_learned(labelled_lake, space):
    more = {"segment_id": f"{OTHER}-2", "onset": 2, "offset": 6}
    reviewed(labelled_lake, (OTHER, "happy", "otter", more), (OTHER, "angry", "heron", more))
    assert set(learned(labelled_lake, space)) == {f"{CLIP}-a0"}


def test_an_example_shows_a_face_and_what_moved_since_its_onset(lake, parameters):
    rng = np.random.default_rng(0)
    crops = {frame: rng.integers(0, 256, (128, 128), np.uint8) for frame in (1, 3, 4, 5, 6, 7)}
    rows = [
        {"clip_id": CLIP, "track_id": TRACK, "frame": frame, "time_s": frame / 25, "crop": crop.tobytes()}
        for frame, crop in crops.items()
    ]
    lake.write("face_crops", CLIP, rows, stamp="c", camera_day=DAY)
    who = ("key", CLIP, DAY, TRACK, "v00", "happy", 1, 5, 9)
    label = Labelled(*who, pad=(0.5, 0.25, -0.5), synthetic=False, source="review", review_ids=("r1", "r2"))
    found = _examples(lake, parameters, [label])
    assert [row["example_id"] for row in found] == [f"key-{frame}" for frame in (3, 4, 5, 6, 7)]
    for row in found:
        crop = crops[row["frame"]]
        assert row["image"] == face_image(crop).tobytes()
        assert row["onset"] == face_image(crops[1]).tobytes()
        texture, flow = segment_features(crops[1], crop, config=parameters.features)
        np.testing.assert_array_equal(row["texture"], texture)
        np.testing.assert_array_equal(row["flow"], flow)
    told = {name: found[0][name] for name in ("clip_id", "track_id", "subject", "emotion", *PAD_AXES)}
    assert told == {
        "clip_id": CLIP,
        "track_id": TRACK,
        "subject": "v00",
        "emotion": "happy",
        "pleasure": 0.5,
        "arousal": 0.25,
        "dominance": -0.5,
    }
    assert (found[0]["synthetic"], found[0]["label_source"]) == (False, "review")
    assert found[0]["review_ids"] == ["r1", "r2"]
    [unrated, *_] = _examples(lake, parameters, [replace(label, pad=None)])
    assert [unrated[axis] for axis in PAD_AXES] == [None] * 3


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
