"""The three tables of truth become clips with faces."""

import csv

import pytest

from apexline.bench.line.clips import ANY_FACE, Distractor, Truth, read_clips

SEGMENT = {"onset": 10, "apex": 20, "offset": 40, "emotion": "happy", "truncated": ""}
MADE = {"performer": "p1", "emotion": "scared", "onset": 5, "apex": 9, "apex_end": 12, "offset": 20}
BOX = {"frame": 0, "x": 1, "y": 2, "w": 30, "h": 40.5}
TABLES = {
    "real_truth/clips": [
        {"clip": clip, "people": people, "fps": "29.97", "frames": 100}
        for clip, people in (("r1", "ann"), ("r2", "bob"), ("r3", "cid dan"), ("r4", "eve"))
    ],
    "real_truth/segments": [
        SEGMENT | {"clip": "r1", "face": "0"},
        SEGMENT | {"clip": "r1", "face": "0", "truncated": "start"},
        SEGMENT | {"clip": "r1", "face": "0", "truncated": "end"},
        SEGMENT | {"clip": "r1", "face": "0", "truncated": "cut"},
        SEGMENT | {"clip": "r3", "face": "a", "emotion": "other"},
    ],
    "real_truth/distractors": [
        {"clip": "r2", "face": "0", "type": "talk", "from": 3, "to": 7},
        {"clip": "r3", "face": "b", "type": "blink", "from": 4, "to": 8},
        {"clip": "r3", "face": "a", "type": "light", "from": 5, "to": 9},
    ],
    "real_truth/faces": [BOX | {"clip": "r3", "face": "b"}, BOX | {"clip": "r1", "face": "0", "frame": 12}],
    "expression_clips/clips": [
        {"clip": "p1_0.mp4", "performer": "p1", "fps": 25, "frames": 90},
        {"clip": "p1_1.mp4", "performer": "p1", "fps": 30, "frames": 80},
    ],
    "expression_clips/segments": [MADE | {"clip": "p1_1.mp4"}],
    "scenes/scenes": [{"clip": "s0.mp4", "fps": 25, "frames": 300}],
    "scenes/segments": [MADE | {"clip": "s0.mp4", "face": "1"}],
    "scenes/boxes": [BOX | {"clip": "s0.mp4", "face": face} for face in ("1", "0", "1")],
}


@pytest.fixture
def clips(tmp_path):
    for name, rows in TABLES.items():
        path = tmp_path / f"{name}.csv"
        path.parent.mkdir(exist_ok=True)
        with path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    return {clip.path.relative_to(tmp_path).as_posix(): clip for clip in read_clips(tmp_path)}


def test_every_clip_is_there_with_its_source_and_clock(clips):
    assert [(name, clip.source, clip.fps, clip.num_frames) for name, clip in clips.items()] == [
        *((f"real_truth/r{k}.mp4", "real", 29.97, 100) for k in (1, 2, 3, 4)),
        ("expression_clips/p1_0.mp4", "morphed", 25.0, 90),
        ("expression_clips/p1_1.mp4", "morphed", 30.0, 80),
        ("scenes/s0.mp4", "scenes", 25.0, 300),
    ]


def test_a_truth_that_the_clip_cuts_says_at_which_end(clips):
    (face,) = clips["real_truth/r1.mp4"].faces
    assert face.truth[0] == Truth(10, 20, 40, "happy")
    assert [(each.cut_start, each.cut_end) for each in face.truth] == [
        (False, False),
        (True, False),
        (False, True),
        (False, True),
    ]


def test_faces_filmed_together_keep_what_is_theirs(clips):
    first, second = clips["real_truth/r3.mp4"].faces
    assert (first.name, first.person, second.name, second.person) == ("a", "cid dan", "b", "cid dan")
    assert [each.emotion for each in first.truth] == ["other"]
    assert second.truth == []
    assert first.distractors == [Distractor("light", 5, 9)]
    assert second.distractors == [Distractor("blink", 4, 8)]
    assert first.boxes == []
    assert second.boxes == [(0.0, 1.0, 2.0, 30.0, 40.5)]


def test_a_clip_in_which_nothing_was_noted_has_one_face(clips):
    (face,) = clips["real_truth/r4.mp4"].faces
    assert (face.name, face.person, face.truth, face.distractors) == (ANY_FACE, "eve", [], [])


def test_a_made_clip_shows_what_its_performer_was_made_to_show(clips):
    still, moved = (clips[f"expression_clips/p1_{k}.mp4"].faces[0] for k in (0, 1))
    assert (still.person, still.truth) == ("p1", [])
    assert (moved.person, moved.truth) == ("p1", [Truth(5, 9, 20, "scared")])


def test_a_performer_in_a_scene_is_the_person_of_his_clips_and_a_still_face_is_judged_too(clips):
    still, moved = clips["scenes/s0.mp4"].faces
    assert (moved.name, moved.person, moved.truth) == ("1", "p1", [Truth(5, 9, 20, "scared")])
    assert (still.name, still.truth, len(still.boxes), len(moved.boxes)) == ("0", [], 1, 2)


def test_a_missing_table_is_an_error(clips, tmp_path):
    (tmp_path / "scenes" / "boxes.csv").unlink()
    with pytest.raises(FileNotFoundError, match=r"boxes\.csv"):
        read_clips(tmp_path)
