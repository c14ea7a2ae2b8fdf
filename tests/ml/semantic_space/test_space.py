import json

import numpy as np
import pandas as pd
import pytest

from apexline.ml import norms
from apexline.ml.emotions import EMOTIONS, PAD_AXES
from apexline.ml.semantic_space.score_table import DroppedPairsWarning, SingularCorrelationWarning
from apexline.ml.semantic_space.space import SemanticSpace, fit_semantic_space
from apexline.ml.surveys.panel import PanelConfig, draw_pad, simulate_panel
from apexline.ml.surveys.ratings import mean_scores


@pytest.fixture(scope="module")
def stimuli():
    names = [f"s{number:03d}" for number in range(120)]
    drawn = pd.DataFrame({"segment": names, "emotion": [EMOTIONS[i % 4] for i in range(120)]})
    return draw_pad(drawn, spread=PanelConfig.pad_spread).set_index("segment")


@pytest.fixture(scope="module")
def scores(stimuli):
    """Mean scores of twelve simulated raters: segments x 47 pairs."""
    return mean_scores(simulate_panel(stimuli.reset_index(), raters=12))


@pytest.fixture(scope="module")
def space(scores):
    return fit_semantic_space(scores)


@pytest.fixture
def made():
    """Plain arrays from known orthogonal factors: scores (400, 12), loadings (12, 3), factors (400, 3)."""
    rng = np.random.default_rng(7)
    loadings = rng.normal(size=(12, 3))
    loadings *= 0.9 / np.linalg.norm(loadings, axis=1, keepdims=True)
    factors = rng.normal(size=(400, 3))
    values = factors @ loadings.T + np.sqrt(1 - 0.81) * rng.normal(size=(400, 12))
    return values, loadings, factors


def test_known_loadings_and_factors_are_recovered(made):
    values, loadings, factors = made
    fitted = fit_semantic_space(values, target=loadings)
    assert fitted.rotation == "procrustes"
    assert fitted.axes == PAD_AXES
    assert fitted.supported == PAD_AXES
    assert min(fitted.congruence.values()) > 0.99
    np.testing.assert_allclose(fitted.loadings, loadings, atol=0.12)
    for axis in range(3):
        assert np.corrcoef(fitted.scores[:, axis], factors[:, axis])[0, 1] > 0.9
    assert fitted.parallel_k == 3
    assert fitted.kmo > 0.5
    assert fitted.bartlett_p < 1e-6


@pytest.mark.parametrize("method", ["minres", "ml", "principal"])
def test_every_extraction_finds_the_same_axes(made, method):
    values, loadings, _ = made
    fitted = fit_semantic_space(values, target=loadings, method=method)
    assert min(fitted.congruence.values()) > 0.97
    assert fitted.method == method


def test_signs_and_order_of_the_axes_come_from_the_target_alone(made):
    values, loadings, _ = made
    turned = loadings[:, [2, 0, 1]] * [1, -1, 1]
    plain = fit_semantic_space(values, target=loadings)
    other = fit_semantic_space(values, target=turned)
    np.testing.assert_allclose(other.loadings, plain.loadings[:, [2, 0, 1]] * [1, -1, 1], atol=1e-8)


def test_swapping_the_poles_of_a_pair_turns_its_loading_only(made):
    values, loadings, _ = made
    sign = np.ones(12)
    sign[4] = -1
    plain = fit_semantic_space(values, target=loadings)
    swapped = fit_semantic_space(values * sign, target=loadings * sign[:, None])
    np.testing.assert_allclose(swapped.loadings, plain.loadings * sign[:, None], atol=1e-5)
    np.testing.assert_allclose(swapped.scores, plain.scores, atol=1e-4)


def test_regression_scores_by_the_formula(made):
    values, loadings, _ = made
    fitted = fit_semantic_space(values, target=loadings)
    z = (values - values.mean(axis=0)) / values.std(axis=0)
    expected = z @ np.linalg.inv(np.corrcoef(values, rowvar=False)) @ fitted.loadings
    np.testing.assert_allclose(fitted.scores, expected, atol=1e-8)
    np.testing.assert_allclose(fitted.factor_scores(values), fitted.scores, atol=1e-12)


