"""The interval of a congruence."""

import numpy as np
import pandas as pd
import pytest

from apexline.ml.semantic_space.principal_axis import principal_axes
from apexline.ml.semantic_space.resampling import congruence_interval
from apexline.ml.semantic_space.rotation import rotate_to_target

AXES = ["pleasure", "arousal", "dominance"]


@pytest.fixture
def target():
    drawn = np.random.default_rng(4).normal(size=(16, 3)) * [1.5, 1.0, 0.7]
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    return pd.DataFrame(drawn, index=[f"s{i}" for i in range(16)], columns=AXES)


def test_the_interval_holds_the_congruence_and_narrows_with_stimuli(target):
    rng = np.random.default_rng(6)

    def interval(stimuli):
        points = rng.normal(size=(stimuli, 1, 3)) @ target.to_numpy().T
        cube = points + 2 * rng.normal(size=(stimuli, 8, 16))
        cube[rng.random(cube.shape) < 0.2] = np.nan
        loadings = principal_axes(np.corrcoef(np.nanmean(cube, axis=1), rowvar=False))
        centre = rotate_to_target(loadings, target.to_numpy())[1]
        return centre, *congruence_interval(cube, target, num_resamples=60)

    _, low_few, high_few = interval(30)
    centre, low, high = interval(300)
    assert (low < centre + 0.01).all()
    assert (high > centre - 0.01).all()
    assert ((high - low) < (high_few - low_few)).all()
