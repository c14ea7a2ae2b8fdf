import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from apexline.bench.spotting.frame_scorers import fit_logistic
from apexline.ml.spotting_metrics.frames import frame_mask
from apexline.ml.spotting_metrics.nested import (
    Fold,
    NestedCrossValidation,
    NestedRun,
    SpottingTally,
    best_by_fold,
    subject_folds,
)
from apexline.ml.spotting_metrics.summary import SpotterResult, SpottingSummary, TrueSegment


@dataclass(frozen=True)
class Found:
    onset: int
    apex: int
    offset: int
    score: float


@dataclass(frozen=True, eq=False)
class Curve:
    """A face that is one noisy curve."""

    subject: str
    truth: Sequence[TrueSegment]
    values: np.ndarray
    times_s: np.ndarray = field(default_factory=lambda: np.arange(150) / 25)


def draw_faces(num_subjects: int = 9, *, seed: int = 0) -> list[Curve]:
    """Three faces of each subject, one of them without an expression."""
    rng = np.random.default_rng(seed)
    faces: list[Curve] = []
    for subject in range(num_subjects):
        for clip in range(3):
            values = np.convolve(rng.normal(0, 0.3, 150), np.ones(5) / 5, "same")
            truth: list[TrueSegment] = []
            if clip:
                onset = int(rng.integers(5, 110))
                truth = [TrueSegment(onset, onset + 10, onset + 15, onset + 25)]
                values[onset : onset + 26] += np.sin(np.linspace(0, np.pi, 26)) + 0.3
            faces.append(Curve(f"s{subject}", truth, values))
    return faces


class Cut:
    """Spans of the curve above a threshold."""

    name = "cut"
    choices = (-1.0, 0.5, 3.0)

    def fit(self, faces):
        return self

    def spot(self, face, choice):
        above = np.flatnonzero(np.diff(np.concatenate([[0], face.values > choice, [0]])))
        found = [
            Found(int(a), int(a + np.argmax(face.values[a:b])), int(b) - 1, float(face.values[a:b].max()))
            for a, b in zip(above[::2], above[1::2], strict=True)
            if b - a > 4
        ]
        return face.values, found


class Learned(Cut):
    """Logistic regression of the curve and its neighbours; remembers who it has seen."""

    name = "learned"
    choices = (0.5, 0.9)

    def __init__(self, fit_scorer=fit_logistic, seen: frozenset[str] = frozenset()):
        self.fit_scorer, self.seen = fit_scorer, seen
        self.fitted: list[Learned] = []

    @staticmethod
    def numbers(face):
        return np.stack([np.roll(face.values, by) for by in (-5, 0, 5)], axis=1)

    def fit(self, faces):
        positive = [frame_mask([(t.onset, t.offset) for t in face.truth], 150) for face in faces]
        fitted = Learned(self.fit_scorer, frozenset(face.subject for face in faces))
        fitted.scorer = self.fit_scorer(
            np.concatenate([self.numbers(face) for face in faces]), np.concatenate(positive)
        )
        self.fitted.append(fitted)
        return fitted

    def spot(self, face, choice):
        assert face.subject not in self.seen
        return Cut.spot(self, replace(face, values=self.scorer(self.numbers(face))), choice)


class Told(Cut):
    """Finds every expression of those whom a choice suits, and nothing of the others."""

    name = "told"
    choices = ("for the few", "for the many")

    def __init__(self, suits: dict[str, str]):
        self.suits = suits

    def spot(self, face, choice):
        true = face.truth if self.suits[face.subject] == choice else []
        return face.values, [Found(each.onset, each.apex, each.offset, 1.0) for each in true]


def shuffled(faces: Sequence[Curve], *, seed: int = 1) -> list[Curve]:
    """Give every face the truth of another one."""
    order = np.random.default_rng(seed).permutation(len(faces))
    return [replace(face, truth=faces[at].truth) for face, at in zip(faces, order, strict=True)]


def test_the_threshold_that_suits_the_training_subjects_is_chosen():
    run = NestedCrossValidation(draw_faces()).run(Cut())
    assert [fold.choice for fold in run.folds] == [0.5] * 6
    assert SpottingSummary(run.results).measures()["f1"] > 0.9


def test_nobody_is_judged_by_what_has_seen_them():
    # Learned.spot asserts it, inside and outside of the inner folds
    faces, spotter = draw_faces(), Learned()
    run = NestedCrossValidation(faces).run(spotter)
    assert [result.subject for result in run.results] == [face.subject for face in faces]
    for fold in run.folds:
        assert set(fold.subjects).isdisjoint(fold.fitted.seen)
        assert set(fold.subjects) | fold.fitted.seen == {face.subject for face in faces}
    # six folds, each fitted on all of its training subjects and on three parts of them
    assert len(spotter.fitted) == 6 * 4
    assert run.fold_of("s3").subjects.count("s3") == 1
    with pytest.raises(KeyError):
        run.fold_of("stranger")


