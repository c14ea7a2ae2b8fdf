"""Single trainings of `bench.recognition.run`: what they learn from, what they answer, kept on disk one by one.

Belongs here: plans, examples, arms, runs. Stays out: pixels (``bench.recognition.faces``), figures and tables
(``bench.recognition.run``, ``bench.recognition.page``). A run is a function of its plan and seed, so a broken benchmark
goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from apexline.bench.paths import CONFIGS
from apexline.bench.recognition.faces import (
    ClipFaces,
    cached,
    clip_faces,
    digest,
    ferplus_faces,
    stills_faces,
)
from apexline.bench.recognition.folders import (
    CODE_VERSION,
    Arrays,
    load_answers,
    run_folder,
    save_answers,
    save_words,
)
from apexline.features import build_config, read_sections
from apexline.ml import EMOTIONS, TrainConfig
from apexline.ml.datasets import (
    READINGS,
    VOCABULARY_SIZES,
    ExpressionDataset,
    FerPlus,
    class_pad,
    drop_near_copies,
    emotion_anchors,
    ferplus_examples,
    one_hot,
    performer_folds,
    random_anchors,
    read_ferplus,
    read_segments,
    read_stills,
    split_from_folds,
    stills_pad,
    strings,
)
from apexline.ml.deepid import (
    ExpressionModel,
    balanced_reader,
    calibrated_reader,
    train_deepid,
    train_words,
)

CONFIG = CONFIGS / "recognition.yaml"
ARMS = ("baseline", "features", "semantic", "shuffled features", "random anchors")
_VALIDATED = 1  # performers that the temperature is fitted to
ALL_WORDS = "all words"  # of both vocabularies, as `ml.deepid.balanced_reader` hears them
_START = "FER2013"  # the reading that training on performers goes on from
_VERSION_OF = {"shuffled features": "features", "random anchors": "semantic"}


@dataclass(frozen=True)
class Plan:
    """How much is trained.

    Parameters
    ----------
    name : {"full", "quick"}
    seeds, folds : int
    min_share : float
        See `ml.datasets.ferplus.ferplus_examples`.
    mix : mapping of str to float
        Weight of an example of ``stills`` and of ``clips``.
    ferplus, performers : TrainConfig
    """

    name: str
    seeds: int
    folds: int
    min_share: float
    mix: Mapping[str, float]
    ferplus: TrainConfig
    performers: TrainConfig


def read_plan(name: str, path: Path = CONFIG) -> Plan:
    """Read a plan from ``configs/recognition.yaml``."""
    document = read_sections(path)
    size = document[name]
    ferplus, performers = (
        build_config(
            TrainConfig,
            {**document["training"], **document[each], "epochs": size["epochs"][each]},
            source=f"{path}, {each}",
        )
        for each in ("ferplus", "performers")
    )
    return Plan(
        name=name,
        seeds=size["seeds"],
        folds=size["folds"],
        min_share=document["min_share"],
        mix=document["mix"],
        ferplus=ferplus,
        performers=performers,
    )


@dataclass(frozen=True, eq=False)
class Sets:
    """The public sets as the line sees them: labels and faces."""

    ferplus: FerPlus
    ferplus_images: NDArray[np.uint8]
    stills: pd.DataFrame
    still_faces: Arrays
    segments: pd.DataFrame
    clips: ClipFaces

    @property
    def shown(self) -> NDArray[np.intp]:
        """Rows of `clips` at an apex, one for each segment."""
        return np.flatnonzero(self.clips.at == "apex")


def read_sets(data: Path, cache: Path) -> Sets:
    """Read labels and align faces; the first time takes minutes."""
    stills = read_stills(data / "posed_stills")
    segments = read_segments(data / "expression_clips")
    labels, images = data / "ferplus" / "labels.csv", data / "ferplus" / "images.npz"
    ferplus, faces = read_ferplus(labels), ferplus_faces(images, cache)
    folds = cached(
        cache,
        f"folds-{digest(labels, images, CODE_VERSION)}",
        lambda: {"folds": drop_near_copies(ferplus, faces).folds},
    )
    return Sets(
        ferplus=replace(ferplus, **folds),
        ferplus_images=faces,
        stills=stills,
        still_faces=stills_faces(data / "posed_stills", stills["image"], cache),
        segments=segments,
        clips=clip_faces(data / "expression_clips", segments, cache),
    )


def ferplus_run(sets: Sets, plan: Plan, seed: int, cache: Path) -> tuple[dict[str, ExpressionModel], Arrays]:
    """Train the plain network on all words of FER+'s raters and of FER2013, or take the run that is there.

    Returns
    -------
    models : dict of str to ExpressionModel
        A reading of the network for each vocabulary (`ml.datasets.ferplus.READINGS`), and `ALL_WORDS`.
    answers : dict
        Logits, shape (N, 4), by reading and set, as ``FER+ test``: ``valid`` and ``test`` (as in
        `ml.datasets.ferplus.ferplus_examples`), ``original valid`` and ``original test`` (images that FER2013 itself
        gives one of the four classes), ``stills`` and ``clips`` (apexes); ``epoch``.
    """
    config = plan.ferplus
    rows, labels = sets.ferplus.words()
    folder = ferplus_folder(sets, plan, seed, cache)
    data, split, _ = ferplus_examples(sets.ferplus, sets.ferplus_images, min_share=plan.min_share)
    if not (folder / "answers.npz").exists():
        learned = split_from_folds(sets.ferplus.folds[rows], ids=sets.ferplus.ids[rows])
        network, epoch = train_words(
            sets.ferplus_images[rows],
            labels,
            learned,
            sizes=VOCABULARY_SIZES,
            config=config,
            seed=seed,
            resume=folder / "run.state",
        )
        save_words(network, folder)
        judged = {
            "valid": data.images[split.valid],
            "test": data.images[split.test],
            "original valid": sets.ferplus_images[original_rows(sets.ferplus, "valid")],
            "original test": sets.ferplus_images[original_rows(sets.ferplus, "test")],
            "stills": sets.still_faces["images"],
            "clips": sets.clips.images[sets.shown],
        }
        answers: Arrays = {}
        models: dict[str, ExpressionModel] = {}
        for reading, classes in READINGS.items():
            model = calibrated_reader(
                network,
                classes,
                data.take(split.valid),
                pad_anchors=emotion_anchors().loc[list(EMOTIONS)].to_numpy(),
                config=config,
                seed=seed,
                split_hash=learned.split_hash,
            )
            models[reading] = model
        named = original_rows(sets.ferplus, "valid")
        models[ALL_WORDS] = balanced_reader(
            network,
            sets.ferplus_images[named],
            sets.ferplus.original[named],
            pad_anchors=emotion_anchors().loc[list(EMOTIONS)].to_numpy(),
            config=config,
            seed=seed,
            split_hash=learned.split_hash,
        )
        for reading, model in models.items():
            model.save(folder / reading)
            answers |= {f"{reading} {name}": model.logits(images)[0] for name, images in judged.items()}
        save_answers(folder, {**answers, "epoch": np.asarray(epoch)})
    return {
        reading: ExpressionModel.load(folder / reading) for reading in (*READINGS, ALL_WORDS)
    }, load_answers(folder)


def ferplus_folder(sets: Sets, plan: Plan, seed: int, cache: Path) -> Path:
    """Folder of a run of `ferplus_run`."""
    rows, labels = sets.ferplus.words()
    return run_folder(cache, "ferplus", seed, asdict(plan.ferplus), sets.ferplus_images[rows], labels)


def original_rows(ferplus: FerPlus, fold: str) -> NDArray[np.intp]:
    """Rows of a fold's images whose FER2013 label is one of the four classes."""
    return np.flatnonzero((ferplus.folds == fold) & (ferplus.original >= 0))