def test_an_axis_that_is_not_in_the_data_is_unsupported(made):
    values, loadings, _ = made
    elsewhere = loadings.copy()
    elsewhere[:, 2] = np.random.default_rng(1).normal(size=12)
    fitted = fit_semantic_space(values, target=elsewhere)
    assert "dominance" in fitted.unsupported
    assert set(fitted.supported) | set(fitted.unsupported) == set(PAD_AXES)


def test_pairs_without_a_target_do_not_steer_but_get_loadings(made):
    values, loadings, _ = made
    gaps = loadings.copy()
    gaps[10:] = np.nan
    fitted = fit_semantic_space(values, target=gaps)
    assert fitted.loadings.shape == (12, 3)
    np.testing.assert_allclose(fitted.loadings[10:], loadings[10:], atol=0.12)
    assert fitted.gain.shape == (3, 3)


def test_nameless_scores_without_a_target_are_rotated_by_varimax(made):
    fitted = fit_semantic_space(made[0])
    assert fitted.rotation == "varimax"
    assert fitted.axes == ("factor_1", "factor_2", "factor_3")
    assert np.isnan(list(fitted.congruence.values())).all()
    assert fitted.supported == fitted.unsupported == ()
    with pytest.raises(ValueError, match="target of 0 columns"):
        fitted.to_pad(made[0])


def test_the_number_of_factors_is_free(made):
    values, loadings, _ = made
    fitted = fit_semantic_space(values, target=loadings[:, :2], n_factors=2)
    assert fitted.axes == ("axis_1", "axis_2")
    assert fitted.loadings.shape == (12, 2)
    named = pd.DataFrame(
        loadings[:, :2], index=[f"pair_{i}" for i in range(1, 13)], columns=["valence", "tension"]
    )
    assert fit_semantic_space(values, target=named, n_factors=2).axes == ("valence", "tension")


def test_a_panel_of_the_demos_size_supports_all_three_axes(space):
    assert space.axes == PAD_AXES
    assert space.unsupported == ()
    assert len(space.pairs) == 47
    assert len(space.segments) == 120
    assert space.shrinkage == 0
    assert space.kmo > 0.8
    assert space.bartlett_p < 1e-6


def test_pad_follows_the_latent_pad_in_the_norms_unit(space, scores, stimuli):
    pad = space.to_pad(scores)
    assert np.abs(pad).max() <= 1
    truth = stimuli.loc[scores.index, list(PAD_AXES)].to_numpy()
    for axis in range(3):
        assert np.corrcoef(pad[:, axis], truth[:, axis])[0, 1] > 0.95
    # Five levels that end at the poles hold wide stimuli back, so the unit comes out somewhat small.
    assert np.sqrt(((pad - truth) ** 2).mean()) < 0.25


def test_pad_is_exact_for_scores_on_the_lines_between_the_poles():
    rng = np.random.default_rng(3)
    target = norms.target_of(norms.load_pairs()).dropna()
    # Pairs whose poles lie far apart, so that no score leaves the scale.
    target = target[np.linalg.norm(target, axis=1) > 0.5]
    middle = norms.midpoint_of(norms.select_pairs(target.index)).to_numpy()
    truth = 0.1 * rng.normal(size=(80, 3)) + [0.05, -0.02, 0.03]
    along = ((truth[:, None] - middle) * target.to_numpy()).sum(axis=2) / (target.to_numpy() ** 2).sum(axis=1)
    # A factor model needs uniquenesses; these are small beside the common part.
    table = pd.DataFrame(along + 0.01 * rng.normal(size=along.shape), columns=target.index)
    assert table.abs().to_numpy().max() < 1
    np.testing.assert_allclose(fit_semantic_space(table).to_pad(table), truth, atol=0.03)


def test_a_given_target_with_midpoints_places_pad_as_the_norms_do(space, scores):
    pairs = norms.select_pairs(space.pairs)
    given = fit_semantic_space(scores, target=norms.target_of(pairs), midpoint=norms.midpoint_of(pairs))
    np.testing.assert_allclose(given.to_pad(scores), space.to_pad(scores), atol=1e-12)
    without = fit_semantic_space(scores, target=norms.target_of(pairs))
    assert np.abs(without.to_pad(scores) - space.to_pad(scores)).max() > 0.01


