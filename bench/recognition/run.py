"""Recognition of apparent expression on public faces, from training to figures, in one command.

Belongs here: which runs are made, and the figures that they give. Stays out: single runs
(``bench.recognition.trainings``), pixels (``bench.recognition.faces``), the page (``bench.recognition.page``).

Epochs and the logit shift are chosen on FER+ validation images; where performers are learned from, epochs are
fixed. No test image decides anything.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import softmax

from apexline.bench.paths import ROOT
from apexline.bench.peers import FER_PYTHON
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
    balanced_accuracy,
    expected_calibration_error,
    fit_logit_shift,
    risk_at_coverage,
)

Rows = list[dict[str, Any]]

CACHE = ROOT / "data" / "bench" / "recognition"
_NUM_PROCESSES = 2
_HELD = [EMOTIONS.index(name) for name in OBSERVED]
_ON_FERPLUS = "FER+ test, majority vote"
_ON_ORIGINAL = "FER2013 test, original labels"
_ON_STILLS = "posed stills"
_ON_THREE_POSED = "posed stills, held to three: posed"
_ON_THREE_OBSERVED = "posed stills, held to three: observers"
_METHODS = {"FER+": "read as FER+'s raters", "FER2013": "read as FER2013's labels"}
_PEER = "fer 25.10.3"
_COVERAGE = 0.8


@dataclass(frozen=True, eq=False)
class Results:
    """Everything that the report shows."""

    plan: Plan
    figures: Rows
    calibration: Rows
    versions: Rows
    differences: Rows
    speed: Rows

    @property
    def tables(self) -> dict[str, Rows]:
        """All tables by their names."""
        return {
            "figures": self.figures,
            "calibration": self.calibration,
            "versions (Table 3)": self.versions,
            "paired differences": self.differences,
            "training speed": self.speed,
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
    return Results(
        plan=plan,
        figures=[
            *_ferplus_figures(sets, examples.targets[split.test], found),
            *_peer_figures(data, sets),
            *_untrained_figures(sets, found),
            *(row for arm in ("baseline", "features") for row in _trained_figures(sets, arm, arms[arm])),
        ],
        calibration=_calibration(sets, examples, split, found),
        versions=[_version_row(sets, arm, found) for arm, found in arms.items()],
        differences=_differences(sets, arms),
        speed=training_speed(examples, plan.ferplus),
    )


def _figure(
    on: str, method: str, answers: list[NDArray[np.intp]], truth: NDArray[Any], **more: Any
) -> dict[str, Any]:
    """Mean over seeds, and the least and largest of them."""
    accuracy = [float((each == truth).mean()) for each in answers]
    balanced = [balanced_accuracy(each, truth) for each in answers]
    return {
        "on": on,
        "method": method,
        "images": len(truth),
        "accuracy": float(np.mean(accuracy)),
        "balanced": float(np.mean(balanced)),
        "seeds": len(answers),
        "accuracy, least..largest": f"{min(accuracy):.3f}..{max(accuracy):.3f}",
        "balanced, least..largest": f"{min(balanced):.3f}..{max(balanced):.3f}",
        **more,
    }


def _ferplus_figures(sets: Sets, truth: NDArray[np.intp], found: list[Arrays]) -> Iterator[dict[str, Any]]:
    for reading, method in _METHODS.items():
        answers = [each[f"{reading} test"].argmax(axis=1) for each in found]
        wanted = {"wanted": ".90 / .80"} if reading == "FER+" else {}
        yield _figure(_ON_FERPLUS, method, answers, truth, **wanted)
    original = sets.ferplus.original[original_rows(sets.ferplus, "test")]
    for method, logits in _shifted(sets, found, "original test", balanced_weight=0.5):
        answers = [each.argmax(axis=1) for each in logits]
        yield _figure(_ON_ORIGINAL, method, answers, original, wanted="above fer")


def _calibration(sets: Sets, examples: ExpressionDataset, split: Split, found: list[Arrays]) -> Rows:
    """How far answers can be relied on: temperature from validation images, judged on test images; mean of seeds."""
    original = {fold: sets.ferplus.original[original_rows(sets.ferplus, fold)] for fold in ("valid", "test")}
    judged = (
        (
            "FER+",
            _ON_FERPLUS,
            "",
            {fold: examples.targets[getattr(split, fold)] for fold in ("valid", "test")},
        ),
        ("FER2013", _ON_ORIGINAL, "original ", original),
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
        "ECE": expected_calibration_error(scaled, right),
        "error, all answered": float(1 - right.mean()),
        "error, 80 % answered": risk_at_coverage(scaled, right, coverage=_COVERAGE),
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


def _peer_figures(data: Path, sets: Sets) -> Iterator[dict[str, Any]]:
    rows = original_rows(sets.ferplus, "test")
    posed = _classes(sets.stills["emotion"])
    on = (_ON_ORIGINAL, _ON_STILLS)
    if not FER_PYTHON.exists():
        for name in on:
            yield {"on": name, "method": f"{_PEER}: not installed, run `make fer-env`"}
        return
    paths = [str((data / "posed_stills" / name).resolve()) for name in sets.stills["image"]]
    with TemporaryDirectory() as folder:
        faces = Path(folder) / "faces.npz"
        with np.load(data / "ferplus" / "images.npz", allow_pickle=False) as stored:
            np.savez(faces, images=stored["images"][rows])
        requests = "".join(json.dumps(each) + "\n" for each in ({"npz": str(faces)}, {"paths": paths}))
        printed = subprocess.run(
            [str(FER_PYTHON), "bench/peers/fer_images.py"],
            input=requests,
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
        ).stdout
    answers = [
        np.asarray(json.loads(line)["answers"]) for line in printed.splitlines() if line.startswith("{")
    ]
    yield _figure(on[0], _PEER, [answers[0]], sets.ferplus.original[rows])
    yield _figure(on[1], _PEER, [answers[1]], posed)


def _untrained_figures(sets: Sets, found: list[Arrays]) -> Iterator[dict[str, Any]]:
    posed, performers = _classes(sets.stills["emotion"]), strings(sets.stills["performer"])
    held, observed = _held_to_three(sets)
    people = _classes(sets.stills["observed"])[held]
    yield _figure(_ON_THREE_POSED, "most observers", [people], posed[held])
    on_stills = _shifted(sets, found, "stills", balanced_weight=1.0)
    on_clips = _shifted(sets, found, "clips", balanced_weight=1.0)
    for (method, stills), (_, clips) in zip(on_stills, on_clips, strict=True):
        answers = [each.argmax(axis=1) for each in stills]
        yield _figure(
            _ON_STILLS, method, answers, posed, wanted=".74", **_interval(answers, posed, performers)
        )
        answers = [_three(each[held]) for each in stills]
        yield _figure(_ON_THREE_POSED, method, answers, posed[held])
        yield _figure(_ON_THREE_OBSERVED, method, answers, observed)
        yield from _segment_figures(sets, method, clips, wanted={})


def _trained_figures(sets: Sets, arm: str, found: list[Arrays]) -> Iterator[dict[str, Any]]:
    posed, performers = _classes(sets.stills["emotion"]), strings(sets.stills["performer"])
    logits = merge_folds(sets, found, "logits")
    stills = [each[: len(posed)] for each in logits]
    answers = [each.argmax(axis=1) for each in stills]
    method = f"trained on other performers, {arm}"
    yield _figure(
        "posed stills", method, answers, posed, wanted=".86", **_interval(answers, posed, performers)
    )
    held, observed = _held_to_three(sets)
    yield _figure(_ON_THREE_OBSERVED, method, [_three(each[held]) for each in stills], observed)
    clips = [each[len(posed) :] for each in logits]
    yield from _segment_figures(sets, method, clips, wanted={"macro": ".90", "all": ".80"})


def _segment_figures(
    sets: Sets, method: str, logits: list[NDArray[np.float32]], *, wanted: dict[str, str]
) -> Iterator[dict[str, Any]]:
    """Apexes of clips, held to the three classes that they can show."""
    truth = _classes(sets.segments["emotion"])
    performers = strings(sets.segments["performer"])
    for kind in ("macro", "micro", "all"):
        rows = np.flatnonzero((sets.segments["kind"] == kind) | (kind == "all"))
        answers = [_three(each[rows]) for each in logits]
        yield _figure(
            f"apexes of clips, {kind}, held to three",
            method,
            answers,
            truth[rows],
            wanted=wanted.get(kind, ""),
            **_interval(answers, truth[rows], performers[rows]),
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


def _interval(
    answers: list[NDArray[np.intp]], truth: NDArray[np.intp], performers: NDArray[np.str_]
) -> dict[str, str]:
    low, high = bootstrap_interval(np.mean([each == truth for each in answers], axis=0), performers)
    return {"95 %, performers": f"{low:.3f}..{high:.3f}"}