def performers_run(
    sets: Sets, plan: Plan, arm: str, seed: int, fold: int, start: ExpressionModel, cache: Path
) -> Arrays:
    """Train an arm on some performers and ask it about others, or take the answers that are there.

    Returns
    -------
    answers : dict
        For the performers left out: ``logits``, shape (N, 4), ``mapped``, shape (N,), the class that g of eq. 27
        gives, and ``row``, shape (N,): the still, or the number of stills plus the segment.
    """
    config = plan.performers
    anchors = random_anchors(seed) if arm == "random anchors" else emotion_anchors()
    data, weights, rows = performers_examples(sets, plan.mix, anchors)
    folds = performer_folds(data.subjects.tolist(), num_folds=plan.folds, seed=seed)
    left_out, validated = folds[fold], folds[(fold + 1) % len(folds)][:_VALIDATED]
    names = np.where(np.isin(data.subjects, validated), "valid", "train")
    names = np.where(np.isin(data.subjects, left_out), "test", names)
    if arm == "shuffled features":
        data = _with_shuffled_features(data, names, seed)
    folder = run_folder(
        cache, arm, seed, fold, asdict(config), plan.folds, dict(plan.mix), data.images, data.onsets, data.texture,
        data.pad, _key(start),
    )  # fmt: skip
    if not (folder / "answers.npz").exists():
        split = split_from_folds(names, ids=data.ids)
        run = train_deepid(
            data,
            split,
            version=_VERSION_OF.get(arm, arm),
            config=config,
            seed=seed,
            pad_anchors=anchors.loc[list(EMOTIONS)].to_numpy(),
            weights=weights,
            start=start.network,
        )
        judged = data.take(np.intersect1d(split.test, np.flatnonzero(rows >= 0)))
        logits, _ = run.model.logits(judged.images, *judged.features)
        mapped = run.model.predict(judged.images, *judged.features).mapped_emotion
        save_answers(
            folder,
            {
                "logits": logits,
                "mapped": np.array([EMOTIONS.index(name) for name in mapped.tolist()]),
                "row": rows[np.intersect1d(split.test, np.flatnonzero(rows >= 0))],
            },
        )
    return load_answers(folder)