def test_most_stimuli_map_to_their_emotion(space, scores, stimuli):
    found = [space.nearest_emotion(pad) for pad in space.to_pad(scores)]
    truth = stimuli.loc[scores.index]
    nearest = [norms.nearest_emotion(pad) for pad in truth[list(PAD_AXES)].to_numpy()]
    assert np.mean(np.array(found) == np.array(nearest)) > 0.85


def test_pad_does_not_depend_on_the_rotation(space, scores):
    varimax = fit_semantic_space(scores, rotation="varimax")
    assert varimax.axes == ("factor_1", "factor_2", "factor_3")
    np.testing.assert_allclose(varimax.to_pad(scores), space.to_pad(scores), atol=1e-6)


def test_nearest_words_are_those_of_the_norms(space):
    point = norms.emotion_pad().loc["happy"]
    assert space.nearest_emotion(point) == "happy"
    assert space.nearest_adjectives(point, n=4) == norms.nearest_adjectives(point, 4)


def test_new_rows_are_projected_by_name_and_with_gaps(space, scores):
    full = space.to_pad(scores)
    shuffled = scores[list(scores.columns[::-1])].assign(extra=0.0)
    np.testing.assert_allclose(space.to_pad(shuffled), full)
    np.testing.assert_allclose(space.to_pad(scores[list(space.pairs)].to_numpy()), full)
    gaps = scores.copy()
    gaps.iloc[:, ::4] = np.nan
    assert np.abs(space.to_pad(gaps) - full).mean() < 0.05


def test_a_row_without_answers_has_no_pad(space, scores):
    empty = scores.iloc[:2].copy()
    empty.iloc[1] = np.nan
    pad = space.to_pad(empty)
    assert np.isfinite(pad[0]).all()
    assert np.isnan(pad[1]).all()
    np.testing.assert_array_equal(space.factor_scores(empty)[1], 0)


def test_rows_that_do_not_fit_the_space_are_refused(space, scores):
    with pytest.raises(ValueError, match="angry_calm"):
        space.to_pad(scores.drop(columns="angry_calm"))
    with pytest.raises(ValueError, match=r"expected \(n, 47\)"):
        space.to_pad(scores.to_numpy()[:, :5])
    with pytest.raises(ValueError, match=r"expected \(n, 47\)"):
        space.to_pad(scores.to_numpy()[0])


def test_missing_cells_are_counted_and_empty_stimuli_left_out(scores):
    gaps = scores.copy()
    gaps.iloc[0] = np.nan
    gaps.iloc[5, 3] = gaps.iloc[9, 7] = np.nan
    fitted = fit_semantic_space(gaps)
    assert fitted.imputed == 2
    assert len(fitted.segments) == 119
    assert np.isfinite(fitted.scores).all()


def test_constant_and_mostly_empty_pairs_are_dropped_with_a_warning(scores):
    poor = scores.assign(angry_calm=0.25)
    poor.iloc[:100, 1] = np.nan
    with pytest.warns(DroppedPairsWarning, match=r"angry_calm.*happy_sad"):
        fitted = fit_semantic_space(poor)
    assert fitted.dropped == ("angry_calm", "happy_sad")
    assert "angry_calm" not in fitted.pairs
    assert len(fitted.center) == len(fitted.scale) == 45


def test_fewer_stimuli_than_pairs_are_shrunk_with_a_warning(scores, space):
    with pytest.warns(SingularCorrelationWarning, match="47 pairs over 30 stimuli"):
        fitted = fit_semantic_space(scores.iloc[:30])
    assert 0 < fitted.shrinkage < 1
    assert np.isnan(fitted.kmo)
    assert np.isnan(fitted.bartlett_p)
    np.testing.assert_allclose(np.diag(fitted.correlation), 1)
    assert np.abs(fitted.to_pad(scores) - space.to_pad(scores)).mean() < 0.1


def test_a_repeated_pair_is_shrunk_too(made):
    values, loadings, _ = made
    twice = np.column_stack([values, values[:, 0]])
    with pytest.warns(SingularCorrelationWarning):
        fitted = fit_semantic_space(twice, target=np.vstack([loadings, loadings[:1]]))
    assert fitted.shrinkage >= 1e-3
    assert min(fitted.congruence.values()) > 0.95


