"""Each face is judged by a forest of other people's, and answered as the line answers."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from apexline.bench.line import learn, run
from apexline.bench.line.clips import Distractor, Truth
from apexline.bench.line.measure import Found
from apexline.features.expression import RATERS_WORDS
from apexline.features.spotting import Segment, SegmentConfig
from tests.bench.line.made_faces import make_face, make_smiling


@pytest.fixture(autouse=True)
def limits(monkeypatch):
    """A model that abstains below .6."""
    model = SimpleNamespace(limits=SimpleNamespace(config=SimpleNamespace(min_change_confidence=0.6)))
    monkeypatch.setattr(run, "load_pretrained", lambda: SimpleNamespace(model=model))


def test_no_forest_learned_from_the_person_that_it_judges(monkeypatch):
    faces = [make_face(f"p{k % 23}", source=source) for source in run.SOURCES for k in range(30)]
    monkeypatch.setattr(run, "fit_forest", lambda given, **_: {face.face.person for face in given})
    learned = run.leave_people_out(faces)
    everybody = {face.face.person for face in faces}
    for face, people in zip(faces, learned, strict=True):
        assert face.face.person not in people
        # no more than a fold is left out
        assert len(everybody - people) <= 3


def spotted(monkeypatch, *segments):
    monkeypatch.setattr(run, "spot", lambda curves, **_: list(segments))


def test_an_answer_is_what_rose_from_rest_at_apex_and_while_held(monkeypatch):
    happy = 6.0 * (np.arange(len(RATERS_WORDS)) == RATERS_WORDS.index("happiness"))
    spotted(monkeypatch, Segment("0", 10, 20, 30, 1.0, held=(21, 22), rest=(0, 1), words=tuple(happy)))
    face = make_face(stretches=[None])
    for frame in (20, 21, 22):
        face.logits[frame] = np.array([6.0, 0.0, 0.0, 0.0], np.float32)
    (found,) = run.answer(face, SegmentConfig(), None)
    assert (found.onset, found.apex, found.offset, found.emotion, found.answered) == (
        10,
        20,
        30,
        "happy",
        True,
    )
    assert 0.9 < found.confidence <= 1


def test_a_change_without_a_likely_name_is_abstained_from(monkeypatch):
    spotted(monkeypatch, Segment("0", 10, 20, 30, 1.0, held=(21,), rest=(0,)))
    face = make_face(stretches=[None])
    for frame in (0, 20, 21):  # as calm at rest as when it is held
        face.logits[frame] = np.array([0.0, 0.0, 9.0, 0.0], np.float32)
    (found,) = run.answer(face, SegmentConfig(), None)
    assert not found.answered
    assert found.confidence == pytest.approx(1 / 3)
    assert found.emotion != "calm"


def test_an_apex_that_is_among_the_frames_held_counts_once(monkeypatch):
    face = make_face(stretches=[None])
    face.logits[20] = np.array([0.0, 9.0, 0.0, 0.0], np.float32)
    found = []
    for held in ((21, 22), (20, 21, 22)):
        spotted(monkeypatch, Segment("0", 10, 20, 30, 1.0, held=held, rest=(0,)))
        found += run.answer(face, SegmentConfig(), None)
    assert found[0] == found[1]


def test_frames_without_logits_take_those_of_the_nearest(monkeypatch):
    spotted(monkeypatch, Segment("0", 10, 20, 30, 1.0, held=(20,), rest=(0,)))
    face = make_face(stretches=[None], seen=[2, 23, 90])
    face.logits[23] = np.array([0.0, 9.0, 0.0, 0.0], np.float32)
    (found,) = run.answer(face, SegmentConfig(), None)
    assert (found.emotion, found.answered) == ("angry", True)


def test_nothing_found_asks_no_model(monkeypatch):
    monkeypatch.setattr(run, "load_pretrained", lambda: pytest.fail("asked"))
    assert run.answer(make_face(), SegmentConfig(), None) == []


def blind(face):
    """The same face, not tracked."""
    return replace(face, stretches=[])


def test_measure_fills_every_table_from_faces(monkeypatch):
    monkeypatch.setitem(learn._TREES, "n_estimators", 10)
    talk = Distractor("talk", 100, 149)
    faces = [
        *(make_smiling(f"f{k}", 20 + 4 * k, distractors=[talk]) for k in range(8)),
        make_face("g h", [Truth(5, 9, 20, "angry")]),
        *(make_smiling(f"m{k}", 25 + 4 * k, source="morphed") for k in range(8)),
        make_smiling("m1", 60, source="scenes"),
        make_face("s.mp4-0", source="scenes"),
    ]
    monkeypatch.setattr(run, "read_clips", lambda data: [])
    # every name begins with the empty one
    monkeypatch.setattr(run, "EVIDENCE", {"nothing": ("no such column",), "anything": ("",)})
    monkeypatch.setattr(run, "see_faces", lambda clips: faces)
    filmed = [face for face in faces if face.clip.source == "real"]
    monkeypatch.setattr(run, "versioned", lambda clips: [face.clip for face in filmed])
    monkeypatch.setattr(run, "see_versions", lambda clips: {"same": filmed, "blind": [*map(blind, filmed)]})
    results = run.measure(None)
    assert results.people == 18
    by = {
        name: {row.get("on", row.get("while")): row for row in rows} for name, rows in results.tables.items()
    }
    rules = ("learned rule", "hand-made curves")
    assert list(by["spotting"]) == [f"{source}, {rule}" for source in run.SOURCES for rule in rules]
    assert list(by["naming"]) == list(by["losses"]) == list(run.SOURCES)
    assert [by["losses"][source]["annotated"] for source in run.SOURCES] == [9, 8, 1]
    lost = by["losses"]["real"]
    assert (lost["on a tracked face"], lost["among candidates"]) == (9, 8)
    assert lost["found"] >= 6
    assert set(by["alarms"]) >= {"talk"}
    assert {row["shown"] for row in results.tables["confusion"]} == {"happy"}
    (versions,) = results.tables["versions"]
    assert (versions["on"], versions["same"], versions["blind"]) == ("real", 1.0, 0.0)
    assert versions["segments"] >= 6
    lost = {row["without"]: row["real, F1 lost (95 %)"] for row in results.tables["evidence"]}
    assert float(lost["anything"].split()[0]) > float(lost["nothing"].split()[0]) == 0
    assert isinstance(run.answer(faces[0], SegmentConfig(rule="curves"), None)[0], Found)
