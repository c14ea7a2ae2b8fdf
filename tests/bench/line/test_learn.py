"""Nobody is in two folds, what could not be decided teaches nothing, and the forest is what scikit-learn fitted."""

import numpy as np
import pytest
from scipy.special import expit
from sklearn.ensemble import GradientBoostingClassifier

from apexline.bench.line import learn
from apexline.bench.line.clips import Distractor, Truth
from apexline.bench.line.learn import NUM_FOLDS, fit_forest, folds_of, overlap
from tests.bench.line.made_faces import make_face, make_smiling


@pytest.fixture
def fits(monkeypatch):
    """Every classifier that was fitted, with its examples, labels and weights; trees are few."""
    kept = []

    class Recorded(GradientBoostingClassifier):
        def fit(self, described, label, *, sample_weight):
            kept.append((self, described, label, sample_weight))
            return super().fit(described, label, sample_weight=sample_weight)

    monkeypatch.setattr(learn, "GradientBoostingClassifier", Recorded)
    monkeypatch.setitem(learn._TREES, "n_estimators", 6)
    return kept


@pytest.fixture
def people():
    return [make_smiling(f"p{k}", 30 + 5 * k) for k in range(8)]


def test_a_person_is_in_one_fold_and_folds_are_of_like_size():
    faces = [make_face(f"p{k % 25}", source=source) for source in ("real", "morphed") for k in range(40)]
    folds = folds_of(faces)
    of_person = {face.face.person: set() for face in faces}
    for face, fold in zip(faces, folds.tolist(), strict=True):
        of_person[face.face.person].add(fold)
    assert {len(each) for each in of_person.values()} == {1}
    sizes = np.bincount([fold for each in of_person.values() for fold in each], minlength=NUM_FOLDS)
    assert sizes.size == NUM_FOLDS
    assert np.ptp(sizes) <= 1


def test_people_filmed_together_share_a_fold_with_their_other_clips():
    names = ["a", "a b", "b c", "d", *(f"p{k}" for k in range(20))]
    for seed in range(20):
        folds = folds_of([make_face(name) for name in names], seed=seed)
        assert len(set(folds[:3].tolist())) == 1


def test_folds_do_not_depend_on_the_order_of_faces():
    faces = [make_face(f"p{k}") for k in range(30)]
    assert folds_of(faces[::-1]).tolist() == folds_of(faces)[::-1].tolist()


@pytest.mark.parametrize(
    ("other", "share"),
    [((10, 19), 1.0), ((15, 24), 5 / 15), ((19, 30), 1 / 21), ((20, 30), 0.0), ((12, 13), 0.2)],
)
def test_overlap_counts_both_ends(other, share):
    assert overlap((10, 19), other) == overlap(other, (10, 19)) == pytest.approx(share)


def test_the_forest_gives_the_mean_log_odds_of_its_classifiers(fits, people):
    forest = fit_forest(people)
    assert len(fits) == len(forest.roots) // 6 == 4
    # in single precision, in which the library's trees compare
    described = fits[0][1].astype(np.float32).astype(np.float64)
    odds = np.array([each.decision_function(described) for each, *_ in fits])
    assert np.ptp(odds, axis=0).max() > 1e-3
    assert np.ptp(odds, axis=1).min() > 0.5
    np.testing.assert_allclose(forest(described), expit(odds.mean(axis=0)), atol=1e-9)


def test_undecided_candidates_weigh_nothing(fits, people):
    half = Distractor("ignore", 0, 149)
    fit_forest([*people, make_smiling("q", distractors=[half])])
    _, _, label, weight = fits[0]
    own = learn._examples(make_smiling("q")).weight.size
    assert own > 0
    assert (weight[-own:] == 0).all()
    assert label[-own:].any()
    assert (weight[:-own] > 0).all()


@pytest.mark.parametrize(("kind", "counts"), [("ignore", False), ("noface", False), ("talk", True)])
def test_only_candidates_mostly_inside_the_undecided_span_are_left_out(kind, counts):
    face = make_smiling("q", distractors=[Distractor(kind, 50, 90)])
    plain = learn._examples(make_smiling("q"))
    told = learn._examples(face)
    on_change = plain.overlap >= 0.5
    assert on_change.any()
    assert (~on_change).any()
    np.testing.assert_array_equal(told.weight[on_change] > 0, counts)
    beside = plain.overlap == 0
    np.testing.assert_array_equal(told.weight[beside], plain.weight[beside])


def test_a_candidate_that_half_overlaps_weighs_a_tenth(people):
    of_face = learn._examples(people[0])
    expected = np.clip(4 * abs(of_face.overlap - 0.5), 0.1, 1)
    np.testing.assert_allclose(of_face.weight, expected)
    assert of_face.weight.max() == 1.0


def test_made_faces_weigh_half_of_filmed_ones_and_scenes_teach_nothing(fits, people):
    made = [make_smiling(f"m{k}", 40 + k, source="morphed") for k in range(3)]
    scene = make_smiling("s", source="scenes")
    untracked = make_face("u", [Truth(0, 5, 9, "happy")])
    fit_forest([*people, scene, untracked, *made])
    weight = fits[0][3]
    filmed = sum(learn._examples(face).weight.size for face in people)
    assert weight.size == filmed + sum(learn._examples(face).weight.size for face in made)
    assert weight[filmed:].sum() == pytest.approx(0.5 * weight[:filmed].sum())
