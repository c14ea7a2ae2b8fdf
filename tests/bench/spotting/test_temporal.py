import numpy as np
import pytest

from apexline.bench.spotting.temporal import TEMPORAL_NAMES, score_spans, temporal_features


def column(name: str, displacement: np.ndarray, texture: np.ndarray) -> np.ndarray:
    return temporal_features(displacement, texture, fps=25.0)[:, TEMPORAL_NAMES.index(name)]


def step() -> tuple[np.ndarray, np.ndarray]:
    """Three regions; the first moves 2 px to the right between frames 49 and 50, at 25 frames a second."""
    displacement = np.zeros((100, 3, 2))
    displacement[50:, 0, 1] = 2.0
    texture = np.zeros(100)
    texture[50] = 1.0
    return displacement, texture


def test_windows_by_hand():
    displacement, texture = step()
    # .12 s are three frames: the step is near in frames 47 to 52
    near = np.flatnonzero(column("largest speed, 0.12 s", displacement, texture))
    assert near.tolist() == list(range(47, 54))
    assert column("largest speed, 0.12 s", displacement, texture)[50] == pytest.approx(50.0)
    assert np.flatnonzero(column("moved since, 0.12 s", displacement, texture)).tolist() == [50, 51, 52]
    assert np.flatnonzero(column("moves until, 0.12 s", displacement, texture)).tolist() == [47, 48, 49]
    assert np.flatnonzero(column("largest motion, 0.12 s", displacement, texture))[0] == 47
    assert column("motion above the lowest, 0.12 s", displacement, texture)[[49, 52, 53]].tolist() == [
        0,
        2,
        0,
    ]
    assert column("motion since, 0.12 s", displacement, texture)[[49, 51]].tolist() == [0, 2]
    assert column("motion until, 0.12 s", displacement, texture)[[49, 51]].tolist() == [-2, 0]
    assert column("texture since, 0.12 s", displacement, texture)[[50, 53]].tolist() == [1, -1]
    assert column("mean of regions", displacement, texture)[-1] == pytest.approx(2 / 3)


def test_every_column_has_a_name_and_stillness_is_zero():
    numbers = temporal_features(np.zeros((5, 4, 2)), np.zeros(5), fps=30.0)
    assert numbers.shape == (5, len(TEMPORAL_NAMES))
    assert not numbers.any()
    assert len(set(TEMPORAL_NAMES)) == len(TEMPORAL_NAMES)


def test_the_scale_is_absolute_and_time_is_in_seconds():
    rng = np.random.default_rng(0)
    displacement, texture = rng.normal(0, 1, (80, 5, 2)), rng.random(80)
    whole = temporal_features(displacement, texture, fps=20.0)
    np.testing.assert_allclose(temporal_features(3 * displacement, 3 * texture, fps=20.0), 3 * whole)
    # what lies more than a second away does not matter
    part = temporal_features(displacement[:60], texture[:60], fps=20.0)
    np.testing.assert_allclose(part[:39], whole[:39])


def test_two_regions_are_too_few():
    with pytest.raises(ValueError, match="there are 2 regions"):
        temporal_features(np.zeros((5, 2, 2)), np.zeros(5), fps=25.0)


def test_hysteresis_by_hand():
    scores = np.array([0, 0.4, 0.9, 0.4, 0, 0.4, 0.4, 0, 0.8, 0, 0.8])
    strength = np.array([0, 3, 1, 2, 0, 0, 0, 0, 1, 0, 2.0])
    found = score_spans(scores, strength, high=0.8, low=0.4, gap=0)
    assert [(s.onset, s.apex, s.offset, s.score) for s in found] == [
        (1, 1, 3, 0.9),
        (8, 8, 8, 0.8),
        (10, 10, 10, 0.8),
    ]
    joined = score_spans(scores, strength, high=0.8, low=0.4, gap=1)
    assert [(s.onset, s.offset) for s in joined] == [(1, 10)]
    assert score_spans(scores, strength, high=0.95, low=0.4, gap=0) == []
    with pytest.raises(ValueError, match=r"low 0.9 exceeds high 0.8"):
        score_spans(scores, strength, high=0.8, low=0.9, gap=0)
