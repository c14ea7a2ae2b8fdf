"""Other packages on the same images, and how far our answers lie from theirs.

Belongs here: asking the peers, their figures, paired differences. Stays out: the peers' own scripts (``bench.peers``)
and our answers (``bench.recognition.run``). Of a peer's words only the four classes count, the most probable of them.

Photographs go through the peer's own detector; the largest face counts, and where none is found the whole image is
taken for one. FER2013's images are faces as they are.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from apexline.bench.paths import ROOT
from apexline.bench.peers import PEERS, Peer
from apexline.bench.recognition.faces import cached, digest
from apexline.bench.recognition.figures import Rows, figure, interval
from apexline.bench.recognition.trainings import Arrays, Sets
from apexline.ml import EMOTIONS, paired_bootstrap
from apexline.ml.datasets import strings

ON_FERPLUS = "FER+ test, majority vote"
ON_ORIGINAL = "FER2013 test, original labels"
ON_STILLS = "posed stills"

Answers = Mapping[str, Arrays | None]


@dataclass(frozen=True, eq=False)
class Question:
    """Images that everybody answers for.

    Parameters
    ----------
    truth : ndarray, shape (N,), int
        Index into `EMOTIONS`.
    groups : ndarray, shape (N,), str
        What intervals resample: performers, or copies of one image.
    asked : {"test", "stills"}
        Images that peers were shown, of which these are some: FER2013's test fold, or the stills.
    rows : ndarray, shape (N,), int
        Which of those.
    """

    truth: NDArray[np.intp]
    groups: NDArray[np.str_]
    asked: Literal["test", "stills"]
    rows: NDArray[np.intp]


def questions(sets: Sets) -> dict[str, Question]:
    """What is asked, by the name of the set in the tables; images of each in the order of our answers."""
    test = _test_fold(sets)
    found: dict[str, Question] = {}
    for name, labels in ((ON_FERPLUS, sets.ferplus.majority), (ON_ORIGINAL, sets.ferplus.original)):
        rows = np.flatnonzero(labels[test] >= 0)
        found[name] = Question(labels[test[rows]], sets.ferplus.groups[test[rows]], "test", rows)
    posed = np.array([EMOTIONS.index(each) for each in sets.stills["emotion"]])
    found[ON_STILLS] = Question(posed, strings(sets.stills["performer"]), "stills", np.arange(len(posed)))
    return found


def peer_answers(
    data: Path, sets: Sets, cache: Path, peers: Iterable[Peer] = PEERS
) -> dict[str, Arrays | None]:
    """Ask each peer, or take the answers that are there.

    Returns
    -------
    answers : dict
        By the peer's name: scores of the four classes, shape (K, 4), for ``test`` and ``stills``, and ``found``, shape
        (number of stills,), whether its detector found a face; None where it is not installed and has not answered.

    Raises
    ------
    RuntimeError
        If a peer's program fails.
    """
    return {peer.name: _answers_of(peer, data, sets, cache) for peer in peers}


def peer_figures(asked: Mapping[str, Question], answers: Answers) -> Iterator[dict[str, Any]]:
    """Yield a row for each set and peer."""
    for on, question in asked.items():
        for peer, scores in answers.items():
            if scores is None:
                yield {"on": on, "method": f"{peer}: not installed, run `make peers-env`"}
                continue
            chosen = [scores[question.asked][question.rows].argmax(axis=1)]
            more: dict[str, Any] = {}
            if question.asked == "stills":
                more = {
                    **interval(chosen, question.truth, question.groups),
                    "faces found": float(scores["found"].mean()),
                }
            yield figure(on, peer, chosen, question.truth, **more)


def peer_differences(
    asked: Mapping[str, Question],
    ours: Iterable[tuple[str, str, list[NDArray[Any]]]],
    answers: Answers,
) -> Rows:
    """Paired differences of each of our methods and each peer that answered.

    Parameters
    ----------
    asked : mapping of str to Question
    ours : iterable of (set, method, logits)
        Logits of each seed, shape (N, 4); right answers are averaged over seeds.
    answers : mapping
        As `peer_answers` gives them.
    """
    rows: Rows = []
    for on, method, logits in ours:
        question = asked[on]
        right = np.mean([each.argmax(axis=1) == question.truth for each in logits], axis=0)
        for peer, scores in answers.items():
            if scores is None:
                continue
            theirs = scores[question.asked][question.rows].argmax(axis=1) == question.truth
            row: dict[str, Any] = {"on": on, "ours": method, "peer": peer}
            above = True
            for name, weights in (("accuracy", np.ones(len(right))), ("balanced", _alike(question.truth))):
                found = paired_bootstrap(weights * right, weights * theirs, question.groups)
                row[name] = found.difference
                row[f"{name}, 95 %"] = f"{found.low:+.3f}..{found.high:+.3f}"
                above &= found.wins
            rows.append({**row, "above": "yes" if above else "no"})
    return rows


def _alike(truth: NDArray[np.intp]) -> NDArray[np.float64]:
    """Weights of images by which a mean of right answers is balanced accuracy, shape (N,)."""
    _, which, sizes = np.unique(truth, return_inverse=True, return_counts=True)
    return len(truth) / (len(sizes) * sizes[which])


def _test_fold(sets: Sets) -> NDArray[np.intp]:
    return np.flatnonzero(sets.ferplus.folds == "test")


def _answers_of(peer: Peer, data: Path, sets: Sets, cache: Path) -> Arrays | None:
    labels, images = data / "ferplus" / "labels.csv", data / "ferplus" / "images.npz"
    stills = data / "posed_stills"
    read = (ROOT / peer.command[-1], labels, images, stills / "ratings.csv")
    name = f"{peer.target.removesuffix('-env')}-{digest(peer.name, *read)}"

    def make() -> Arrays:
        with np.load(images, allow_pickle=False) as stored:
            faces = np.repeat(stored["images"][_test_fold(sets)][..., None], 3, axis=-1)  # grey as RGB
        photographs = [cv2.imread(str(stills / each)) for each in sets.stills["image"]]
        on_stills = _ask(
            peer, np.stack([cv2.cvtColor(each, cv2.COLOR_BGR2RGB) for each in photographs]), "photographs"
        )
        return {
            "test": _ask(peer, faces, "faces")["scores"],
            "stills": on_stills["scores"],
            "found": on_stills["found"],
        }

    if not peer.installed.exists() and not (cache / f"{name}.npz").exists():
        return None
    return cached(cache, name, make)


def _ask(peer: Peer, images: NDArray[np.uint8], kind: str) -> Arrays:
    """Run the peer's script on images, shape (N, M, M, 3), RGB."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "images.npy"
        np.save(path, images)
        run = subprocess.run(
            [*peer.command, str(path), kind], capture_output=True, text=True, check=False, cwd=ROOT
        )
    if run.returncode:
        said = run.stderr[-2000:]
        msg = f"{peer.name} ended with {run.returncode}; make its environment by `make {peer.target}`. It said: {said}"
        raise RuntimeError(msg)
    return {key: np.asarray(values) for key, values in json.loads(run.stdout.splitlines()[-1]).items()}
