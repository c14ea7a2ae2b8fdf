"""Public sets in small, for the benchmark of recognition."""

import numpy as np
import pandas as pd
import pytest

from apexline.bench.recognition.faces import ClipFaces
from apexline.bench.recognition.trainings import Sets
from apexline.ml.datasets.ferplus import ORIGINAL_WORDS, WORDS, FerPlus
from apexline.ml.emotions import EMOTIONS

PERFORMERS = [f"p{i}" for i in range(6)]
INTENSITIES = ("happy", "sad", "angry", "disgusted", "scared", "surprised")


def noise(*shape: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.fixture(scope="module")
def sets() -> Sets:
    """Noise in place of faces; labels as the readers give them."""
    num = 60
    votes = np.zeros((num, len(WORDS)))
    four = [WORDS.index(word) for word in ("happiness", "anger", "neutral", "fear")]
    votes[np.arange(num), np.resize(four, num)] = 10
    folds = np.resize(["train", "train", "train", "train", "valid", "valid", "valid", "valid", "test"], num)
    folds = np.where(np.arange(num) > 44, "test", folds)
    classes = np.resize(np.arange(4), num)
    named = np.array([ORIGINAL_WORDS.index(w) for w in ("happy", "angry", "neutral", "fear")])[classes]
    ids = np.array([f"f{i}" for i in range(num)])
    stills = pd.DataFrame(
        [
            {"image": f"{p}_{e}.jpg", "performer": p, "emotion": e, "observed": "angry" if e == "calm" else e}
            for p in PERFORMERS
            for e in EMOTIONS
        ]
    ).assign(**{f"intensity_{word}": 1.0 for word in INTENSITIES})
    segments = pd.DataFrame(
        [
            {"clip": f"{p}.mp4", "performer": p, "emotion": e, "kind": k}
            for p in PERFORMERS
            for e, k in (("happy", "macro"), ("angry", "micro"), ("scared", "macro"))
        ]
    )
    at = np.tile(["apex", "rise", "fall", "onset"], len(segments))
    generator = np.random.default_rng(0)
    return Sets(
        ferplus=FerPlus(ids, folds, votes, classes, classes, named, ids),
        ferplus_images=noise(num, 48, 48, seed=1),
        stills=stills,
        still_faces={
            "images": noise(len(stills), 48, 48, seed=2),
            "texture": generator.random((len(stills), 6), np.float32),
        },
        segments=segments,
        clips=ClipFaces(
            segment=np.repeat(np.arange(len(segments)), 4),
            at=at,
            images=noise(len(at), 48, 48, seed=3),
            texture=generator.random((len(at), 6), np.float32),
            flow=generator.normal(size=(len(at), 5)).astype(np.float32),
        ),
    )
