"""The forest scores as the library that learned it, and the choice takes the best first."""

import numpy as np
import pytest
from scipy.special import logit
from sklearn.ensemble import GradientBoostingClassifier

from apexline.features.spotting import scorer
from apexline.features.spotting.candidates import Candidate, describe, description_names, find_candidates
from apexline.features.spotting.evidence import gather
from apexline.features.spotting.scorer import Forest, choose, shipped_forest
from tests.features.spotting.changes import smiling


def forest_of(learned: GradientBoostingClassifier, prior: float) -> Forest:
    """Take over the trees of a classifier whose first guess is the prior."""
    trees = [each.tree_ for each in learned.estimators_[:, 0]]
    roots = np.cumsum([0, *(tree.node_count for tree in trees[:-1])])

    def joined(name):
        return np.concatenate([getattr(tree, name) for tree in trees])

    own = np.arange(sum(tree.node_count for tree in trees))
    start = np.repeat(roots, [tree.node_count for tree in trees])
    leaf = joined("children_left") < 0
    return Forest(
        roots=roots.astype(np.int32),
        feature=np.where(leaf, -1, joined("feature")).astype(np.int32),
        threshold=joined("threshold"),
        left=np.where(leaf, own, start + joined("children_left")).astype(np.int32),
        right=np.where(leaf, own, start + joined("children_right")).astype(np.int32),
        value=np.where(leaf, learned.learning_rate * joined("value")[:, 0, 0], 0.0),
        base=np.array(logit(prior)),
    )


@pytest.fixture
def made(rng):
    # values that single precision holds: the library's trees compare in it
    described = rng.normal(size=(300, 4)).astype(np.float32).astype(np.float64)
    counts = (described[:, 0] + described[:, 1] * described[:, 2] > 0.3).astype(int)
    learned = GradientBoostingClassifier(n_estimators=12, max_depth=3, random_state=0).fit(described, counts)
    return learned, forest_of(learned, counts.mean()), described


def test_it_equals_the_classifier_that_it_was_taken_from(made):
    learned, forest, described = made
    expected = learned.predict_proba(described)[:, 1]
    assert np.ptp(expected) > 0.5
    np.testing.assert_allclose(forest(described), expected, atol=1e-9)
    assert forest(described[:0]).shape == (0,)


def test_what_is_saved_scores_the_same(made, tmp_path):
    _, forest, described = made
    forest.save(tmp_path / "forest.npz")
    np.testing.assert_array_equal(Forest.load(tmp_path / "forest.npz")(described), forest(described))
    with np.load(tmp_path / "forest.npz", allow_pickle=False) as stored:
        assert sorted(stored.files) == sorted(vars(forest))


def test_the_shipped_forest_reads_the_columns_that_are_described():
    evidence = gather(smiling())
    forest = shipped_forest()
    assert forest.feature.max() < len(description_names(evidence))
    scores = forest(describe(evidence, find_candidates(evidence)))
    assert ((scores > 0) & (scores < 1)).all()


def test_a_missing_forest_says_how_to_make_it(monkeypatch, tmp_path):
    monkeypatch.setattr(scorer, "SHIPPED_FOREST", tmp_path / "forest.npz")
    shipped_forest.cache_clear()
    with pytest.raises(FileNotFoundError, match=r"forest\.npz is missing; .*apexline\.bench\.line\.learn"):
        shipped_forest()


def test_the_best_is_chosen_first_and_nothing_beside_it_that_shares_a_frame():
    candidates = [Candidate(0, 5, 10), Candidate(5, 8, 20), Candidate(10, 12, 15), Candidate(30, 31, 40)]
    assert choose(candidates, np.array([0.6, 0.9, 0.8, 0.5]), least=0.5) == [1, 3]
    assert choose(candidates, np.array([0.9, 0.6, 0.8, 0.5]), least=0.55) == [0]
    assert choose(candidates, np.full(4, 0.1), least=0.5) == []
    assert choose([], np.zeros(0), least=0.5) == []


def test_chosen_ones_never_overlap_and_whatever_was_left_meets_a_better_one(rng):
    for _ in range(50):
        bounds = np.sort(rng.integers(0, 60, (20, 3)), axis=1)
        candidates = [Candidate(*row) for row in bounds.tolist()]
        scores = rng.random(20)
        chosen = choose(candidates, scores, least=0.2)
        taken = [candidates[each] for each in chosen]
        assert all(one.offset < other.onset for one, other in zip(taken, taken[1:], strict=False))
        for k in set(range(20)) - set(chosen):
            better = [each for each in chosen if scores[each] >= scores[k]]
            meets = any(
                candidates[each].onset <= candidates[k].offset
                and candidates[k].onset <= candidates[each].offset
                for each in better
            )
            assert scores[k] < 0.2 or meets
