"""Answers that judge a change: a face while it holds an expression, against the same face at rest.

Belongs here: which expression a change is of, the paper's emotions or another. Stays out: which frames hold the
expression and which are at rest (``features.spotting``), and faces without a rest (``ml.deepid.model``).

What a face always shows, a low brow or a wide mouth, is in both logits and falls out of their difference. Calm is no
answer to what changed. The numbers below were chosen on development clips, docs/LOG.md, 2026-11-29.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from apexline.ml.datasets import RATERS_WORDS, READINGS
from apexline.ml.deepid.model import ExpressionModel, Predictions
from apexline.ml.deepid.network import map_to_emotion
from apexline.ml.emotions import ANSWERS, EMOTIONS
from apexline.ml.norms import adjective_pad

Floats = NDArray[np.float32]

# Words for a change that is none of the emotions, and adjectives that say where those lie in PAD.
_OTHER_WORDS = frozenset({"surprise", "sadness", "disgust", "contempt"})
_OTHER_ADJECTIVES = ["surprised", "sad", "disgusted"]
_TEMPERATURE = 0.5
# Four words share what is another expression: each has to be this much above one of the emotions.
_OTHER_MARGIN = 0.3
_CALM = EMOTIONS.index("calm")
_NAMED = READINGS["FER+"]


@dataclass(frozen=True, eq=False)
class Change:
    """A change of expression, as its faces show it.

    Parameters
    ----------
    held, rest : ndarray, shape (K, 48, 48), uint8
        Faces that hold the expression, the apex first, and faces at rest, as `ml.datasets.face_image` makes them.
    words : ndarray, shape (W,)
        By how much the logits of `ml.datasets.RATERS_WORDS` rose from rest; of length 0 where nobody asked.
    """

    held: NDArray[np.uint8]
    rest: NDArray[np.uint8]
    words: Floats


def other_probability(words: NDArray[np.floating]) -> Floats:
    """Probability that changes of words, shape (N, W), are of none of the emotions, shape (N,)."""
    margin = np.array([_OTHER_MARGIN if word in _OTHER_WORDS else 0.0 for word in RATERS_WORDS])
    changing = [k for k, word in enumerate(RATERS_WORDS) if word != "neutral"]
    share = softmax((words - margin)[:, changing] / _TEMPERATURE, axis=1)
    others = [RATERS_WORDS[k] in _OTHER_WORDS for k in changing]
    return share[:, others].sum(axis=1).astype(np.float32)


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
        One that sees the face alone is asked about both faces, and the difference counts; one that learned from
        changes is asked as it learned.
    changes : sequence of Change
    texture, flow : ndarray, shapes (N, H) and (N, F), optional
        At the apex, and since rest, for a model that reads them.

    Returns
    -------
    predictions : Predictions
        Of `ml.emotions.ANSWERS`: probabilities of shape (N, 5).
    """
    apexes = np.stack([each.held[0] for each in changes])
    if model.reducer is None:
        predicted = model.predict(apexes)
        named = _named_by_difference(model, changes)
    else:
        predicted = model.predict(apexes, texture, flow, np.stack([each.rest[0] for each in changes]))
        named = predicted.probabilities
    other = np.array([other_probability(each.words[None])[0] if each.words.size else 0.0 for each in changes])
    probabilities = np.column_stack([(1 - other)[:, None] * named, other]).astype(np.float32)
    pad = (1 - other)[:, None] * (named @ model.pad_anchors) + other[:, None] * _other_pad()
    if model.version == "semantic":
        pad = predicted.pad
    return Predictions(
        probabilities=probabilities,
        pad=pad.astype(np.float32),
        emotion=np.asarray(ANSWERS)[probabilities.argmax(axis=1)],
        confidence=probabilities.max(axis=1),
        mapped_emotion=np.asarray(EMOTIONS)[map_to_emotion(pad, model.pad_anchors)],
        distance=predicted.distance,
    )


def _named_by_difference(model: ExpressionModel, changes: Sequence[Change]) -> Floats:
    """Probability of each emotion, shape (N, 4), by what its logit rose from rest; calm has none.

    The raters' words for them are asked beside the model, where they are known: its own words may be other people's.
    """
    faces = [faces for each in changes for faces in (each.held, each.rest)]
    logits, _ = model.logits(np.concatenate(faces))
    means = [part.mean(axis=0) for part in np.split(logits, np.cumsum([len(part) for part in faces])[:-1])]
    rose = np.stack(means[::2]) - np.stack(means[1::2])
    words = np.stack(
        [each.words[_NAMED] if each.words.size else row for each, row in zip(changes, rose, strict=True)]
    )
    both = (_centred(rose) + _centred(words)) / 2
    both[:, _CALM] = -np.inf
    return softmax(both / _TEMPERATURE, axis=1)


def _centred(logits: Floats) -> Floats:
    return logits - logits.mean(axis=1, keepdims=True)


def _other_pad() -> Floats:
    """Where another expression lies in PAD: the mean of the norms of its adjectives."""
    return adjective_pad().loc[_OTHER_ADJECTIVES].to_numpy(np.float32).mean(axis=0)