def test_too_few_stimuli_are_refused(scores):
    with pytest.raises(ValueError, match="9 rated stimuli, expected at least 10"):
        fit_semantic_space(scores.iloc[:9])


def test_too_few_pairs_are_refused(made):
    with pytest.raises(ValueError, match="5 usable pairs"):
        fit_semantic_space(made[0][:, :5])
    with pytest.raises(ValueError, match="2 usable pairs"):
        fit_semantic_space(made[0][:, :2])


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"rotation": "oblimin"}, "oblimin"),
        ({"rotation": "procrustes"}, "needs a target"),
        ({"target": np.ones((12, 2))}, "3 factors and a target of 2 axes"),
        ({"target": np.ones((11, 3))}, r"expected \(12, axes\)"),
        ({"target": pd.DataFrame(np.ones((2, 3)), index=["pair_1", "pair_2"])}, "no rows for the pairs"),
        ({"target": np.full((12, 3), np.nan)}, "0 pairs with a target"),
        ({"method": "centroid"}, "centroid"),
    ],
)
def test_what_does_not_fit_together_is_refused(made, keywords, message):
    with pytest.raises(ValueError, match=message):
        fit_semantic_space(made[0], **keywords)


def test_levels_are_not_taken_for_scores(scores):
    with pytest.raises(ValueError, match="level_scores"):
        fit_semantic_space(3 - 2 * scores)


def test_a_single_row_is_no_table():
    with pytest.raises(ValueError, match=r"\(stimuli, pairs\)"):
        fit_semantic_space(np.ones(4))


def test_repeated_labels_are_refused(scores):
    with pytest.raises(ValueError, match="repeated"):
        fit_semantic_space(pd.concat([scores, scores]))


def test_a_target_of_parallel_axes_gives_no_calibration(made):
    values, loadings, _ = made
    flat = loadings.copy()
    flat[:, 2] = flat[:, 0]
    fitted = fit_semantic_space(values, target=flat)
    assert fitted.gain.shape == (3, 0)
    with pytest.raises(ValueError, match="expected .*pleasure"):
        fitted.to_pad(values)


def test_a_stored_space_is_the_same_space(space, scores):
    text = space.to_json()
    again = SemanticSpace.from_json(text)
    assert again.to_json() == text
    assert again.hash == space.hash
    assert again.pairs == space.pairs
    assert again.congruence == space.congruence
    np.testing.assert_array_equal(again.to_pad(scores), space.to_pad(scores))


def test_a_space_without_target_or_kmo_can_be_stored(made):
    with pytest.warns(SingularCorrelationWarning):
        fitted = fit_semantic_space(made[0][:11])
    again = SemanticSpace.from_json(fitted.to_json())
    assert np.isnan(again.kmo)
    assert again.target.shape == (12, 0)
    assert np.isnan(again.congruence["factor_1"])
    assert again.hash == fitted.hash


def test_a_space_of_another_layout_is_refused(space):
    document = json.loads(space.to_json())
    del document["gain"]
    with pytest.raises(ValueError, match="materialise pad_space again"):
        SemanticSpace.from_json(json.dumps(document))


def test_the_hash_follows_the_fit_and_not_the_last_bits(space, scores):
    assert fit_semantic_space(scores).hash == space.hash
    assert fit_semantic_space(scores.iloc[1:]).hash != space.hash
    document = json.loads(space.to_json())
    document["kmo"] += 1e-13
    assert SemanticSpace.from_json(json.dumps(document)).hash == space.hash
    document["kmo"] += 1e-4
    assert SemanticSpace.from_json(json.dumps(document)).hash != space.hash


def test_a_space_cannot_be_changed(space):
    with pytest.raises(AttributeError):
        space.kmo = 1.0


def test_stimuli_can_be_forgotten(space, scores):
    """What the space gives for ratings does not change; it no longer says who they were or where they lay."""
    gone = np.arange(len(space.segments)) % 3 == 0
    kept = space.without_stimuli(gone)
    assert set(kept.segments) == {
        each for each, is_gone in zip(space.segments, gone, strict=True) if not is_gone
    }
    assert len(kept.scores) == len(kept.segments)
    assert space.segments[0] not in kept.to_json()
    np.testing.assert_array_equal(kept.to_pad(scores), space.to_pad(scores))
