"""A set of people who consented to be tested on: whether a version does as well by all of them.

Belongs here: taking such a set in, reading it, testing a version on it. Stays out: groups that a camera tells apart
(``training_table``), metrics (``ml.evaluation``), what follows for a promotion (``champion``).

Sex, age or skin colour are recorded nowhere else in a home, and here as people say them of themselves. The set is one
file in the home's folder ``governance``, beside no clip: nothing learns from it, no face of it is scored or shown, and
it goes when the consent ends.
"""

import csv
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from apexline.assets.lake import Lake
from apexline.assets.parameters import Parameters
from apexline.features import segment_features
from apexline.features.faces import align_raw_crop, make_detector
from apexline.governance import governance_folder, record
from apexline.ml import PAD_AXES
from apexline.ml.datasets import ExpressionDataset, face_image, one_hot
from apexline.ml.registry import FAIRNESS, ModelRegistry, read_image

if TYPE_CHECKING:
    from apexline.ml.deepid import ExpressionModel
    from apexline.ml.evaluation import Evaluation

_FILE, _LIST = "consented.npz", "faces.csv"
_REQUIRED = ("image", "emotion", "subject")
_NOT_SAID = "not said"


@dataclass(frozen=True, eq=False)
class ConsentedSet:
    """Faces of people who consented, and what each says.

    Attributes
    ----------
    data : ExpressionDataset
        Stills: without motion.
    groups : dict of str to ndarray, shape (N,), str
        What people say of themselves, by attribute.
    about : dict
        consent, until (ISO day), taken_in_at, by, without_face (pictures that were left out).
    digest : str
        Of all of it.
    """

    data: ExpressionDataset
    groups: dict[str, NDArray[np.str_]]
    about: dict[str, Any]
    digest: str


def consented_file(lake: Lake) -> Path:
    """Return where a home keeps its set, whether there is one or not."""
    return governance_folder(lake.home) / _FILE


def take_in_consented(
    lake: Lake,
    parameters: Parameters,
    folder: Path,
    *,
    consent: str,
    until: date,
    by: str,
    now: datetime,
    on_step: Callable[[str, int, int], None],
) -> dict[str, Any]:
    """Align the faces of a folder and keep them as the home's set, in place of the one before.

    Parameters
    ----------
    folder : Path
        Holds ``faces.csv``: image (a file in the folder), emotion, subject (a code), and a column for each attribute.
    consent : str
        Who consented to what, and where that is kept.
    until : date
        Last day of the consent.

    Returns
    -------
    dict
        Faces, subjects, attributes, and how many pictures were left out since no face was found in them.

    Raises
    ------
    FileNotFoundError
        Where list or pictures are missing.
    ValueError
        For a list without attributes, an unknown emotion, an end that has passed, or no face at all.
    """
    rows, attributes = _read_list(folder / _LIST)
    if not consent.strip() or until <= now.date():
        msg = (
            f"saw the consent {consent!r} until {until}, expected what people consented to and a day to come"
        )
        raise ValueError(msg)
    detector = make_detector(parameters.features.faces)
    kept: list[dict[str, str]] = []
    crops: list[NDArray[np.uint8]] = []
    for done, row in enumerate(rows):
        on_step("aligning faces", done, len(rows))
        found = align_raw_crop(read_image((folder / row["image"]).read_bytes()), detector)
        if found is not None:
            kept.append(row)
            crops.append(found[0])
    if not crops:
        msg = f"no face was found in the {len(rows)} pictures of {folder}"
        raise ValueError(msg)
    about = {
        "consent": consent.strip(),
        "until": until.isoformat(),
        "taken_in_at": now.isoformat(timespec="seconds"),
        "by": by,
        "without_face": len(rows) - len(kept),
    }
    texture = np.stack([segment_features(None, crop, config=parameters.features)[0] for crop in crops])
    columns = {name: [row[name].strip() or _NOT_SAID for row in kept] for name in (*_REQUIRED, *attributes)}
    _store(consented_file(lake), face_image(np.stack(crops)), texture, {"about": about, "columns": columns})
    found_set = {
        "faces": len(kept),
        "subjects": len(set(columns["subject"])),
        "attributes": ", ".join(attributes),
    }
    record(lake.home, "register", who=by, now=now, why="people who consented to be tested on", **found_set)
    return {**found_set, "without_face": about["without_face"], "until": until}


