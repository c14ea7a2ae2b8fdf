"""``python -m apexline.bench.line.learn``: learn the forest that spots by default.

Belongs here: examples, folds by people, the fit. Stays out: what a candidate looks like (``features.spotting``) and
measuring (``bench.line.measure``).
"""

from __future__ import annotations

import argparse
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import GradientBoostingClassifier

from apexline.bench.line.clips import UNDECIDED, Truth, overlap, read_clips
from apexline.bench.line.faces import LineFace, see_faces, see_versions
from apexline.bench.line.versions import versioned
from apexline.features.spotting import (
    SHIPPED_FOREST,
    Forest,
    TrackCurves,
    describe,
    description_names,
    find_candidates,
    gather,
)
from apexline.ml.spotting_metrics import MICRO_S

NUM_FOLDS = 10
_SEEDS = 4
_TREES = {
    "n_estimators": 150,
    "learning_rate": 0.06,
    "max_leaf_nodes": 8,
    "min_samples_leaf": 15,
    "max_features": 0.3,
    "subsample": 0.6,
}
# Weight of all candidates of a source together: one face filmed counts as much as one made.
LEARNED = {"real": 1.0, "morphed": 0.5}
_MATCH = 0.5
# Brief changes have few candidates, and few of the annotated ones are brief.
_BRIEF_WEIGHT = 2.0


class Examples(NamedTuple):
    """Candidates of some faces: description (N, F), best overlap with truth (N,), weight (N,)."""

    described: NDArray[np.float64]
    overlap: NDArray[np.float64]
    weight: NDArray[np.float64]


def fit_forest(faces: Sequence[LineFace], *, blind_to: Sequence[str] = ()) -> Forest:
    """Learn which candidates of these faces are expressions.

    Parameters
    ----------
    faces : sequence of LineFace
    blind_to : sequence of str
        Beginnings of the names of columns that are not looked at (`features.spotting.description_names`).
    """
    learned = [face for face in faces if face.clip.source in LEARNED and face.stretches]
    parts = [_examples(face) for face in learned]
    weights = np.concatenate([part.weight for part in parts])
    sources = np.repeat([face.clip.source for face in learned], [len(part.weight) for part in parts])
    for source, share in LEARNED.items():
        own = sources == source
        weights[own] *= share * weights.size / max(weights[own].sum(), 1e-12)
    described = np.concatenate([part.described for part in parts])
    evidence = gather(learned[0].stretches[0])
    hidden = [name.startswith(tuple(blind_to)) for name in description_names(evidence)]
    described[:, hidden] = 0.0  # no tree splits where all are alike
    overlap = np.concatenate([part.overlap for part in parts])
    fitted = [
        GradientBoostingClassifier(**_TREES, random_state=seed).fit(
            described, overlap >= _MATCH, sample_weight=weights
        )
        for seed in range(_SEEDS)
    ]
    return _forest(fitted)


def folds_of(faces: Sequence[LineFace], *, seed: int = 0) -> NDArray[np.intp]:
    """Deal people into folds, those of one clip together; return the fold of each face's person, shape (N,)."""
    group = _groups({face.face.person for face in faces})
    names = sorted(set(group.values()))
    dealt = dict(zip(np.random.default_rng(seed).permutation(names).tolist(), range(len(names)), strict=True))
    return np.array([dealt[group[face.face.person]] % NUM_FOLDS for face in faces])


def _groups(filmed: Collection[str]) -> dict[str, str]:
    """Name for the people of each clip, "a b", the group of all whom clips join to them."""
    groups: list[frozenset[str]] = []
    for people in map(str.split, sorted(filmed)):
        known = [each for each in groups if not each.isdisjoint(people)]
        groups = [*(each for each in groups if each not in known), frozenset(people).union(*known)]
    return {
        one: " ".join(sorted(each)) for one in filmed for each in groups if not each.isdisjoint(one.split())
    }


def _examples(face: LineFace) -> Examples:
    parts = [_of_stretch(face, curves) for curves in face.stretches]
    return Examples(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def _of_stretch(face: LineFace, curves: TrackCurves) -> Examples:
    evidence = gather(curves)
    candidates = find_candidates(evidence)
    spans = [(int(curves.frames[each.onset]), int(curves.frames[each.offset])) for each in candidates]
    undecided = face.within(UNDECIDED)
    best = np.array([_best(span, face.face.truth) for span in spans])
    brief = [each for each in face.face.truth if (each.offset - each.onset) / face.clip.fps <= MICRO_S]
    # A candidate that half overlaps teaches little either way.
    weight = np.clip(4 * np.abs(best - _MATCH), 0.1, 1.0)
    weight[[_best(span, brief) >= _MATCH for span in spans]] *= _BRIEF_WEIGHT
    weight *= np.array([undecided[first : last + 1].mean() < _MATCH for first, last in spans], float)
    return Examples(describe(evidence, candidates), best, weight)


def _best(span: tuple[int, int], truth: Sequence[Truth]) -> float:
    return max((overlap(span, (each.onset, each.offset)) for each in truth), default=0.0)


def _forest(fitted: Sequence[GradientBoostingClassifier]) -> Forest:
    """Trees of several classifiers as one forest: the mean of their log odds."""
    names = ("feature", "threshold", "left", "right", "value")
    columns: dict[str, list[NDArray[np.generic]]] = {name: [] for name in names}
    roots: list[int] = []
    start, share = 0, 1 / len(fitted)
    for each in fitted:
        for tree in (estimator.tree_ for estimator in each.estimators_[:, 0]):
            own = np.arange(tree.node_count) + start
            leaf = tree.children_left < 0
            roots.append(start)
            columns["feature"].append(np.where(leaf, -1, tree.feature))
            columns["threshold"].append(np.where(leaf, 0.0, tree.threshold))
            columns["left"].append(np.where(leaf, own, tree.children_left + start))
            columns["right"].append(np.where(leaf, own, tree.children_right + start))
            columns["value"].append(np.where(leaf, tree.value[:, 0, 0] * each.learning_rate * share, 0.0))
            start += tree.node_count
    priors = np.array([each.init_.class_prior_[1] for each in fitted])
    feature, threshold, left, right, value = (np.concatenate(each) for each in columns.values())
    whole = np.int32
    return Forest(
        roots=np.array(roots, whole),
        feature=feature.astype(whole),
        threshold=threshold,
        left=left.astype(whole),
        right=right.astype(whole),
        value=value,
        base=np.log(priors / (1 - priors)).mean(),
    )


def main() -> None:
    """Parse arguments, learn from all annotated clips, write the forest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, default=Path("../shared/data"), help="folder of the benchmark data"
    )
    parser.add_argument("--out", type=Path, default=SHIPPED_FOREST, help="file of the forest")
    given = parser.parse_args()
    clips = [clip for clip in read_clips(given.data) if clip.source in LEARNED]
    versions = see_versions(versioned(clips)).values()
    forest = fit_forest([*see_faces(clips), *(face for faces in versions for face in faces)])
    forest.save(given.out)
    print(f"{given.out}: {len(forest.roots)} trees, {len(forest.feature)} nodes")


if __name__ == "__main__":
    main()
