"""Recognition of apparent expression on public faces, from training to figures, in one command.

Belongs here: which runs are made, and the figures that they give. Stays out: single runs
(``bench.recognition.trainings``), pixels (``bench.recognition.faces``), the page (``bench.recognition.page``).

Epochs and the logit shift are chosen on FER+ validation images; where performers are learned from, epochs are
fixed. No test image decides anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import softmax

from apexline.bench.paths import ROOT
from apexline.bench.recognition.comparison import (
    ON_FERPLUS,
    ON_ORIGINAL,
    ON_STILLS,
    peer_answers,
    peer_differences,
    peer_figures,
    questions,
)
from apexline.bench.recognition.figures import Rows, figure, interval, reliance
from apexline.bench.recognition.speed import training_speed
from apexline.bench.recognition.trainings import (
    ARMS,
    Arrays,
    Plan,
    Sets,
    ferplus_answers,
    merge_folds,
    original_rows,
    performers_answers,
    read_sets,
)
from apexline.ml import EMOTIONS, bootstrap_interval, paired_bootstrap
from apexline.ml.datasets import OBSERVED, ExpressionDataset, Split, ferplus_examples, strings
from apexline.ml.deepid import fit_temperature
from apexline.ml.evaluation import (
    expected_calibration_error,
    fit_logit_shift,
)

CACHE = ROOT / "data" / "bench" / "recognition"
_NUM_PROCESSES = 2
_HELD = [EMOTIONS.index(name) for name in OBSERVED]
_ON_THREE_POSED = "posed stills, held to three: posed"
_ON_THREE_OBSERVED = "posed stills, held to three: observers"
_METHODS = {"FER+": "read as FER+'s raters", "FER2013": "read as FER2013's labels"}
_TRAINED = ("baseline", "features")  # arms whose figures are shown


@dataclass(frozen=True, eq=False)
class Results:
    """Everything that the report shows."""

    plan: Plan
    figures: Rows
    calibration: Rows
    versions: Rows
    differences: Rows
    speed: Rows
    peers: Rows

    @property
    def tables(self) -> dict[str, Rows]:
        """All tables by their names."""
        return {
            "figures": self.figures,
            "calibration": self.calibration,
            "versions (Table 3)": self.versions,
            "paired differences": self.differences,
            "training speed": self.speed,
            "paired differences from peers": self.peers,
        }


def measure(data: Path, plan: Plan, cache: Path) -> Results:
    """Make the runs that are missing and gather all figures.

    Parameters
    ----------
    data : Path
        Folder of the benchmark data.
    plan : Plan
    cache : Path
        Where aligned faces and finished runs are kept; a broken benchmark goes on from there.
    """
    sets = read_sets(data, cache)
    with ProcessPoolExecutor(_NUM_PROCESSES, get_context("spawn")) as pool:
        begun = [pool.submit(ferplus_answers, data, plan, seed, cache) for seed in range(plan.seeds)]
        found: list[Arrays] = []
        adapted: dict[str, list[Future[Arrays]]] = {arm: [] for arm in ARMS}
        for seed, run in enumerate(begun):
            found.append(run.result())
            for fold, arm in product(range(plan.folds), ARMS):
                adapted[arm].append(pool.submit(performers_answers, data, plan, arm, seed, fold, cache))
        arms = {arm: [each.result() for each in runs] for arm, runs in adapted.items()}
    examples, split, _ = ferplus_examples(sets.ferplus, sets.ferplus_images, min_share=plan.min_share)
    asked, answers = questions(sets), peer_answers(data, sets, cache)
    return Results(
        plan=plan,
        figures=[
            *_ferplus_figures(sets, examples.targets[split.test], found),
            *peer_figures(asked, answers),
            *_untrained_figures(sets, found),
            *(row for arm in _TRAINED for row in _trained_figures(sets, arm, arms[arm])),
        ],
        calibration=_calibration(sets, examples, split, found),
        versions=[_version_row(sets, arm, found) for arm, found in arms.items()],
        differences=_differences(sets, arms),
        speed=training_speed(examples, plan.ferplus),
        peers=peer_differences(asked, _our_answers(sets, found, arms), answers),
    )


def _our_answers(
    sets: Sets, found: list[Arrays], arms: dict[str, list[Arrays]]
) -> Iterator[tuple[str, str, list[NDArray[Any]]]]:
    """Yield set, method and logits of each seed where peers answered for the same images."""
    for reading, method in _METHODS.items():
        yield ON_FERPLUS, method, [each[f"{reading} test"] for each in found]
    for on, name, weight in ((ON_ORIGINAL, "original test", 0.5), (ON_STILLS, "stills", 1.0)):
        for method, logits in _shifted(sets, found, name, balanced_weight=weight):
            yield on, method, logits
    for arm in _TRAINED:
        logits = merge_folds(sets, arms[arm], "logits")
        yield ON_STILLS, _trained_on_others(arm), [each[: len(sets.stills)] for each in logits]


def _ferplus_figures(sets: Sets, truth: NDArray[np.intp], found: list[Arrays]) -> Iterator[dict[str, Any]]:
    for reading, method in _METHODS.items():
        answers = [each[f"{reading} test"].argmax(axis=1) for each in found]
        wanted = {"wanted": ".90 / .80"} if reading == "FER+" else {}
        yield figure(ON_FERPLUS, method, answers, truth, **wanted)
    original = sets.ferplus.original[original_rows(sets.ferplus, "test")]
    for method, logits in _shifted(sets, found, "original test", balanced_weight=0.5):
        answers = [each.argmax(axis=1) for each in logits]
        yield figure(ON_ORIGINAL, method, answers, original, wanted="above fer")


def _calibration(sets: Sets, examples: ExpressionDataset, split: Split, found: list[Arrays]) -> Rows:
    """How far answers can be relied on: temperature from validation images, judged on test images; mean of seeds."""
    original = {fold: sets.ferplus.original[original_rows(sets.ferplus, fold)] for fold in ("valid", "test")}
    judged = (
        (
            "FER+",
            ON_FERPLUS,
            "",
            {fold: examples.targets[getattr(split, fold)] for fold in ("valid", "test")},
        ),
        ("FER2013", ON_ORIGINAL, "original ", original),
    )
    return [
        {
            "on": on,
            "method": _METHODS[reading],
            **pd.DataFrame([_reliance(each, f"{reading} {prefix}", truth) for each in found])
            .mean()
            .to_dict(),
            "wanted": "ECE .03 at most; half the error",
        }
        for reading, on, prefix, truth in judged
    ]


def _reliance(answers: Arrays, name: str, truth: dict[str, NDArray[np.intp]]) -> dict[str, float]:
    temperature = fit_temperature(answers[f"{name}valid"], np.eye(len(EMOTIONS))[truth["valid"]])
    logits = answers[f"{name}test"]
    right = logits.argmax(axis=1) == truth["test"]
    plain, scaled = (softmax(logits / t, axis=1).max(axis=1) for t in (1.0, temperature))
    return {
        "ECE, unscaled": expected_calibration_error(plain, right),
        **reliance(scaled, right),
    }


def _shifted(
    sets: Sets, found: list[Arrays], on: str, *, balanced_weight: float
) -> Iterator[tuple[str, list[NDArray[Any]]]]:
    """Yield logits of each reading as they are and with classes shifted to FER2013's labels of validation images."""
    truth = sets.ferplus.original[original_rows(sets.ferplus, "valid")]
    for reading, method in _METHODS.items():
        logits = [each[f"{reading} {on}"] for each in found]
        yield method, logits
        shifts = [
            fit_logit_shift(each[f"{reading} original valid"], truth, balanced_weight=balanced_weight)
            for each in found
        ]
        yield f"{method}, shifted", [each + shift for each, shift in zip(logits, shifts, strict=True)]