def test_shuffled_truth_brings_the_nested_area_to_chance():
    faces = draw_faces()

    def area(of: list[Curve]) -> float:
        run = NestedCrossValidation(of, num_outer=3, num_inner=2).run(Learned())
        return SpottingSummary(run.results).measures()["auc"]

    assert area(faces) > 0.9
    # a single shuffle of so few faces may still fit by luck
    areas = [area(shuffled(faces, seed=seed)) for seed in range(10)]
    assert np.mean(areas) == pytest.approx(0.5, abs=0.05)
    assert max(areas) < 0.7


def test_a_scorer_fitted_to_the_judged_faces_would_be_seen():
    # Noise without any truth in it: a scorer looks well on the faces it was fitted to, not nested.
    rng = np.random.default_rng(0)
    faces = [replace(face, values=rng.normal(0, 1, 150)) for face in draw_faces()]
    nested = SpottingSummary(NestedCrossValidation(faces).run(Learned()).results).measures()["auc"]
    assert nested == pytest.approx(0.5, abs=0.06)


def test_a_judged_subject_has_no_say_in_the_choice():
    """Three are suited by one choice and four by the other: without the judged one, the others outvote it or tie."""
    faces, (few, many) = draw_faces(7), Told.choices
    spotter = Told({f"s{at}": few if at < 3 else many for at in range(7)})
    run = NestedCrossValidation(faces, num_outer=7).run(spotter)
    for fold in run.folds:
        [judged] = fold.subjects
        assert fold.choice != spotter.suits[judged]
        # two expressions each: 6 of 12 found at a tie, else 8 of 12, and no false alarm
        assert fold.utility == pytest.approx(2 / 3 if fold.choice == few else 4 / 5)
    assert [result.found for result in run.results] == [[]] * len(faces)
    assert NestedCrossValidation(faces).fit_fold(spotter).choice == many


def test_what_was_tallied_lives_as_long_as_its_tallies():
    """They are known by the identity of what was fitted: another object must not get it."""
    fitted: list[weakref.ref[Cut]] = []

    class Forgotten(Cut):
        def fit(self, faces):
            made = Cut()
            fitted.append(weakref.ref(made))
            return made

    nested = NestedCrossValidation(draw_faces(4), num_inner=3)
    nested.fit_fold(Forgotten())
    assert len(fitted) == 4
    assert all(each() is not None for each in fitted[:3])


def test_false_alarms_on_quiet_faces_cost_beyond_f1():
    faces = draw_faces()
    assert NestedCrossValidation(faces).fit_fold(Cut()).choice == 0.5
    quiet = SpottingTally(alarms=3, quiet_s=60.0)
    assert quiet.utility == pytest.approx(-0.06)
    assert SpottingTally().utility == 0.0


def test_folds_hold_every_subject_once_whatever_their_order():
    names = [f"s{at}" for at in range(17)]
    folds = subject_folds(names, num_folds=6, seed=0)
    assert sorted(name for fold in folds for name in fold) == sorted(names)
    assert {len(fold) for fold in folds} == {2, 3}
    assert folds == subject_folds(names[::-1], num_folds=6, seed=0)
    assert len(subject_folds(["a", "b"], num_folds=6, seed=0)) == 2
    with pytest.raises(ValueError, match="there are 1 subjects"):
        subject_folds(["a"], num_folds=6, seed=0)


def test_the_best_spotter_is_chosen_by_the_training_subjects_fold_by_fold():
    def run(name: str, utilities: tuple[float, float]) -> NestedRun[Curve]:
        folds = [
            Fold(name, (subject,), Cut(), 0.5, utility)
            for subject, utility in zip("ab", utilities, strict=True)
        ]
        results = [SpotterResult(subject, np.arange(3) / 25, [], [], np.zeros(3)) for subject in "ba"]
        return NestedRun(name, results, folds)

    one, other = run("one", (0.9, 0.5)), run("other", (0.8, 0.6))
    best = best_by_fold([one, other], name="best")
    assert best.name == "best"
    assert [fold.name for fold in best.folds] == ["one", "other"]
    # results stay in the order of the faces: b, then a
    assert best.results[0] is other.results[0]
    assert best.results[1] is one.results[1]
    # of equals the first
    assert [fold.name for fold in best_by_fold([other, run("third", (0.8, 0.6))], name="best").folds] == [
        "other",
        "other",
    ]