def read_consented(lake: Lake, *, now: datetime) -> ConsentedSet | None:
    """Return the home's set; None where there is none, or the consent has ended."""
    path = consented_file(lake)
    if not path.exists():
        return None
    with np.load(path) as stored:
        images, texture = stored["images"], stored["texture"]
        said: dict[str, Any] = json.loads(str(stored["said"]))
    about, columns = said["about"], said["columns"]
    if date.fromisoformat(about["until"]) < now.date():
        return None
    number = len(images)
    data = ExpressionDataset(
        images=images,
        onsets=np.zeros_like(images),
        labels=one_hot(columns["emotion"]),
        pad=np.full((number, len(PAD_AXES)), np.nan, np.float32),
        texture=texture,
        flow=np.zeros((number, 0), np.float32),
        flow_mask=np.zeros(number, np.float32),
        subjects=np.array(columns["subject"]),
        ids=np.array([f"{k}:{name}" for k, name in enumerate(columns["image"])]),
        synthetic=False,
    )
    groups = {name: np.array(values) for name, values in columns.items() if name not in _REQUIRED}
    return ConsentedSet(data, groups, about, hashlib.sha256(path.read_bytes()).hexdigest())


def evaluate_on_consented(model: "ExpressionModel", found: ConsentedSet) -> "Evaluation":
    """Test a model on all faces of the set, with its groups."""
    from apexline.ml.evaluation import evaluate  # SciPy's statistics take a second to import

    data = found.data
    if model.reducer is not None:  # a still has no motion, in as many numbers as the model reads
        data = replace(data, flow=np.zeros((len(data), len(model.reducer.flow_mean)), np.float32))
    return evaluate(model, data, np.arange(len(data)), groups=found.groups)


def measure_fairness(
    lake: Lake, registry: ModelRegistry, number: int, *, min_count: int, by: str, now: datetime
) -> dict[str, Any]:
    """Test a version on the home's set and keep the figures, of groups alone, beside its card.

    Parameters
    ----------
    min_count : int
        Groups of fewer faces are left out: they say little, and too much of whoever is in them.

    Returns
    -------
    dict
        ``set``; ``groups``: attribute, group, count, subjects, accuracy and its 95 % interval (low, high: bootstrap by
        subject); ``fairlearn``: `ml.evaluation.group_metrics` of each attribute; ``left_out``: groups too small.

    Raises
    ------
    LookupError
        Where the home has no set, or the consent has ended.
    """
    from apexline.ml.evaluation import accuracy_by_group, group_metrics

    found = read_consented(lake, now=now)
    if found is None:
        msg = "this home has no set of people who consent to be tested on; `apexline consented FOLDER` takes one in"
        raise LookupError(msg)
    tested = evaluate_on_consented(registry.load_model(number), found)
    rows, left_out = accuracy_by_group(tested, min_count=min_count)
    metrics = group_metrics(tested.target, tested.recognised, found.groups, min_count=min_count)
    result = {
        "model_version": number,
        "set": {
            **{name: found.about[name] for name in ("consent", "until", "taken_in_at")},
            "digest": found.digest,
            "faces": len(found.data),
            "subjects": len(np.unique(found.data.subjects)),
            "min_count": min_count,
        },
        "groups": rows,
        "fairlearn": metrics.to_dict("records"),
        "left_out": left_out,
    }
    registry.client.log_text(registry.run_id(number), json.dumps(result, indent=1), FAIRNESS)
    record(lake.home, "evidence", who=by, now=now, model_version=number, why="tested on people who consented")
    return result


def _read_list(path: Path) -> tuple[list[dict[str, str]], list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    columns = list(rows[0]) if rows else []
    attributes = [name for name in columns if name not in _REQUIRED]
    if not set(_REQUIRED) <= set(columns) or not attributes:
        msg = f"{path} has the columns {columns}, expected {', '.join(_REQUIRED)} and one for each attribute"
        raise ValueError(msg)
    one_hot([row["emotion"] for row in rows])  # says which emotion is unknown
    missing = [row["image"] for row in rows if not (path.parent / row["image"]).is_file()]
    if missing:
        msg = f"{path} names {missing[0]!r}, which is not in {path.parent}"
        raise FileNotFoundError(msg)
    return rows, attributes


def _store(path: Path, images: NDArray[np.uint8], texture: NDArray[np.float32], said: dict[str, Any]) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = path.with_suffix(f".{os.getpid()}")
    with aside.open("wb") as file:
        np.savez_compressed(file, images=images, texture=texture, said=np.array(json.dumps(said)))
    aside.chmod(0o600)
    aside.replace(path)