def merge_folds(sets: Sets, found: list[Arrays], name: str) -> list[NDArray[Any]]:
    """Put the folds of each seed together: a value for every still, then for every segment."""
    num = len(sets.stills) + len(sets.segments)
    rows = np.concatenate([each["row"] for each in found])
    values = np.concatenate([each[name] for each in found])
    whole: list[NDArray[Any]] = []
    for start in range(0, len(rows), num):  # folds of a seed are neighbours and hold each row once
        ordered = np.empty((num, *values.shape[1:]), values.dtype)
        ordered[rows[start : start + num]] = values[start : start + num]
        whole.append(ordered)
    return whole


@lru_cache(maxsize=1)
def _sets(data: Path, cache: Path) -> Sets:
    """Sets that a process reads once for all of its runs."""
    return read_sets(data, cache)


def ferplus_answers(data: Path, plan: Plan, seed: int, cache: Path) -> Arrays:
    """Answers of `ferplus_run`, in a process that reads the sets itself."""
    return ferplus_run(_sets(data, cache), plan, seed, cache)[1]


def performers_answers(data: Path, plan: Plan, arm: str, seed: int, fold: int, cache: Path) -> Arrays:
    """Answers of `performers_run`, in a process that reads the sets itself."""
    sets = _sets(data, cache)
    models, _ = ferplus_run(sets, plan, seed, cache)
    return performers_run(sets, plan, arm, seed, fold, models[_START], cache)


def performers_examples(
    sets: Sets, mix: Mapping[str, float], anchors: pd.DataFrame
) -> tuple[ExpressionDataset, NDArray[np.float64], NDArray[np.intp]]:
    """Stills and frames of clips as one set of examples.

    PAD of a still is what its observers saw; of a frame at the apex it is the emotion's, at the onset calm's, and
    between them it is not rated.

    Returns
    -------
    data : ExpressionDataset
    weights : ndarray, shape (N,)
    rows : ndarray, shape (N,), int
        What a row is judged as: a still, the number of stills plus a segment, or -1 for frames only learned from.
    """
    stills, clips = sets.stills, sets.clips
    segments = sets.segments.loc[clips.segment]
    emotions = np.where(clips.at == "onset", "calm", strings(segments["emotion"]))
    labels = one_hot([*stills["emotion"], *emotions.tolist()])
    num, num_flow = len(stills), clips.flow.shape[1]
    seen = stills_pad(stills, anchors=anchors)
    meant = class_pad(labels[num:], anchors=anchors)
    meant[np.isin(clips.at, ("rise", "fall"))] = np.nan
    data = ExpressionDataset(
        images=np.concatenate([sets.still_faces["images"], clips.images]),
        labels=labels,
        pad=np.concatenate([seen, meant]).astype(np.float32),
        texture=np.concatenate([sets.still_faces["texture"], clips.texture]),
        flow=np.concatenate([np.zeros((num, num_flow), np.float32), clips.flow]),
        flow_mask=np.repeat(np.array([0, 1], np.float32), [num, len(clips.at)]),
        onsets=np.concatenate([np.zeros_like(sets.still_faces["images"]), clips.onsets]),
        subjects=strings([*stills["performer"], *segments["performer"]]),
        ids=np.array(
            [*stills["image"], *(f"{s}-{at}" for s, at in zip(clips.segment, clips.at, strict=True))]
        ),
        synthetic=False,
    )
    weights = np.repeat([mix["stills"], mix["clips"]], [num, len(clips.at)])
    return (
        data,
        weights,
        np.concatenate([np.arange(num), np.where(clips.at == "apex", num + clips.segment, -1)]),
    )


def _with_shuffled_features(data: ExpressionDataset, names: NDArray[np.str_], seed: int) -> ExpressionDataset:
    """Give every face texture and flow of another of its fold: their distribution stays, what they say does not.

    Faces at the onset stay: taking another's away would harm, and a control must not.
    """
    order = np.arange(len(data))
    generator = np.random.default_rng(seed)
    for name in np.unique(names):
        for moving in (0, 1):
            rows = np.flatnonzero((names == name) & (data.flow_mask == moving))
            order[rows] = generator.permutation(rows)
    return replace(data, texture=data.texture[order], flow=data.flow[order])


def _key(model: ExpressionModel) -> NDArray[np.float32]:
    """Weights that no two trainings share."""
    return model.network.weights["classes.weight"]
