"""Choosing a spotter's thresholds without looking at those it is judged on: nested leave-performers-out.

Belongs here: folds of subjects, the choice inside the training subjects, and the results on the others.
Stays out: spotters themselves, measures (``ml.spotting_metrics.summary``).

Every face is judged by a spotter that was fitted, and whose thresholds were chosen, on other subjects only. Inside the
training subjects a second round of folds keeps fitting and choosing apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from apexline.ml.spotting_metrics.matching import SpottingCounts, match_segments
from apexline.ml.spotting_metrics.summary import SpotterResult, TrueSegment

ALARM_PRICE = 0.02
NUM_OUTER, NUM_INNER = 6, 3


class LabelledFace(Protocol):
    """A face over time and its true expressions."""

    @property
    def subject(self) -> str:
        """Whose face it is."""
        ...

    @property
    def times_s(self) -> NDArray[np.float64]:
        """Time of each frame, shape (T,), s."""
        ...

    @property
    def truth(self) -> Sequence[TrueSegment]:
        """Annotated expressions."""
        ...


FaceT = TypeVar("FaceT", bound=LabelledFace)
FaceIn = TypeVar("FaceIn", bound=LabelledFace, contravariant=True)


class FittedSpotter(Protocol[FaceIn]):
    """A spotter that has seen its training faces."""

    def spot(self, face: FaceIn, choice: Any) -> tuple[NDArray[np.float64], Sequence[Any]]:
        """Absolute score of each frame, shape (T,), and segments with onset, apex, offset and score."""
        ...


class Spotter(Protocol[FaceIn]):
    """A spotter: what it can be told, and how it learns the rest.

    A spotter without anything to fit returns one and the same object from `fit`: nothing is then computed twice.
    """

    @property
    def name(self) -> str:
        """What tables call it."""
        ...

    @property
    def choices(self) -> Sequence[Any]:
        """Thresholds to choose among; of equally good ones the first is taken."""
        ...

    def fit(self, faces: Sequence[FaceIn]) -> FittedSpotter[FaceIn]:
        """Fit to training faces."""
        ...


@dataclass(frozen=True, eq=False)
class Fold(Generic[FaceT]):
    """What was fitted and chosen for one group of subjects, on the others.

    Parameters
    ----------
    name : str
        Of the spotter.
    subjects : tuple of str
        Who is judged by it.
    fitted : FittedSpotter
    choice : any
    utility : float
        `SpottingTally.utility` of the choice within the training subjects.
    """

    name: str
    subjects: tuple[str, ...]
    fitted: FittedSpotter[FaceT]
    choice: Any
    utility: float


@dataclass(frozen=True, eq=False)
class NestedRun(Generic[FaceT]):
    """Result of every face, in order of the faces, and the folds that they come from."""

    name: str
    results: Sequence[SpotterResult]
    folds: Sequence[Fold[FaceT]]

    def fold_of(self, subject: str) -> Fold[FaceT]:
        """Return the fold that has not seen a subject.

        Raises
        ------
        KeyError
            If the subject is in no fold: every fold has then seen as much of it, nothing.
        """
        return {name: fold for fold in self.folds for name in fold.subjects}[subject]


@dataclass(frozen=True)
class SpottingTally:
    """Matches of some faces, and how much of them shows no expression."""

    counts: SpottingCounts = SpottingCounts()
    alarms: int = 0
    quiet_s: float = 0.0

    def __add__(self, other: SpottingTally) -> SpottingTally:
        return SpottingTally(
            self.counts + other.counts, self.alarms + other.alarms, self.quiet_s + other.quiet_s
        )

    @property
    def utility(self) -> float:
        """F1, less `ALARM_PRICE` for each false alarm a minute on faces without an expression."""
        f1 = self.counts.f1 if self.counts != SpottingCounts() else 0.0
        return f1 - (ALARM_PRICE * 60 * self.alarms / self.quiet_s if self.quiet_s > 0 else 0.0)


@dataclass(eq=False)
class NestedCrossValidation(Generic[FaceT]):
    """Faces, and the tallies of spotters on them so far.

    Parameters
    ----------
    faces : sequence
    num_outer, num_inner : int
        Folds of subjects: to judge, and inside the training subjects to choose.
    seed : int
        Who shares a fold; the same for all spotters.
    """

    faces: Sequence[FaceT]
    num_outer: int = NUM_OUTER
    num_inner: int = NUM_INNER
    seed: int = 0
    _tallies: dict[tuple[int, int, int], SpottingTally] = field(
        default_factory=dict[tuple[int, int, int], SpottingTally]
    )
    # whatever `_tallies` knows by its identity has to live as long
    _kept_alive: list[object] = field(default_factory=list[object])

    def run(self, spotter: Spotter[FaceT]) -> NestedRun[FaceT]:
        """Judge a spotter on every face, by what was fitted and chosen on other subjects."""
        results: dict[int, SpotterResult] = {}
        folds: list[Fold[FaceT]] = []
        everyone = sorted({face.subject for face in self.faces})
        for group in subject_folds(everyone, num_folds=self.num_outer, seed=self.seed):
            fold = self.fit_fold(spotter, test_subjects=group)
            folds.append(fold)
            for at, face in enumerate(self.faces):
                if face.subject in group:
                    scores, found = fold.fitted.spot(face, fold.choice)
                    results[at] = SpotterResult(face.subject, face.times_s, face.truth, found, scores)
        return NestedRun(spotter.name, [results[at] for at in range(len(self.faces))], folds)

    def fit_fold(self, spotter: Spotter[FaceT], *, test_subjects: Sequence[str] = ()) -> Fold[FaceT]:
        """Fit a spotter and choose its thresholds on all subjects but those that it is judged on."""
        training = sorted({face.subject for face in self.faces} - set(test_subjects))
        tallies = [SpottingTally()] * len(spotter.choices)
        for valid_subjects in subject_folds(training, num_folds=self.num_inner, seed=self.seed + 1):
            fitted = spotter.fit(self._faces_of(sorted(set(training) - set(valid_subjects))))
            tallies = [
                tally + self._tally(fitted, spotter.choices, at, valid_subjects)
                for at, tally in enumerate(tallies)
            ]
        best = max(range(len(tallies)), key=lambda at: tallies[at].utility)
        fitted = spotter.fit(self._faces_of(training))
        return Fold(spotter.name, tuple(test_subjects), fitted, spotter.choices[best], tallies[best].utility)

    def _faces_of(self, subjects: Sequence[str]) -> list[FaceT]:
        return [face for face in self.faces if face.subject in subjects]

    def _tally(
        self, fitted: FittedSpotter[FaceT], choices: Sequence[Any], choice: int, subjects: Sequence[str]
    ) -> SpottingTally:
        self._kept_alive.append(fitted)
        total = SpottingTally()
        for at, face in enumerate(self.faces):
            if face.subject not in subjects:
                continue
            key = (id(fitted), choice, at)
            if key not in self._tallies:
                _, found = fitted.spot(face, choices[choice])
                counts = SpottingCounts(*match_segments(found, face.truth))
                length_s = float(face.times_s[-1] - face.times_s[0])
                quiet = (0, 0.0) if face.truth else (len(found), length_s)
                self._tallies[key] = SpottingTally(counts, *quiet)
            total += self._tallies[key]
        return total


def best_by_fold(runs: Sequence[NestedRun[FaceT]], *, name: str) -> NestedRun[FaceT]:
    """The best spotter as the training subjects see it, fold by fold.

    Parameters
    ----------
    runs : sequence of NestedRun
        Of one `NestedCrossValidation`, so that their folds are the same; their scores have to be on one scale, such as
        probabilities.
    name : str
        Of the run that is returned.

    Returns
    -------
    run : NestedRun
        Each fold is that of the run whose choice had the highest utility within the training subjects; of equally good
        ones the first. Nothing of the judged subjects takes part.
    """
    folds: list[Fold[FaceT]] = []
    source: dict[str, NestedRun[FaceT]] = {}
    for at in range(len(runs[0].folds)):
        utilities = [run.folds[at].utility for run in runs]
        best = runs[utilities.index(max(utilities))]
        folds.append(best.folds[at])
        source |= dict.fromkeys(best.folds[at].subjects, best)
    subjects = [result.subject for result in runs[0].results]
    results = [source[subject].results[at] for at, subject in enumerate(subjects)]
    return NestedRun(name, results, folds)


def subject_folds(subjects: Sequence[str], *, num_folds: int, seed: int) -> list[tuple[str, ...]]:
    """Deal subjects out to folds whose sizes differ by one at most.

    Parameters
    ----------
    subjects : sequence of str
        Each once.
    num_folds : int
        At most; no fold is empty.
    seed : int
        The order of `subjects` does not matter.

    Raises
    ------
    ValueError
        If there are fewer than two subjects: nobody would be left to learn from.
    """
    if len(subjects) < 2:
        msg = f"there are {len(subjects)} subjects; leave-subjects-out needs at least 2: add performers"
        raise ValueError(msg)
    order = np.random.default_rng(seed).permutation(np.array(sorted(subjects)))
    count = min(num_folds, len(subjects))
    return [tuple(sorted(order[at::count].tolist())) for at in range(count)]
