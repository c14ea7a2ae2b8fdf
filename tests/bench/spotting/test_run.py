import numpy as np
import pytest

from apexline.bench import BENCHMARKS
from apexline.bench.spotting import run as spotting
from apexline.bench.spotting.learners import temporal_logistic
from apexline.bench.spotting.methods import FlowRule, FusedRule, TextureRule
from apexline.ml.spotting_metrics.nested import NestedCrossValidation
from apexline.ml.spotting_metrics.summary import SpottingSummary, TrueSegment
from tests.bench.spotting.made_faces import draw_faces

TRUE = TrueSegment(40, 48, 55, 64)


def test_shuffled_truth_brings_the_area_to_chance():
    faces = draw_faces(8)
    spotter = temporal_logistic()

    def area(of):
        return SpottingSummary(
            NestedCrossValidation(of, num_outer=3, num_inner=2).run(spotter).results
        ).measures()["auc"]

    shuffled = [area(spotting.shuffle_truth(faces, seed=seed)) for seed in range(6)]
    assert area(faces) > 0.95
    assert np.mean(shuffled) == pytest.approx(0.5, abs=0.1)


def test_truth_is_turned_round_its_clip():
    (moved,) = spotting.circular_shift([TRUE], 120, by=10)
    assert (moved.onset, moved.offset) == (50, 74)
    # 20 frames of it come back at the beginning
    begin, end = spotting.circular_shift([TRUE], 120, by=75)
    assert (begin.onset, begin.offset, end.onset, end.offset) == (0, 19, 115, 119)
    # a clip that is shorter than the expression is full of it
    (all_of_it,) = spotting.circular_shift([TRUE], 20, by=3)
    assert (all_of_it.onset, all_of_it.offset) == (0, 19)
    assert spotting.circular_shift([], 20, by=3) == []


def test_shuffled_truth_is_that_of_another_face_and_turned():
    faces = draw_faces(4)

    def frames(truth):
        return {at for each in truth for at in range(each.onset, each.offset + 1)}

    shuffled = spotting.shuffle_truth(faces, seed=1)
    lengths = [[len(frames(face.truth)) for face in each] for each in (faces, shuffled)]
    assert sorted(lengths[0]) == sorted(lengths[1])
    assert lengths[0] != lengths[1]
    told = [frames(face.truth) for face in faces]
    # one of eight may come to lie where another's was
    assert sum(frames(face.truth) in told for face in shuffled if face.truth) <= 1
    assert all(face.stretches is other.stretches for face, other in zip(faces, shuffled, strict=True))


def test_the_place_in_the_clip_alone_is_measured():
    rows = spotting.negative_controls(draw_faces(4))
    areas = [row["AUC"] for row in rows[:-1]]
    assert len(set(areas)) == 3
    assert max(areas) < 0.8
    assert "no look at the face" in rows[-1]["control"]
    # drawn expressions lie between frames 10 and 84 of 120
    assert rows[-1]["AUC"] > 0.6


def test_the_command_writes_its_page(tmp_path, monkeypatch):
    monkeypatch.setattr(spotting, "read_faces", lambda folder: draw_faces())
    monkeypatch.setattr(
        spotting, "methods", lambda: [TextureRule("dcp"), FlowRule(), FusedRule("sl", "mean")]
    )
    monkeypatch.setattr(spotting, "candidates", lambda: [temporal_logistic()])
    data = tmp_path / "clips"
    data.mkdir()
    (data / "clips.csv").touch()
    tables = BENCHMARKS["spotting"](data, tmp_path / "docs")
    assert [row["method"] for row in tables["detection"]] == [
        "dcp",
        "flow",
        "sl + flow, mean",
        "temporal, logistic",
        "best_learned",
    ]
    assert tables["detection"][2]["paper's AUC"] == 0.931
    page = (tmp_path / "docs" / "spotting.md").read_text()
    assert "*temporal, logistic* in 6 of 6 folds" in page
    assert "*sl + flow, mean*: holds against dcp." in page
    assert "18 clips of 6 performers, 2,160 frames, 12 annotated expressions; 6 clips show none" in page
    assert (tmp_path / "docs" / "spotting_roc.png").stat().st_size > 10_000


def test_the_folder_is_that_of_the_clips_or_their_parent(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds neither clips.csv nor expression_clips"):
        spotting.clips_folder(tmp_path)
    clips = tmp_path / "expression_clips"
    clips.mkdir()
    (clips / "clips.csv").touch()
    assert spotting.clips_folder(tmp_path) == spotting.clips_folder(clips) == clips
