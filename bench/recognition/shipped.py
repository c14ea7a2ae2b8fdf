"""The model that ships, as a user gets it, on public faces that it never learned from, beside other packages.

Belongs here: its answers to `bench.recognition.comparison.questions`, how far they can be relied on, the page
docs/shipped.md. Stays out: trainings (``bench.recognition.run``) and the change of a face in a clip (``bench.line``).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from apexline.bench.page import four_digits, processor
from apexline.bench.recognition.comparison import (
    ON_FERPLUS,
    ON_ORIGINAL,
    ON_STILLS,
    Question,
    peer_answers,
    peer_differences,
    peer_figures,
    questions,
)
from apexline.bench.recognition.figures import Rows, figure, interval, reliance
from apexline.bench.recognition.trainings import Sets, read_sets
from apexline.ml import EMOTIONS
from apexline.ml.deepid import ExpressionModel, Predictions, load_pretrained
from apexline.ml.evaluation import markdown_pages

METHOD = "apexline, as shipped"
_WANTED = {ON_FERPLUS: ".88", ON_ORIGINAL: "above fer", ON_STILLS: ".80 / .80"}


def measure(data: Path, cache: Path) -> dict[str, Rows]:
    """Ask the shipped model and the peers.

    Parameters
    ----------
    data : Path
        Folder of the benchmark data.
    cache : Path
        Where aligned faces and what peers answered are kept.

    Returns
    -------
    tables : dict of str to list of dict
        ``figures``, ``recalls``, ``reliance`` and ``paired differences from peers``.
    """
    sets = read_sets(data, cache)
    asked, theirs = questions(sets), peer_answers(data, sets, cache)
    ours = shipped_answers(sets, asked, load_pretrained().model)
    return {
        "figures": [*_figures(asked, ours), *peer_figures(asked, theirs)],
        "recalls": [_recalls(on, asked[on], said) for on, said in ours.items()],
        "reliance": [_reliance(on, asked[on], said) for on, said in ours.items()],
        "paired differences from peers": peer_differences(
            asked, ((on, METHOD, [said.probabilities]) for on, said in ours.items()), theirs
        ),
    }


def shipped_answers(sets: Sets, asked: dict[str, Question], model: ExpressionModel) -> dict[str, Predictions]:
    """Answers of a model to each question, images in the question's order."""
    test = sets.ferplus_images[sets.ferplus.folds == "test"]
    shown = {"test": test, "stills": sets.still_faces["images"]}
    return {on: model.predict(shown[question.asked][question.rows]) for on, question in asked.items()}


def _figures(asked: dict[str, Question], ours: dict[str, Predictions]) -> Iterator[dict[str, Any]]:
    for on, question in asked.items():
        chosen = [ours[on].probabilities.argmax(axis=1)]
        around = interval(chosen, question.truth, question.groups) if on == ON_STILLS else {}
        yield figure(on, METHOD, chosen, question.truth, wanted=_WANTED[on], **around)


def _recalls(on: str, question: Question, said: Predictions) -> dict[str, Any]:
    """Share of each emotion's images that are called so."""
    right = said.probabilities.argmax(axis=1) == question.truth
    return {"on": on} | {
        name: float(right[question.truth == index].mean()) for index, name in enumerate(EMOTIONS)
    }


def _reliance(on: str, question: Question, said: Predictions) -> dict[str, Any]:
    """Calibration error, and the error that is left where the least confident fifth gets no answer."""
    right = said.probabilities.argmax(axis=1) == question.truth
    found = reliance(said.confidence, right)
    every, confident = found["error, all answered"], found["error, 80 % answered"]
    of_all = confident / every if every else 0.0
    return {"on": on, **found, "of all": of_all, "wanted": ".6 of all at most"}


def write_shipped(tables: dict[str, Rows], out: Path) -> None:
    """Write ``shipped.md`` into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    page = markdown_pages("apexline.bench", four_digits).get_template("shipped.md.j2")
    shown = {name: pd.DataFrame(rows) for name, rows in tables.items()}
    text = page.render(machine=processor(), card=load_pretrained().card, tables=shown)
    (out / "shipped.md").write_text(text, encoding="utf-8")
