"""Faces drawn as curves: no pixels, five regions of which two move, all textures and the paper's curves."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from apexline.bench.spotting.extract import MODC_KINDS, PEER_KINDS
from apexline.bench.spotting.faces import AnnotatedFace, PlainCurve, Stretch
from apexline.features.spotting.decisions import TrackCurves
from apexline.ml.spotting_metrics.summary import TrueSegment

FPS = 25.0


def draw_face(
    name: str, subject: str, truth: Sequence[TrueSegment], *, num_frames: int = 120, seed: int = 0
) -> AnnotatedFace:
    """A face that moves by 3 px where it is told to; noise elsewhere."""
    rng = np.random.default_rng(seed)
    strength = np.zeros(num_frames)
    for each in truth:
        knots = [each.onset, each.apex, each.apex_end, each.offset]
        strength += np.interp(np.arange(num_frames), knots, [0, 1, 1, 0], left=0, right=0)
    displacement = rng.normal(0, 0.05, (num_frames, 5, 2))
    displacement[:, 2:4, 0] += 3 * strength[:, None]
    change = np.abs(np.gradient(strength))
    textures = {kind: change + rng.normal(0, 0.02, num_frames) for kind in (*MODC_KINDS, *PEER_KINDS)}
    frames, times = np.arange(num_frames), np.arange(num_frames) / FPS
    curves = TrackCurves(frames, times, displacement, textures["sl"])
    return AnnotatedFace(
        name=name,
        subject=subject,
        times_s=times,
        truth=truth,
        stretches=[Stretch(curves, textures)],
        # the paper looks at four regions
        paper={kind: [replace(curves, displacement=displacement[:, :4])] for kind in ("sl", "sr")},
        baselines={name: [PlainCurve(frames, FPS, strength)] for name in ("moilanen", "mdmd")},
    )


def draw_faces(num_subjects: int = 6) -> list[AnnotatedFace]:
    """Three faces of each subject: a long expression, a short one, none."""
    rng = np.random.default_rng(0)
    faces: list[AnnotatedFace] = []
    for subject in range(num_subjects):
        at = int(rng.integers(10, 60))
        shown = [[TrueSegment(at, at + 8, at + 15, at + 24)], [TrueSegment(at, at + 4, at + 6, at + 10)], []]
        for clip, truth in enumerate(shown):
            faces.append(draw_face(f"{subject}_{clip}.mp4", f"p{subject}", truth, seed=3 * subject + clip))
    return faces
