"""``python -m apexline.bench.recognition.ship``: make the model that ships with the package.

Belongs here: which run is taken, what its card says. Stays out: training (``bench.recognition.trainings``) and
the files' form (``ml.deepid.pretrained``). It learns FER2013's faces with FER+'s votes and FER2013's labels: the
other sets' terms do not allow a model trained on them to be passed on.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from apexline.bench.recognition.folders import words_of_run
from apexline.bench.recognition.run import CACHE
from apexline.bench.recognition.trainings import (
    ALL_WORDS,
    Plan,
    ferplus_folder,
    ferplus_run,
    read_plan,
    read_sets,
)
from apexline.features.expression import WEIGHTS
from apexline.ml import EMOTIONS, AbstentionConfig
from apexline.ml.datasets import ExpressionDataset, Split, ferplus_examples
from apexline.ml.deepid import DATA, load_pretrained, save_pretrained
from apexline.ml.evaluation import EXCLUDED_USES, INTENDED_USES, Evaluation, evaluate

# FER+'s raters call most faces of little expression calm, and the model would answer so elsewhere (docs/LOG.md).
_READING = ALL_WORDS


def export(
    data: Path, *, seed: int, plan: Plan, folder: Path = DATA, words: Path = WEIGHTS, cache: Path = CACHE
) -> list[Path]:
    """Train (or take the finished run of this plan and seed), learn limits, write, read back, judge, write the card.

    Parameters
    ----------
    data : Path
        Folder of the benchmark data.
    seed : int
    plan : Plan
    folder : Path
        Where the files of the model go.
    words : Path
        Where the weights of the network that spots go: the same one, with all of its words.
    cache : Path
        Of `bench.recognition.run`.

    Returns
    -------
    paths : list of Path
    """
    sets = read_sets(data, cache)
    examples, split, _ = ferplus_examples(sets.ferplus, sets.ferplus_images, min_share=plan.min_share)
    models, answers = ferplus_run(sets, plan, seed, cache)
    config = AbstentionConfig()
    model = models[_READING].learn_limits(
        examples.take(split.train), examples.take(split.valid), config=config
    )
    shutil.copyfile(words_of_run(ferplus_folder(sets, plan, seed, cache)), words)
    save_pretrained(model, {}, folder)
    shipped = load_pretrained(folder).model  # as rounded: what is judged is what ships
    tested = evaluate(shipped, examples, split.test)
    learned, _ = sets.ferplus.words()
    num_learned = int((sets.ferplus.folds[learned] == "train").sum())
    card = _card(
        tested, examples, split, num_learned=num_learned, plan=plan, seed=seed, epoch=int(answers["epoch"])
    )
    return save_pretrained(shipped, card, folder)


def _card(
    tested: Evaluation,
    examples: ExpressionDataset,
    split: Split,
    *,
    num_learned: int,
    plan: Plan,
    seed: int,
    epoch: int,
) -> dict[str, Any]:
    recalls = tested.confusion.diagonal() / tested.confusion.sum(axis=1)
    return {
        "title": "Apparent expression of a face: happy, angry, calm or scared. Never what is felt, never who it is.",
        "command": f"python -m apexline.bench.recognition.ship --seed {seed}",
        "plan": plan.name,
        "seed": seed,
        "best_epoch": epoch,
        "trained_on": "FER2013's faces, aligned by the line's own aligner, with FER+'s votes and FER2013's labels",
        "answers_as": "FER2013's labels, by all words of both vocabularies, each emotion expected alike",
        "examples": {"train": num_learned, "valid": len(split.valid), "test": len(split.test)},
        "chosen_on": "validation images: best epoch and limits by FER+, what each word says of an emotion by FER2013",
        "test": "FER+ test images whose most frequent word is one of the four classes; copies dropped from training",
        "metrics": {
            "accuracy": tested.recognition,
            "accuracy_95": list(tested.recognition_interval),
            "balanced_accuracy": float(recalls.mean()),
            "recall": dict(zip(EMOTIONS, recalls.tolist(), strict=True)),
            "expected_calibration_error": tested.calibration_error,
            "images": int(np.sum(tested.confusion)),
        },
        "synthetic": examples.synthetic,
        "intended_uses": list(INTENDED_USES),
        "excluded_uses": list(EXCLUDED_USES),
    }


def main() -> None:
    """Parse arguments and write the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, default=Path("../shared/data"), help="folder of the benchmark data"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="fewer epochs; not for shipping")
    parser.add_argument("--out", type=Path, default=DATA, help="folder for weights and card")
    given = parser.parse_args()
    for path in export(
        given.data, seed=given.seed, plan=read_plan("quick" if given.quick else "full"), folder=given.out
    ):
        print(f"{path} ({path.stat().st_size / 2**20:.2f} MiB)")


if __name__ == "__main__":
    main()
