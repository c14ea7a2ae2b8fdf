"""Evidence is held against the face's own rest."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import log_softmax

from apexline.features.expression import RATERS_WORDS
from apexline.features.spotting.evidence import calm_log_odds, gather
from tests.features.spotting.changes import CALM, HAPPY, smiling


def test_curves_rise_where_the_face_changes_and_rest_lies_outside():
    found = gather(smiling())
    assert not found.at_rest[50:100].any()
    assert found.at_rest.any()
    for name in ("change", "calm_loss", "departure"):
        curve = getattr(found, name)
        assert curve.shape == (150,)
        assert curve[65:85].min() > 2.0, name
        assert np.abs(curve[:40]).max() < 0.01, name  # smoothing overshoots beside the ramps
    rise = found.words[75] - found.rest
    assert rise.argmax() == HAPPY
    assert rise.argmin() == CALM
    # Pythagoras by hand: calm loses 3, happiness wins 4, and the mean of eight words, 1/8, is taken away
    assert found.change[75] == pytest.approx(np.sqrt(3**2 + 4**2 - 1 / 8), rel=1e-3)


def test_rest_is_the_calmest_share_of_the_frames():
    """A face that grows calmer all the time is at rest in the last 15 of its 100 frames, by and by."""
    given = smiling(100, 0, 0)
    words = given.words.copy()
    words[:, CALM] += np.linspace(0.0, 4.0, 100)
    found = gather(replace(given, words=words))
    assert np.flatnonzero(found.at_rest).tolist() == list(range(85, 100))
    np.testing.assert_allclose(found.rest, found.words[85:].mean(axis=0))
    # calm is lost against its ninth decile: what only dwells above it has lost nothing
    assert found.calm_loss[:85].min() > 0
    assert found.calm_loss[91:].max() == 0
    assert found.calm_loss[0] == pytest.approx(4.0 * 0.9, abs=1e-6)


def test_what_a_face_always_shows_is_no_change():
    given = smiling()
    words = given.words.copy()
    words[:, CALM] += np.linspace(
        0.0, 1.0, len(words)
    )  # which frames are the calmest is not left to rounding
    always = words + np.linspace(-1.0, 1.0, words.shape[1])
    np.testing.assert_allclose(
        gather(replace(given, words=always)).change, gather(replace(given, words=words)).change, atol=1e-9
    )


def test_only_the_raters_words_count():
    given = smiling()
    wavering = given.words.copy()
    wavering[:, len(RATERS_WORDS) :] = np.random.default_rng(0).normal(0, 5, (150, 7))
    np.testing.assert_array_equal(gather(replace(given, words=wavering)).change, gather(given).change)


def test_restless_lips_are_speech_and_restless_words_unrest():
    given = smiling()
    lips = given.displacement.copy()
    lips[:60, -1, 0] += np.tile([1.0, -1.0], 30)
    words = given.words.copy()
    words[:60, HAPPY] += np.tile([1.0, -1.0], 30)
    spoken = gather(replace(given, displacement=lips))
    assert spoken.speech[20:40].min() > 0.5
    assert spoken.speech[100:].max() < 1e-6
    np.testing.assert_array_equal(spoken.unrest, gather(given).unrest)
    restless = gather(replace(given, words=words))
    assert restless.unrest[20:40].min() > 0.5
    assert restless.unrest[120:].max() < 1e-6


def test_calm_log_odds_are_those_of_its_probability(rng):
    logits = rng.normal(0, 2, (6, len(RATERS_WORDS)))
    p = np.exp(log_softmax(logits, axis=1))[:, CALM]
    np.testing.assert_allclose(calm_log_odds(logits), np.log(p / (1 - p)))


@pytest.mark.parametrize("length", [2, 3, 9])
def test_a_stretch_of_few_frames_has_evidence(length):
    found = gather(smiling(length, 0, 0))
    for name in ("change", "calm_loss", "departure", "speech", "unrest"):
        assert getattr(found, name).shape == (length,)
        assert np.isfinite(getattr(found, name)).all()


def test_curves_without_words_are_refused():
    with pytest.raises(ValueError, match=r"no words.*re-materialise expression_features"):
        gather(replace(smiling(), words=None))
