import numpy as np
import pandas as pd
import pytest

from apexline.ml.emotions import EMOTIONS, PAD_AXES
from apexline.ml.norms import emotion_pad, load_pairs, target_of
from apexline.ml.surveys import panel, ratings


@pytest.fixture
def stimuli():
    names = [f"s{number:02d}" for number in range(16)]
    return pd.DataFrame({"segment": names, "emotion": [EMOTIONS[i % 4] for i in range(16)]})


def test_a_simulated_panel_says_that_it_is_synthetic_and_rates_only_pairs_with_norms(stimuli):
    answers = panel.simulate_panel(stimuli, raters=3)
    assert list(answers.columns) == list(ratings.RATING_COLUMNS)
    assert answers["synthetic"].all()
    assert set(answers["source"]) == {"simulated panel"}
    assert set(answers["pair"]) == set(target_of(load_pairs()).dropna().index)
    assert answers["rater"].nunique() == 3
    good, rejected = ratings.check_ratings(answers, source="panel")
    assert len(good) == len(answers)
    assert rejected.empty


def test_answers_go_missing_at_about_the_given_rate(stimuli):
    config = panel.PanelConfig(missing=0.3)
    answers = panel.simulate_panel(stimuli, raters=5, config=config)
    assert len(answers) / (16 * 5 * 47) == pytest.approx(0.7, abs=0.03)


def test_the_same_seed_gives_the_same_panel_and_another_seed_another(stimuli):
    first = panel.simulate_panel(stimuli, raters=3, seed=1)
    pd.testing.assert_frame_equal(first, panel.simulate_panel(stimuli, raters=3, seed=1))
    assert not first.equals(panel.simulate_panel(stimuli, raters=3, seed=2))


def test_a_further_stimulus_leaves_the_others_ratings_alone(stimuli):
    fewer = panel.simulate_panel(stimuli.iloc[:8], raters=3)
    more = panel.simulate_panel(stimuli, raters=3)
    kept = more[more["segment"].isin(fewer["segment"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, fewer)


def test_a_perfect_rater_puts_a_stimulus_at_a_pole_to_that_poles_level():
    perfect = panel.PanelConfig(
        scale_use_spread=0, bias_spread=0, pair_spread=0, noise=0, missing=0, scale_use=1.0
    )
    norms = emotion_pad()
    stimuli = norms.reset_index().assign(segment=list(EMOTIONS))
    levels = panel.simulate_panel(stimuli, raters=1, config=perfect).set_index(["segment", "pair"])["level"]
    assert levels["angry", "angry_calm"] == 1
    assert levels["calm", "angry_calm"] == 5
    assert levels["happy", "happy_sad"] == 1


def test_drawn_pad_lies_about_the_emotions_norms():
    many = pd.DataFrame({"segment": [f"s{i}" for i in range(400)], "emotion": ["calm"] * 400})
    drawn = panel.draw_pad(many, spread=0.1)[list(PAD_AXES)]
    np.testing.assert_allclose(drawn.mean(), emotion_pad().loc["calm"], atol=0.02)
    np.testing.assert_allclose(drawn.std(), 0.1, atol=0.02)
    assert drawn.abs().to_numpy().max() <= 1


def test_an_unknown_emotion_is_refused(stimuli):
    with pytest.raises(ValueError, match="bored"):
        panel.simulate_panel(stimuli.assign(emotion="bored"), raters=3)


def test_a_segment_named_twice_is_refused(stimuli):
    with pytest.raises(ValueError, match="s00"):
        panel.simulate_panel(pd.concat([stimuli, stimuli.iloc[:1]]), raters=3)


def test_an_empty_panel_is_refused(stimuli):
    with pytest.raises(ValueError, match="at least 1"):
        panel.simulate_panel(stimuli, raters=0)