def _untrained_figures(sets: Sets, found: list[Arrays]) -> Iterator[dict[str, Any]]:
    posed, performers = _classes(sets.stills["emotion"]), strings(sets.stills["performer"])
    held, observed = _held_to_three(sets)
    people = _classes(sets.stills["observed"])[held]
    yield figure(_ON_THREE_POSED, "most observers", [people], posed[held])
    on_stills = _shifted(sets, found, "stills", balanced_weight=1.0)
    on_clips = _shifted(sets, found, "clips", balanced_weight=1.0)
    for (method, stills), (_, clips) in zip(on_stills, on_clips, strict=True):
        answers = [each.argmax(axis=1) for each in stills]
        yield figure(ON_STILLS, method, answers, posed, wanted=".74", **interval(answers, posed, performers))
        answers = [_three(each[held]) for each in stills]
        yield figure(_ON_THREE_POSED, method, answers, posed[held])
        yield figure(_ON_THREE_OBSERVED, method, answers, observed)
        yield from _segment_figures(sets, method, clips, wanted={})


def _trained_figures(sets: Sets, arm: str, found: list[Arrays]) -> Iterator[dict[str, Any]]:
    posed, performers = _classes(sets.stills["emotion"]), strings(sets.stills["performer"])
    logits = merge_folds(sets, found, "logits")
    stills = [each[: len(posed)] for each in logits]
    answers = [each.argmax(axis=1) for each in stills]
    method = _trained_on_others(arm)
    yield figure(ON_STILLS, method, answers, posed, wanted=".86", **interval(answers, posed, performers))
    held, observed = _held_to_three(sets)
    yield figure(_ON_THREE_OBSERVED, method, [_three(each[held]) for each in stills], observed)
    clips = [each[len(posed) :] for each in logits]
    yield from _segment_figures(sets, method, clips, wanted={"macro": ".90", "all": ".80"})


