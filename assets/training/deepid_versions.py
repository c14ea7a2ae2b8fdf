"""Assets ``deepid_baseline``, ``deepid_features`` and ``deepid_semantic``: the three versions of the network."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
import numpy as np
import pandas as pd

from apexline.assets import checks
from apexline.assets.figures import calibration_figures, confusion_matrix, learning_curves
from apexline.assets.lake import Lake, fingerprint, hash_file
from apexline.assets.metadata import asset_attributes, figures
from apexline.assets.parameters import Parameters
from apexline.assets.semantics import load_space
from apexline.assets.training.decisions import promoted_version, untainted_ancestor
from apexline.assets.training.rehearsal import lesson
from apexline.assets.training.training_table import (
    FEATURE_VERSION,
    NAME,
    describe_examples,
    load_training_set,
)
from apexline.governance import record
from apexline.ml import EMOTIONS, PAIRS_FILE, TrainConfig, emotion_pad
from apexline.ml.datasets import Lesson
from apexline.ml.registry import MODEL_CARD, ModelRegistry

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from apexline.ml.deepid import FrozenDeepID

CODE_VERSION = "4"
# What `ml.config.TrainConfig` says of the network's shape.
_SHAPE = ("width", "unshared", "batch_norm", "dropout")
_TRUNK_RATE = 0.1
VERSIONS = ("baseline", "features", "semantic")
_WHAT = {
    "baseline": "DeepID on the face image alone (eq. 25-26, Fig. 3 and 9).",
    "features": "DeepID with MODC texture and flow features beside the image (Fig. 10).",
    "semantic": "DeepID with features and a PAD head that its class logits see (eq. 27, Fig. 11).",
}


def model_stamp(lake: Lake, parameters: Parameters, version: str) -> str:
    """Return the fingerprint of the model that this version should have now."""
    return fingerprint(
        CODE_VERSION,
        version,
        lake.fingerprint_of("training_set", NAME),
        parameters.hash_of("training", "abstention"),
        parameters.training_set.seed,
        hash_file(PAIRS_FILE),  # the emotions' PAD, which the network is taught
    )


def _build(version: str) -> dg.AssetsDefinition:
    name = f"deepid_{version}"

    @dg.asset(
        name=name,
        deps=["training_set", "pad_space"],
        code_version=CODE_VERSION,
        description=f"{_WHAT[version]} Trained on the training subjects, stopped and calibrated on the "
        "validation subjects, tested once on the frozen test subjects; registered in MLflow.",
        check_specs=[checks.check_spec(checks.better_than_chance, asset=name)],
        **asset_attributes("training", "pytorch", "mlflow"),
    )
    def deepid(
        context: dg.AssetExecutionContext,
        lake: dg.ResourceParam[Lake],
        parameters: dg.ResourceParam[Parameters],
        registry: dg.ResourceParam[ModelRegistry],
    ) -> dg.MaterializeResult:
        stamp = model_stamp(lake, parameters, version)
        found = registry.find_version(stamp)
        computed = int(found is None)
        number = (
            found
            if found is not None
            else _train(context.run.run_id, lake, parameters, registry, version, stamp)
        )
        tested = registry.test_metrics(number)
        synthetic = registry.tags(number)["synthetic"] == "true"
        return dg.MaterializeResult(
            metadata={
                **figures(
                    context, changed=bool(computed), draw=lambda: _curves(lake, version, synthetic=synthetic)
                ),
                "computed": computed,
                "unchanged": 1 - computed,
                "model_version": number,
                "synthetic": synthetic,
                **tested,
                "model_card": dg.MetadataValue.md(registry.document(number, MODEL_CARD)),
            },
            data_version=dg.DataVersion(stamp),
            check_results=[checks.better_than_chance(tested["recognition"], len(EMOTIONS))],
        )

    return deepid


@dataclass(frozen=True)
class Beginning:
    """What a training goes on from: a version and its network, None for random weights, and its parameters then."""

    number: int | None
    network: "FrozenDeepID | None"
    config: TrainConfig


def begin(
    registry: ModelRegistry, champion: int | None, config: TrainConfig, *, version: str, synthetic: bool
) -> Beginning:
    """Go on from the champion, where it is of use: hundreds of faces move little of what thousands taught.

    The network then has the champion's shape, and all below its hidden units at most a tenth of the rate. Drawn faces
    and real ones teach each other nothing, and a network that reads features begins one of its own kind alone.

    Parameters
    ----------
    champion : int, optional
        Version in the registry.
    version : {"baseline", "features", "semantic"}
    synthetic : bool
        What is to be learned from was drawn.
    """
    if champion is None or (registry.tags(champion)["synthetic"] == "true") != synthetic:
        return Beginning(None, None, config)
    model = registry.load_model(champion)
    if model.version not in ("baseline", version):
        return Beginning(None, None, config)
    shape = {name: model.config[name] for name in _SHAPE if name in model.config}
    if model.reducer is not None:
        shape["texture_components"] = len(model.reducer.texture_components)
    changed = replace(config, **shape, trunk_rate=min(config.trunk_rate, _TRUNK_RATE))
    return Beginning(champion, model.network, changed)


def _state_file(lake: Lake, version: str, key: str) -> Path | None:
    """Return where a training keeps its state after each epoch, so that one that was killed goes on.

    States of other trainings of the version are deleted: nothing will go on from them. None where the home is no
    local folder.
    """
    if not isinstance(lake.home, Path):
        return None
    folder = Path(lake.home) / "training"
    folder.mkdir(exist_ok=True)
    own = folder / f"{version}-{key[:16]}.state"
    for other in folder.glob(f"{version}-*"):
        if other != own:
            other.unlink()
    return own


def _train(
    run_id: str, lake: Lake, parameters: Parameters, registry: ModelRegistry, version: str, stamp: str
) -> int:
    from apexline.ml.deepid import train_deepid
    from apexline.ml.evaluation import evaluate  # SciPy's statistics take a second to import

    data, split = load_training_set(lake)
    space = load_space(lake)
    champion = untainted_ancestor(registry, promoted_version(lake))
    begun = begin(registry, champion, parameters.training, version=version, synthetic=data.synthetic)
    record(
        lake.home,
        "train",
        who=f"deepid_{version}",
        now=datetime.now(UTC),
        run=run_id,
        examples=len(data),
        started_from=begun.number,
    )
    learned = Lesson(data, split, np.ones(len(data), np.float32))
    if begun.number is not None:
        learned = lesson(lake, parameters, registry.load_model(begun.number), data, split)
    run = train_deepid(
        learned.data,
        learned.split,
        version=version,
        config=begun.config,
        weights=learned.weights,
        start=begun.network,
        resume=_state_file(lake, version, fingerprint(stamp, begun.number, learned.data.ids.tolist())),
        seed=parameters.training_set.seed,
        pad_anchors=emotion_pad().to_numpy(),
        feature_version=FEATURE_VERSION,
        pad_space_hash=space.hash,
    )
    limited = run.model.learn_limits(
        data.take(split.train), data.take(split.valid), config=parameters.abstention
    )
    run = replace(run, model=limited)
    groups, quality = describe_examples(lake)
    tested = evaluate(run.model, data, split.test, groups=groups, quality=quality)
    synthetic = data.synthetic
    reviewed = (
        lake.read("training_set", NAME, columns=["label_source"])["label_source"].to_pylist().count("review")
    )
    curves = pd.DataFrame(run.curves)
    # Before the registration, which marks the work as done.
    lake.write("learning_curves", version, run.curves, stamp=stamp)
    return registry.log_version(
        run,
        tested,
        # What was rehearsed is on the list of what was learned from, which an erasure goes by.
        data=learned.data,
        split=learned.split,
        parameters=parameters.resolved(),
        tags={
            "fingerprint": stamp,
            "dagster_run_id": run_id,
            "started_from": str(begun.number or ""),
            "reviewed_faces": f"{reviewed} of {len(data)}",
            "rehearsed_faces": str(len(learned.data) - len(data)),
        },
        figures={
            "learning_curves": learning_curves(curves, version=version, synthetic=synthetic),
            "confusion_matrix": confusion_matrix(
                tested.confusion, labels=EMOTIONS, title=f"deepid {version}: test", synthetic=synthetic
            ),
            **calibration_figures(tested, name=version),
        },
    )


def _curves(lake: Lake, version: str, *, synthetic: bool) -> list[tuple[str, "Figure"]]:
    rows = lake.read("learning_curves", version).to_pandas()
    return [("Learning curves", learning_curves(rows, version=version, synthetic=synthetic))]


# A list: Dagster finds the assets of a module by name or in a list, in no other sequence.
DEEPID_VERSIONS = [_build(version) for version in VERSIONS]
