import numpy as np
import pandas as pd
import pytest

from apexline.bench import BENCHMARKS
from apexline.bench.spotting import claims as spotting_claims
from apexline.bench.spotting import page as spotting_report
from apexline.bench.spotting import run as spotting
from apexline.bench.spotting.claims import BootstrappedSummary, acceptance, claims
from apexline.bench.spotting.extract import TrackRows, extract_clip
from apexline.bench.spotting.faces import make_face
from apexline.bench.spotting.learners import temporal_logistic
from apexline.bench.spotting.methods import FlowRule, FusedRule, TextureRule, Thresholds
from apexline.bench.spotting.scenes import match_tracks, real_clip_rows, scene_results
from apexline.ml.evaluation.markdown import markdown_table
from apexline.ml.spotting_metrics.nested import Fold, NestedCrossValidation, NestedRun
from apexline.ml.spotting_metrics.summary import SpottingSummary, TrueSegment
from tests.bench.spotting.made_faces import draw_face, draw_faces

TRUE = TrueSegment(40, 48, 55, 64)
CONTROL = [{"control": "x; truth shuffled", "AUC": 0.5}, {"control": "place", "AUC": 0.9}]


def track(track_id: str, frames: range, left: float) -> TrackRows:
    boxes = np.array([[left, 0.0, 10.0, 10.0]] * len(frames))
    return TrackRows(track_id, np.array(frames), boxes, {})


def true_boxes(places: dict[int, float], num_frames: int) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"frame": frame, "face": face, "x": left, "y": 0, "w": 10, "h": 10}
            for frame in range(num_frames)
            for face, left in places.items()
        ]
    )


def test_tracks_are_matched_to_faces_and_losses_counted():
    # b is tracked in half of its frames; c follows nobody
    tracks = [track("a", range(10), 1.0), track("b", range(5, 10), 50.0), track("c", range(10), 200.0)]
    matched = match_tracks(tracks, true_boxes({0: 0.0, 1: 50.0}, 10))
    assert matched.owner == {"a": 0, "b": 1}
    assert (matched.face_frames, matched.tracked, matched.switches) == (20, 15, 0)


def test_a_track_that_goes_over_to_another_face_is_a_switch():
    boxes = np.array([[0.0, 0, 10, 10]] * 6 + [[50.0, 0, 10, 10]] * 4)
    wanderer = TrackRows("a", np.arange(10), boxes, {})
    matched = match_tracks([wanderer], true_boxes({0: 0.0, 1: 50.0}, 10))
    assert matched.switches == 1
    assert matched.owner == {"a": 0}


class Fixed:
    """Finds as many segments as it is told."""

    def __init__(self, count: int):
        self.count = count

    def spot(self, face, choice):
        return np.zeros(face.times_s.size), [TRUE] * self.count


def test_a_face_of_a_scene_is_judged_by_a_fold_that_has_not_seen_it():
    folds = [Fold("x", ("p0",), Fixed(1), None, 0.0), Fold("x", ("p1",), Fixed(2), None, 0.0)]
    run, everyone = NestedRun("x", [], folds), Fold("x", (), Fixed(3), None, 0.0)
    faces = [draw_face("a", subject, []) for subject in ("p0", "p1", "stranger", "")]
    results = scene_results(faces, run, everyone)
    # an unknown performer counts with the fold that finds most
    assert [len(result.found) for result in results] == [1, 2, 3, 2]
    assert results[-1].subject == "a"


def test_real_clips_list_what_was_found_on_each_track(monkeypatch):
    monkeypatch.setattr("apexline.bench.spotting.scenes.make_face", lambda *_: draw_face("a", "", [TRUE]))
    fold = Fold("flow", (), FlowRule(), Thresholds(), 0.0)
    rows = real_clip_rows({"x.mp4": [track("t", range(120), 0.0)], "none.mp4": []}, {"flow": fold})
    assert rows[0]["flow: segments"] == 1
    first, last = map(int, rows[0]["flow: frames"].split("-"))
    assert abs(first - 40) < 8
    assert abs(last - 64) < 8
    assert rows[1] == {"clip": "none.mp4", "track": "none"}


@pytest.fixture(scope="module")
def judged() -> dict[str, BootstrappedSummary]:
    validation = NestedCrossValidation(draw_faces(), num_outer=3, num_inner=2)
    spotters = [FlowRule(), FusedRule("sl", "mean"), TextureRule("dcp"), temporal_logistic()]
    found = {spotter.name: BootstrappedSummary.of(validation.run(spotter).results) for spotter in spotters}
    return found | {"best_learned": found["temporal, logistic"]}


