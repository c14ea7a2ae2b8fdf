"""Code of the project's own beside factor_analyzer: the same numbers."""

import numpy as np
import pytest

from apexline.ml.semantic_space import factoring


def scores(seed, *, stimuli=120, pairs=14, factors=3):
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(stimuli, factors)) @ rng.normal(size=(factors, pairs))
    return common + rng.normal(size=(stimuli, pairs))


@pytest.fixture
def both(monkeypatch):
    """Give what a function returns by factor_analyzer, and by the project's own code."""

    def ask(function):
        peer = function()
        with monkeypatch.context() as patch:
            patch.setattr(factoring, "HAS_FACTOR_ANALYZER", False)
            return peer, function()

    return ask


def signed(loadings):
    """A column's sign is free."""
    return loadings * np.sign(loadings[np.abs(loadings).argmax(axis=0), range(loadings.shape[1])])


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("method", ["minres", "principal"])
def test_loadings_are_equal(both, seed, method):
    table = scores(seed)
    normalised = (table - table.mean(axis=0)) / table.std(axis=0)
    correlation = np.corrcoef(table, rowvar=False)
    peer, own = both(lambda: factoring.extract_loadings(normalised, correlation, n_factors=3, method=method))
    np.testing.assert_allclose(signed(own), signed(peer), atol=2e-3)


@pytest.mark.parametrize("seed", range(4))
def test_rotated_loadings_are_equal(both, seed):
    table = scores(seed)
    correlation = np.corrcoef(table, rowvar=False)
    peer, own = both(lambda: factoring.extract_loadings(table, correlation, n_factors=3, rotation="varimax"))
    order = [np.abs(own.T @ column).argmax() for column in peer.T]
    np.testing.assert_allclose(signed(own[:, order]), signed(peer), atol=5e-3)


@pytest.mark.parametrize("seed", range(4))
def test_measures_of_adequacy_are_equal(both, seed):
    table = scores(seed)
    (peer, peer_each), (own, own_each) = both(lambda: factoring.kmo(table))
    assert own == pytest.approx(peer, abs=1e-9)
    np.testing.assert_allclose(own_each, peer_each, atol=1e-9)
    noise = np.random.default_rng(seed).normal(size=(60, 8))
    for each in (table, noise):
        peer_p, own_p = both(lambda each=each: factoring.bartlett_p(each))
        assert own_p == pytest.approx(peer_p, rel=1e-6, abs=1e-300)


def test_maximum_likelihood_is_said_to_be_missing(both, monkeypatch):
    monkeypatch.setattr(factoring, "HAS_FACTOR_ANALYZER", False)
    table = scores(0)
    with pytest.raises(ValueError, match="install factor_analyzer"):
        factoring.extract_loadings(table, np.corrcoef(table, rowvar=False), n_factors=3, method="ml")
