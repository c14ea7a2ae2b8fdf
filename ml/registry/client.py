"""Runs and registered versions in MLflow.

Belongs here: runs, versions, tags and aliases. Stays out: how a model is stored for serving
(``ml.registry.pyfunc``), how MLflow is imported (``ml.registry.lazy``), training, deciding on promotion (assets),
what a served model reads and answers (``ml.registry.request``). Nothing else in the project imports MLflow.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from apexline.ml.datasets import FOLDS, ExpressionDataset, Split
from apexline.ml.registry.descriptions import (
    ABOUT_EXPERIMENT,
    ABOUT_MODEL,
    DATA_SHEET,
    EXPERIMENT_KIND,
    FACTS,
    MODEL_CARD,
    MODEL_TRAINING,
    NOTE,
    about_version,
    card_scores,
    own_tags,
)
from apexline.ml.registry.lazy import import_mlflow
from apexline.ml.registry.lineage import LEARNED_FROM, TAINTED, examples_csv, fold_dataset
from apexline.ml.registry.local import LocalRegistry
from apexline.ml.registry.pyfunc import log_model

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.tracking import MlflowClient

    from apexline.ml.deepid import ExpressionModel, Pretrained, TrainingRun
    from apexline.ml.evaluation import Evaluation

EXPERIMENT = "apexline"
MODEL_NAME = "apexline-expression"
ALIASES: tuple[str, ...] = ("champion", "challenger")

_TEST_PREFIX = "test_"
# Scores on the test fold belong to no epoch: all versions have them at one step, so that MLflow's charts compare them.
_TEST_STEP = 0
_METRICS_PER_BATCH = 1000  # MLflow's own limit


@dataclass(frozen=True)
class RegisteredVersion:
    """One version of `MODEL_NAME`.

    Parameters
    ----------
    number : int
        Version number in the registry.
    run_id : str
        MLflow run that made it.
    created_at : datetime
        UTC.
    tags : dict
        version, feature_version, split_hash, pad_space_hash, dagster_run_id, fingerprint, synthetic and
        whatever else was given.
    aliases : tuple of str
        Sorted.
    """

    number: int
    run_id: str
    created_at: datetime
    tags: dict[str, str]
    aliases: tuple[str, ...]


class ModelRegistry:
    """Logs training runs, registers their models and finds them again.

    Parameters
    ----------
    tracking_uri : str
        MLflow backend, such as ``sqlite:////data/mlflow.db``; holds runs and the registry.
    artifact_root : str
        Folder or object-store prefix under which the experiment's artifacts lie. Fixed when the experiment
        is first made.
    loader_module : str
        Module whose ``_load_pyfunc`` makes a registered model answer requests. MLflow stores the name and imports it
        where a version is served, so it has to stay importable as long as versions of it are in use.
    """

    def __init__(self, tracking_uri: str, artifact_root: str, *, loader_module: str) -> None:
        self.tracking_uri = tracking_uri
        self.artifact_root = artifact_root
        self.loader_module = loader_module
        self._local = LocalRegistry(tracking_uri, MODEL_NAME)

    @cached_property
    def client(self) -> MlflowClient:
        """MLflow's client for this backend."""
        from mlflow.tracking import MlflowClient

        return MlflowClient(tracking_uri=self.tracking_uri, registry_uri=self.tracking_uri)

    def log_version(
        self,
        run: TrainingRun,
        evaluation: Evaluation,
        *,
        data: ExpressionDataset,
        split: Split,
        parameters: Mapping[str, Any],
        tags: Mapping[str, str],
        figures: Mapping[str, Figure],
    ) -> int:
        """Log a run with everything needed to judge and repeat it, and register its model.

        Parameters
        ----------
        run : TrainingRun
        evaluation : Evaluation
            Scores on the test fold.
        data : ExpressionDataset
            What it was trained and tested on; logged as dataset inputs per fold (digest and shape, not the
            faces).
        split : Split
        parameters : mapping
            Resolved configuration of the whole line, JSON values; written to ``config.yaml``. What stands under
            ``features`` is what the served model computes features by.
        tags : mapping of str to str
            Tags of the run and the version, with ``fingerprint`` (identifies the inputs, for `find_version`)
            and ``dagster_run_id`` among them. Those that the model knows itself are added.
        figures : mapping of str to Figure
            Written to ``figures/<name>.png``.

        Returns
        -------
        number : int
            New version of `MODEL_NAME`.

        Raises
        ------
        ValueError
            If a tag named above is missing.
        """
        from apexline.ml.evaluation import data_facts, data_sheet, model_card, model_facts, slice_scores

        missing = sorted({"fingerprint", "dagster_run_id"} - set(tags))
        if missing:
            msg = f"tags are {sorted(tags)}, expected {missing} too, or the version cannot be traced"
            raise ValueError(msg)
        model = run.model
        all_tags = {**tags, **own_tags(model, synthetic=data.synthetic)}
        about = about_version(model.version, synthetic=data.synthetic, scores=evaluation.metrics())
        options = {"run_name": f"{model.version}-seed{model.seed}", "tags": {**all_tags, NOTE: about}}
        experiment = self._experiment_id()
        with self._active() as mlflow, mlflow.start_run(experiment_id=experiment, **options) as active:
            self._log_numbers(active.info.run_id, run, evaluation)
            for fold in FOLDS:
                mlflow.log_input(fold_dataset(data, split, fold), context=fold)
            mlflow.log_dict({**parameters, "training": dict(model.config)}, "config.yaml")
            mlflow.log_text(examples_csv(data, split), LEARNED_FROM)
            mlflow.log_text(evaluation.confusion_table().to_csv(), "confusion.csv")
            mlflow.log_text(evaluation.per_example().to_csv(index=False), "test_predictions.csv")
            tested, learned = model_facts(model, evaluation, parameters=tags), data_facts(data, split)
            mlflow.log_dict({MODEL_CARD: tested, DATA_SHEET: learned}, FACTS)
            mlflow.log_text(model_card(tested), MODEL_CARD)
            mlflow.log_text(data_sheet(learned), DATA_SHEET)
            mlflow.log_text(slice_scores(evaluation).to_csv(index=False), "slices.csv")
            for name, figure in figures.items():
                mlflow.log_figure(figure, f"figures/{name}.png")
            model_id = log_model(model, parameters, loader_module=self.loader_module)
            return self._register(model_id, active.info.run_id, all_tags, about=about)

    def register_shipped(self, shipped: Pretrained, *, parameters: Mapping[str, Any]) -> int:
        """Register the model that ships with the package; where that was done before, find its version.

        Parameters
        ----------
        shipped : Pretrained
        parameters : mapping
            As in `log_version`.

        Returns
        -------
        number : int
            Version of `MODEL_NAME`; its test scores are those of the card, by its names and by those of `Evaluation`.
        """
        from apexline.ml.evaluation import shipped_card, shipped_sheet, shipped_slices

        known = self.find_version(shipped.fingerprint)
        if known is not None:
            return known
        model = shipped.model
        given = {"fingerprint": shipped.fingerprint, "dagster_run_id": "", "shipped": "true"}
        tags = {**given, **own_tags(model, synthetic=model.synthetic)}
        scores = card_scores(shipped.card["metrics"])
        learned = about_version(model.version, synthetic=model.synthetic, scores=scores)
        about = f"The model that ships with the package. {learned}"
        options = {"run_name": f"shipped-{model.version}-seed{model.seed}", "tags": {**tags, NOTE: about}}
        experiment = self._experiment_id()
        with self._active() as mlflow, mlflow.start_run(experiment_id=experiment, **options) as active:
            mlflow.log_params({**model.config, "seed": model.seed, "code_version": model.code_version})
            found = {_TEST_PREFIX + name: value for name, value in scores.items()}
            found |= {"best_epoch": float(shipped.card["best_epoch"]), "temperature": model.temperature}
            mlflow.log_metrics(found, step=_TEST_STEP)
            mlflow.log_dict({**parameters, "training": dict(model.config)}, "config.yaml")
            facts = {"card": shipped.card, "split_hash": model.split_hash}
            mlflow.log_dict({MODEL_CARD: facts, DATA_SHEET: facts}, FACTS)
            mlflow.log_text(shipped_card(shipped.card), MODEL_CARD)
            mlflow.log_text(shipped_sheet(shipped.card, split_hash=model.split_hash), DATA_SHEET)
            mlflow.log_text(shipped_slices(shipped.card).to_csv(index=False), "slices.csv")
            model_id = log_model(model, parameters, loader_module=self.loader_module)
            return self._register(model_id, active.info.run_id, tags, about=about)

    def find_version(self, fingerprint: str) -> int | None:
        """Newest version whose tag ``fingerprint`` is this, less those that learned from what was erased since."""
        entries = [each for each in self._search() if each.tags.get("fingerprint") == fingerprint]
        return max((int(each.version) for each in entries if TAINTED not in each.tags), default=None)

    def list_versions(self) -> list[RegisteredVersion]:
        """All registered versions, oldest first."""
        entries = self._search()
        if not entries:
            return []
        aliases = self.client.get_registered_model(MODEL_NAME).aliases  # a search leaves them out
        found = [
            RegisteredVersion(
                number=int(entry.version),
                run_id=str(entry.run_id),
                created_at=datetime.fromtimestamp(entry.creation_timestamp / 1000, tz=UTC),
                tags=dict(entry.tags),
                aliases=tuple(sorted(a for a, v in aliases.items() if int(v) == int(entry.version))),
            )
            for entry in entries
        ]
        return sorted(found, key=lambda version: version.number)

    def tags(self, number: int) -> dict[str, str]:
        """Tags of a version."""
        return dict(self._version(number).tags)

    def run_id(self, number: int) -> str:
        """MLflow run that made a version."""
        return str(self._version(number).run_id)

    def test_metrics(self, number: int) -> dict[str, float]:
        """Test scores of a version, named as `Evaluation.metrics` names them."""
        metrics = self.client.get_run(self.run_id(number)).data.metrics
        return {k.removeprefix(_TEST_PREFIX): v for k, v in metrics.items() if k.startswith(_TEST_PREFIX)}

    def validation_loss(self, number: int) -> float:
        """Cross-entropy on the validation fold at the best epoch, nat."""
        return self.client.get_run(self.run_id(number)).data.metrics["best_valid_loss"]

    def document(self, number: int, name: str) -> str:
        """Text that was logged with a version: `MODEL_CARD`, `DATA_SHEET` or `FACTS`."""
        with self._active() as mlflow, tempfile.TemporaryDirectory() as folder:
            found = mlflow.artifacts.download_artifacts(
                run_id=self.run_id(number), artifact_path=name, dst_path=folder
            )
            return Path(found).read_text(encoding="utf-8")

    def set_alias(self, alias: str, number: int) -> None:
        """Point an alias at a version.

        Parameters
        ----------
        alias : {"champion", "challenger"}
        number : int

        Raises
        ------
        ValueError
            If the alias has another name.
        """
        if alias not in ALIASES:
            msg = f"alias is {alias!r}, expected one of {ALIASES}"
            raise ValueError(msg)
        self.client.set_registered_model_alias(MODEL_NAME, alias, str(number))

    def get_alias(self, alias: str) -> int | None:
        """Version an alias points at; None if it points at none."""
        if self._local.is_here():
            return self._local.alias(alias)
        entries = {version.number: version.aliases for version in self.list_versions()}
        return next((number for number, aliases in entries.items() if alias in aliases), None)

    def load_model(self, which: int | str) -> ExpressionModel:
        """Load a registered model as the project's own object.

        Parameters
        ----------
        which : int or str
            Version number or alias.

        Returns
        -------
        model : ExpressionModel

        Raises
        ------
        mlflow.exceptions.MlflowException
            If there is no such version or alias.
        """
        from apexline.ml.deepid import ExpressionModel

        number = self.get_alias(which) if isinstance(which, str) else which
        stored = None if number is None else self._local.folder(number)
        if stored is not None:
            return ExpressionModel.load(next(stored.rglob("model.json")).parent)
        if isinstance(which, int):
            entry = self._version(which)
        else:
            entry = self.client.get_model_version_by_alias(MODEL_NAME, which)
        with self._active() as mlflow, tempfile.TemporaryDirectory() as folder:
            copied = mlflow.artifacts.download_artifacts(entry.source, dst_path=folder)
            return ExpressionModel.load(next(Path(copied).rglob("model.json")).parent)

    def _search(self) -> list[ModelVersion]:
        return list(self.client.search_model_versions(f"name = '{MODEL_NAME}'", max_results=10_000))

    def _version(self, number: int) -> ModelVersion:
        return self.client.get_model_version(MODEL_NAME, str(number))

    def _experiment_id(self) -> str:
        found = self.client.get_experiment_by_name(EXPERIMENT)
        if found is not None:
            if EXPERIMENT_KIND not in found.tags:  # made before 0.2.0
                self.client.set_experiment_tag(found.experiment_id, EXPERIMENT_KIND, MODEL_TRAINING)
                self.client.set_experiment_tag(found.experiment_id, NOTE, ABOUT_EXPERIMENT)
            return found.experiment_id
        root = (
            self.artifact_root if "://" in self.artifact_root else Path(self.artifact_root).resolve().as_uri()
        )
        return self.client.create_experiment(
            EXPERIMENT,
            artifact_location=f"{root.rstrip('/')}/{EXPERIMENT}",
            tags={EXPERIMENT_KIND: MODEL_TRAINING, NOTE: ABOUT_EXPERIMENT},
        )

    def _log_numbers(self, run_id: str, run: TrainingRun, evaluation: Evaluation) -> None:
        """Log parameters, learning curves by epoch and test scores in few round trips."""
        from mlflow.entities import Metric, Param

        now = int(datetime.now(tz=UTC).timestamp() * 1000)
        params = {**run.model.config, "seed": run.model.seed, "code_version": run.model.code_version}
        metrics = [
            Metric(f"{row['fold']}_{name}", row[name], now, row["epoch"])
            for row in run.curves
            for name in ("loss", "recognition", "classification")
        ]
        scores = {_TEST_PREFIX + name: value for name, value in evaluation.metrics().items()}
        scores |= {
            "best_epoch": float(run.best_epoch),
            "best_valid_loss": run.best_valid_loss,
            "seconds": run.seconds,
            "temperature": run.model.temperature,
        }
        metrics += [Metric(name, value, now, _TEST_STEP) for name, value in scores.items()]
        self.client.log_batch(run_id, params=[Param(name, str(value)) for name, value in params.items()])
        for start in range(0, len(metrics), _METRICS_PER_BATCH):
            self.client.log_batch(run_id, metrics=metrics[start : start + _METRICS_PER_BATCH])

    def _register(self, model_id: str, run_id: str, tags: dict[str, str], *, about: str) -> int:
        """Make a version of a logged model; MLflow's own call for this prints and may register elsewhere."""
        from mlflow.exceptions import MlflowException

        try:
            self.client.create_registered_model(MODEL_NAME, description=ABOUT_MODEL)
        except MlflowException as error:
            # Trying is the only way that two first trainings at the same moment both get through.
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        source = f"models:/{model_id}"
        entry = self.client.create_model_version(
            MODEL_NAME, source, run_id, tags=tags, description=about, model_id=model_id
        )
        linked = json.dumps([{"name": MODEL_NAME, "version": entry.version}])
        self.client.set_logged_model_tags(model_id, {"mlflow.modelVersions": linked})  # the UI's cross-link
        return int(entry.version)

    @contextmanager
    def _active(self) -> Generator[ModuleType]:
        """Point MLflow's fluent functions here, and back afterwards."""
        mlflow = import_mlflow()
        before = mlflow.get_tracking_uri() if mlflow.is_tracking_uri_set() else None
        mlflow.set_tracking_uri(self.tracking_uri)
        try:
            yield mlflow
        finally:
            mlflow.set_tracking_uri(before)