def _trained_on_others(arm: str) -> str:
    return f"trained on other performers, {arm}"


def _segment_figures(
    sets: Sets, method: str, logits: list[NDArray[np.float32]], *, wanted: dict[str, str]
) -> Iterator[dict[str, Any]]:
    """Apexes of clips, held to the three classes that they can show."""
    truth = _classes(sets.segments["emotion"])
    performers = strings(sets.segments["performer"])
    for kind in ("macro", "micro", "all"):
        rows = np.flatnonzero((sets.segments["kind"] == kind) | (kind == "all"))
        answers = [_three(each[rows]) for each in logits]
        yield figure(
            f"apexes of clips, {kind}, held to three",
            method,
            answers,
            truth[rows],
            wanted=wanted.get(kind, ""),
            **interval(answers, truth[rows], performers[rows]),
        )


def _version_row(sets: Sets, arm: str, found: list[Arrays]) -> dict[str, Any]:
    """Table 3: four answers allowed; recognition is the class, classification goes through PAD (eq. 27)."""
    truth, performers = _all_truth(sets)
    clips = np.arange(len(truth)) >= len(sets.stills)
    row: dict[str, Any] = {"version": arm}
    for name, answers in (
        ("recognition", [each.argmax(axis=1) for each in merge_folds(sets, found, "logits")]),
        ("classification", merge_folds(sets, found, "mapped")),
    ):
        right = np.mean([each == truth for each in answers], axis=0)
        for where, rows in (("apexes", clips), ("stills", ~clips)):
            low, high = bootstrap_interval(right[rows], performers[rows])
            row[f"{where}, {name}"] = float(right[rows].mean())
            row[f"{where}, {name}, 95 %"] = f"{low:.3f}..{high:.3f}"
    return row


def _differences(sets: Sets, arms: dict[str, list[Arrays]]) -> Rows:
    """Paired differences of the arms on apexes, mean over seeds, performers resampled."""
    truth, performers = _all_truth(sets)
    clips = np.arange(len(truth)) >= len(sets.stills)
    right = {
        arm: np.mean([logits.argmax(axis=1) == truth for logits in merged], axis=0)[clips]
        for arm, merged in ((arm, merge_folds(sets, found, "logits")) for arm, found in arms.items())
    }
    pairs = (
        ("features", "baseline"),
        ("features", "shuffled features"),
        ("semantic", "features"),
        ("semantic", "random anchors"),
        ("semantic", "baseline"),
    )
    rows: Rows = []
    for first, second in pairs:
        found = paired_bootstrap(right[first], right[second], performers[clips])
        rows.append(
            {
                "difference on apexes": f"{first} - {second}",
                "mean": found.difference,
                "95 %": f"{found.low:+.3f}..{found.high:+.3f}",
                "real": "yes" if found.low > 0 or found.high < 0 else "no",
            }
        )
    return rows


def _all_truth(sets: Sets) -> tuple[NDArray[np.intp], NDArray[np.str_]]:
    """Class and performer of stills, then of segments."""
    both = pd.concat([sets.stills[["emotion", "performer"]], sets.segments[["emotion", "performer"]]])
    return _classes(both["emotion"]), strings(both["performer"])


def _held_to_three(sets: Sets) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Stills that pose one of the three classes that observers could name, and what most of them named."""
    rows = np.flatnonzero(sets.stills["emotion"].isin(OBSERVED))
    return rows, _classes(sets.stills["observed"])[rows]


def _three(logits: NDArray[np.float32]) -> NDArray[np.intp]:
    return np.asarray(_HELD)[logits[:, _HELD].argmax(axis=1)]


def _classes(emotions: pd.Series) -> NDArray[np.intp]:
    return np.array([EMOTIONS.index(name) for name in emotions])
