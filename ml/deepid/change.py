"""Answers that judge a change: a face while it holds an expression, against the same face at rest.

Belongs here: which expression a change is of, the paper's emotions or another. Stays out: which frames hold the
expression and which are at rest (``features.spotting``), and faces without a rest (``ml.deepid.model``).

What a face always shows, a low brow or a wide mouth, is in both logits and falls out of their difference. What it shows
while the expression is held counts beside that, a third: fear shows more than it rises. Calm is no answer to what
changed. The numbers below were chosen on development clips, docs/LOG.md, 2026-11-29.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from apexline.ml.datasets import RATERS_WORDS, READINGS
from apexline.ml.deepid.frozen import map_to_emotion
from apexline.ml.deepid.model import ExpressionModel, Predictions
from apexline.ml.emotions import ANSWERS, EMOTIONS
from apexline.ml.norms import adjective_norms

Floats = NDArray[np.float32]

# Words for a change that is none of the emotions, and adjectives that say where those lie in PAD.
_OTHER_WORDS = frozenset({"surprise", "sadness", "disgust", "contempt"})
_OTHER_ADJECTIVES = ["surprised", "sad", "disgusted"]
_TEMPERATURE = 0.4
# Four words share what is another expression: each has to be this much above one of the emotions.
_OTHER_MARGIN = 0.2
_CALM = EMOTIONS.index("calm")
_NAMED = READINGS["FER+"]


@dataclass(frozen=True, eq=False)
class Change:
    """A change of expression, as its faces show it.

    Parameters
    ----------
    held, rest : ndarray, shape (K, 48, 48), uint8
        Faces that hold the expression, the apex first, and faces at rest, as `ml.datasets.face_image` makes them;
        each once.
    words : ndarray, shape (W,)
        By how much the logits of `ml.datasets.RATERS_WORDS` rose from rest; of length 0 where nobody asked.
    """

    held: NDArray[np.uint8]
    rest: NDArray[np.uint8]
    words: Floats


def change_probabilities(
    held: NDArray[np.floating], rest: NDArray[np.floating], words: Sequence[NDArray[np.floating]]
) -> Floats:
    """Probability of each answer to what changed.

    Parameters
    ----------
    held, rest : ndarray, shape (N, 4)
        Logits of the emotions while the expression is held, and at rest.
    words : sequence of N ndarrays, shape (W,) or (0,)
        As in `Change`. Where they are known, the raters' words for the emotions are asked beside the model, whose own
        words may be other people's.

    Returns
    -------
    probabilities : ndarray, shape (N, 5)
        Of `ml.emotions.ANSWERS`; that of calm is 0.
    """
    rose = held - rest
    beside = np.stack([each[_NAMED] if each.size else row for each, row in zip(words, rose, strict=True)])
    speaks = (_centred(rose) + _centred(beside) + _centred(held)) / 3
    speaks[:, _CALM] = -np.inf
    return _with_other(softmax(speaks / _TEMPERATURE, axis=1), words)


def _with_other(named: NDArray[np.floating], words: Sequence[NDArray[np.floating]]) -> Floats:
    other = np.array([_other_probability(each) if each.size else 0.0 for each in words])
    return np.column_stack([(1 - other)[:, None] * named, other]).astype(np.float32)


def _other_probability(words: NDArray[np.floating]) -> float:
    """Probability that a change of words, shape (W,), is of none of the emotions."""
    margin = np.array([_OTHER_MARGIN if word in _OTHER_WORDS else 0.0 for word in RATERS_WORDS])
    changing = [k for k, word in enumerate(RATERS_WORDS) if word != "neutral"]
    share = softmax((words - margin)[changing] / _TEMPERATURE)
    return float(sum(share[k] for k, word in enumerate(RATERS_WORDS[1:]) if word in _OTHER_WORDS))


def _centred(logits: NDArray[np.floating]) -> NDArray[np.floating]:
    return logits - logits.mean(axis=1, keepdims=True)


def predict_changes(
    model: ExpressionModel,
    changes: Sequence[Change],
    texture: Floats | None = None,
    flow: Floats | None = None,
) -> Predictions:
    """Predict the expressions of N changes.

    Parameters
    ----------
    model : ExpressionModel
        One that sees the face alone is asked about both faces; one that learned from changes is asked as it learned.
    changes : sequence of Change
    texture, flow : ndarray, shapes (N, H) and (N, F), optional
        At the apex, and since rest, for a model that reads them.

    Returns
    -------
    predictions : Predictions
        Of `ml.emotions.ANSWERS`: probabilities of shape (N, 5).
    """
    words = [each.words for each in changes]
    anchors = np.vstack([model.pad_anchors, _other_pad()])
    if model.reducer is None:
        held, rest, distance = _shown(model, changes)
        probabilities = change_probabilities(held, rest, words)
        pad = probabilities @ anchors
    else:
        apexes, rests = np.stack([c.held[0] for c in changes]), np.stack([c.rest[0] for c in changes])
        predicted = model.predict(apexes, texture, flow, rests)
        probabilities, distance = _with_other(predicted.probabilities, words), predicted.distance
        pad = predicted.pad if model.version == "semantic" else probabilities @ anchors
    return Predictions(
        probabilities=probabilities,
        pad=pad.astype(np.float32),
        emotion=np.asarray(ANSWERS)[probabilities.argmax(axis=1)],
        confidence=probabilities.max(axis=1),
        mapped_emotion=np.asarray(EMOTIONS)[map_to_emotion(pad, model.pad_anchors)],
        distance=distance,
    )


def _shown(model: ExpressionModel, changes: Sequence[Change]) -> tuple[Floats, Floats, Floats]:
    """Mean logits while held and at rest, shape (N, 4) each, and the distance of each apex, shape (N,).

    The network is asked once about each face: asking is what naming costs.
    """
    faces = [faces for each in changes for faces in (each.held, each.rest)]
    starts = np.cumsum([0, *(len(part) for part in faces)])
    logits, distance = model.logits_and_distance(np.concatenate(faces))
    means = np.stack([part.mean(axis=0) for part in np.split(logits, starts[1:-1])])
    return means[::2], means[1::2], distance[starts[:-1:2]]


def _other_pad() -> Floats:
    """Where another expression lies in PAD: the mean of the norms of its adjectives."""
    return np.array([adjective_norms()[each] for each in _OTHER_ADJECTIVES], np.float32).mean(axis=0)