def test_claims_are_computed_from_the_intervals(judged):
    rows = {(row["one"], row["other"]): row for row in claims(judged)}
    claim = rows["sl + flow, mean", "dcp"]
    assert claim["AUC difference"] == pytest.approx(
        judged["sl + flow, mean"].measures["auc"] - judged["dcp"].measures["auc"]
    )
    assert claim["intervals apart"] == "yes"
    assert claim["paired difference"] == "above 0"
    itself = spotting_claims._difference(judged, "flow", "flow")
    assert (itself["intervals apart"], itself["paired difference"]) == ("no", "holds 0")


def test_bars_are_met_or_missed_by_the_numbers(judged):
    tables = {"claims": claims(judged), "control": CONTROL}
    met = acceptance(judged["best_learned"].measures, None, tables)
    assert {row["what"]: row["verdict"] for row in met}["overall F1"] == "met"
    missed = acceptance({**judged["best_learned"].measures, "f1": 0.79, "alarms_per_min": 0.51}, None, tables)
    verdicts = {row["what"]: row["verdict"] for row in missed}
    assert verdicts["overall F1"] == "missed"
    assert verdicts["frame AUC with the truth shuffled, mean"] == "met"
    assert verdicts["false alarms a minute on clips without an expression"] == "missed"
    # one peer of three is there to be beaten
    assert verdicts["sl + flow, mean: how many of DCP, HOG, LBP are behind with intervals apart"] == "missed"


def test_bars_of_scenes(judged):
    tables = {
        "claims": claims(judged),
        "control": CONTROL,
        "scenes, tracking": [
            {"face-frames": 900, "tracked": 1.0, "switches": 0},
            {"face-frames": 100, "tracked": 0.4, "switches": 1},
        ],
    }
    rows = acceptance(judged["best_learned"].measures, {"f1": 0.8}, tables)
    found = {row["what"]: (row["reached"], row["verdict"]) for row in rows}
    assert found["scenes: share of face-frames tracked"] == (pytest.approx(0.94), "missed")
    assert found["scenes: identity switches"] == (1.0, "missed")
    assert found["scenes: overall F1"] == (0.8, "met")


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


def test_the_place_in_the_clip_alone_is_measured():
    rows = spotting.negative_controls(draw_faces(4))
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


def test_the_verdict_names_those_it_does_not_hold_against():
    rows = [
        {"one": "sl + flow, or", "other": peer, "AUC difference": 0.1, "intervals apart": apart}
        for peer, apart in (("dcp", "yes"), ("hog", "no"), ("lbp", "yes"))
    ]
    assert spotting_report.verdicts(rows) == [("sl + flow, or", ["dcp", "lbp"], ["hog"])]


def test_tables_keep_small_and_large_numbers_readable():
    rows = [{"a": 0.5, "b": 120.0}, {"a": float("nan"), "c": "x"}]
    text = markdown_table(rows, spotting_report.readable)
    assert text.splitlines()[2:] == ["| 0.500 | 120.0 |  |", "|  |  | x |"]


def test_the_folder_is_that_of_the_clips_or_their_parent(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds neither clips.csv nor expression_clips"):
        spotting.clips_folder(tmp_path)
    clips = tmp_path / "expression_clips"
    clips.mkdir()
    (clips / "clips.csv").touch()
    assert spotting.clips_folder(tmp_path) == spotting.clips_folder(clips) == clips


def test_a_clip_is_extracted_for_all_methods(astronaut_clip):
    (rows,) = extract_clip(astronaut_clip.path)
    assert set(rows.tables) == {"texture", "flow", "paper_texture", "paper_flow", "moilanen", "mdmd"}
    face = make_face("a", "p", np.arange(rows.frames[-1] + 1) / 25, [], [rows])
    (stretch,) = face.stretches
    assert set(stretch.textures) == {"sl", "sr", "cod", "dcp", "hog", "lbp"}
    assert all(values.shape == stretch.curves.times.shape for values in stretch.textures.values())
    assert stretch.temporal.shape[0] == stretch.curves.times.size
    for curves in face.baselines.values():
        assert curves[0].values.shape == stretch.curves.times.shape
        assert (curves[0].values >= 0).all()
    (own,) = extract_clip(astronaut_clip.path, baselines=False)
    assert set(own.tables) == {"texture", "flow"}
    # an empty track, whose frames were all dropped, makes a face that shows nothing
    dropped = TrackRows("x", np.arange(3), np.zeros((3, 4)), {})
    scores, found = FlowRule().spot(make_face("a", "p", np.arange(3) / 25, [], [dropped]), Thresholds())
    assert found == []
    assert not scores.any()
