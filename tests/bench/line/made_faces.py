"""Faces of clips without pixels: told truth and distractors, curves of one smile, logits in every frame."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from apexline.bench.line.clips import AnnotatedClip, AnnotatedFace, Distractor, Truth
from apexline.bench.line.faces import LineFace
from apexline.bench.line.measure import Found
from apexline.features.spotting import TrackCurves
from apexline.ml import EMOTIONS
from tests.features.spotting.bumps import FPS
from tests.features.spotting.changes import smiling

NUM_FRAMES = 150


def make_face(
    person: str = "a",
    truth: Sequence[Truth] = (),
    distractors: Sequence[Distractor] = (),
    *,
    source: str = "real",
    stretches: Sequence[TrackCurves] = (),
    seen: Sequence[int] = range(NUM_FRAMES),
) -> LineFace:
    """Return a face of 6 s at 25 frames a second that looks calm wherever it is seen."""
    face = AnnotatedFace("0", person, truth, distractors)
    clip = AnnotatedClip(source, Path(f"{person}.mp4"), FPS, NUM_FRAMES, [face])
    calm = np.eye(len(EMOTIONS), dtype=np.float32)[EMOTIONS.index("calm")]
    return LineFace(clip, face, stretches, dict.fromkeys(seen, calm))


def make_smiling(
    person: str, onset: int = 50, *, source: str = "real", distractors: Sequence[Distractor] = ()
) -> LineFace:
    """Return a face that smiles for 40 frames, and whose rater wavers once where nothing changes."""
    curves = smiling(NUM_FRAMES, onset, onset + 40)
    rng = np.random.default_rng([ord(person[-1]), onset])
    assert curves.words is not None
    words = curves.words + rng.normal(0.0, 0.5, curves.words.shape)
    truth = [Truth(onset, onset + 20, onset + 40, "happy")]
    return make_face(person, truth, distractors, source=source, stretches=[replace(curves, words=words)])


def find(
    onset: int, offset: int, emotion: str = "happy", *, sure: float = 0.9, answered: bool = True
) -> Found:
    """Return a segment that the line is taken to have found, its apex in the middle."""
    return Found(onset, (onset + offset) // 2, offset, emotion, sure, answered)
