"""Spotters of `bench.spotting.run` that learn a score of each frame from training performers.

Belongs here: which features a scorer sees and how its score becomes segments. Stays out: learning itself
(``bench.spotting.frame_scorers``), rules (``bench.spotting.methods``).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from apexline.bench.spotting.faces import AnnotatedFace, Stretch
from apexline.bench.spotting.frame_scorers import FrameScorer, fit_logistic, fit_trees
from apexline.bench.spotting.methods import FlowRule, Spotted, Thresholds, assemble, scored_spans
from apexline.ml.spotting_metrics import frame_mask

Floats = NDArray[np.float64]
FrameFeatures = Callable[[Stretch], Floats]
Fit = Callable[[Floats, NDArray[np.bool_]], FrameScorer]

_PROBABILITIES = tuple(
    Thresholds(high=high, low=low) for high, low in product((0.8, 0.7, 0.9, 0.95), (0.4, 0.5, 0.3))
)


class LearnedSpotter:
    """Probability of expression of each frame, cut by hysteresis.

    Parameters
    ----------
    name : str
    features : callable
        What is known of the frames of a stretch, (T, F).
    fit : callable
        Learns a `FrameScorer` from such features and the truth of each frame.
    """

    choices = _PROBABILITIES

    def __init__(self, name: str, features: FrameFeatures, fit: Fit) -> None:
        self.name = name
        self._features, self._fit = features, fit

    def fit(self, faces: Sequence[AnnotatedFace]) -> "FittedLearner":
        """Learn from all tracked frames of the faces."""
        features: list[Floats] = []
        positive: list[NDArray[np.bool_]] = []
        for face in faces:
            mask = frame_mask([(each.onset, each.offset) for each in face.truth], face.times_s.size)
            for stretch in face.stretches:
                features.append(self._features(stretch))
                positive.append(mask[stretch.curves.frames])
        return FittedLearner(self._features, self._fit(np.concatenate(features), np.concatenate(positive)))


@dataclass(frozen=True, eq=False)
class FittedLearner:
    """`LearnedSpotter` with its scorer; scores are kept, since thresholds do not change them."""

    features: FrameFeatures
    scorer: FrameScorer

    def __post_init__(self) -> None:
        object.__setattr__(self, "_known", {})

    def spot(self, face: AnnotatedFace, choice: Thresholds) -> Spotted:
        """See `ml.spotting_metrics.nested.FittedSpotter`."""
        scored = [(stretch.curves, self._score(stretch)) for stretch in face.stretches]
        return assemble(
            face, ((curves.frames, score, scored_spans(score, curves, choice)) for curves, score in scored)
        )

    def _score(self, stretch: Stretch) -> Floats:
        known: dict[Stretch, Floats] = self.__dict__["_known"]
        if stretch not in known:
            known[stretch] = self.scorer(self.features(stretch))
        return known[stretch]


class CalibratedRule:
    """A rule whose frame score is made a probability by logistic regression of the training frames.

    Segments stay the rule's; its scores can then stand beside those of learners.
    """

    def __init__(self, rule: FlowRule) -> None:
        self.name = f"{rule.name}, calibrated"
        self.choices = rule.choices
        self._rule = rule

    def fit(self, faces: Sequence[AnnotatedFace]) -> "FittedRule":
        """Learn two weights: slope and constant."""
        rule = self._rule.fit(faces)
        scores = [rule.spot(face, self.choices[0])[0] for face in faces]
        positive = [
            frame_mask([(each.onset, each.offset) for each in face.truth], face.times_s.size)
            for face in faces
        ]
        return FittedRule(rule, fit_logistic(np.concatenate(scores)[:, None], np.concatenate(positive)))


@dataclass(frozen=True, eq=False)
class FittedRule:
    """`CalibratedRule` with its slope and constant."""

    rule: FlowRule
    scorer: FrameScorer

    def spot(self, face: AnnotatedFace, choice: Thresholds) -> Spotted:
        """See `ml.spotting_metrics.nested.FittedSpotter`."""
        scores, found = self.rule.spot(face, choice)
        return self.scorer(scores[:, None]), found


def fused_learned(kind: str) -> LearnedSpotter:
    """Motion and one texture, each as it is and as the largest nearby: four weights and a constant."""

    def features(stretch: Stretch) -> Floats:
        motion, texture = stretch.curves.motion, stretch.textures[kind]
        return np.stack(
            [motion, _nearby(motion, stretch, 0.12), texture, _nearby(texture, stretch, 0.25)], axis=1
        )

    return LearnedSpotter(f"{kind} + flow, learned", features, fit_logistic)


def temporal_logistic() -> LearnedSpotter:
    """Logistic regression of the curves seen through windows."""
    return LearnedSpotter("temporal, logistic", lambda stretch: stretch.temporal, fit_logistic)


def temporal_trees() -> LearnedSpotter:
    """Boosted trees over the curves seen through windows."""
    return LearnedSpotter("temporal, trees", lambda stretch: stretch.temporal, fit_trees)


def _nearby(values: Floats, stretch: Stretch, seconds: float) -> Floats:
    return maximum_filter1d(values, 2 * max(1, round(seconds * stretch.curves.fps)) + 1, mode="nearest")
