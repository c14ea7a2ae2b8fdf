"""The parameters of the whole line, read from one YAML file.

Belongs here: the sections that only the assets use, and how the file becomes frozen dataclasses. Stays out:
what the parameters of an algorithm mean (they stand beside it in ``features`` and ``ml``) and the settings of
a machine (``orchestration.settings``).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

import yaml
from pydantic import TypeAdapter, ValidationError

from assets.lake import fingerprint
from features.pipeline import FeatureConfig, load_config
from ml.abstention import AbstentionConfig
from ml.norms import PROJECT_FORM
from ml.train_config import TrainConfig

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")


@dataclass(frozen=True)
class SurveyConfig:
    """How ratings become a pleasure-arousal-dominance space.

    Parameters
    ----------
    simulated_raters : int
        Size of the simulated panel that rates synthetic clips; 0 for none. Real clips are never rated by it.
    method : {"minres", "ml", "principal"}
        Factor extraction.
    rotation : {"procrustes", "varimax"}
        ``procrustes`` turns the factors to the PAD target.
    form : str
        Whose scales make the PAD space: the project's adjective pairs, or a form that was imported.
    """

    simulated_raters: int = 0
    form: str = PROJECT_FORM
    method: Literal["minres", "ml", "principal"] = "minres"
    rotation: Literal["procrustes", "varimax"] = "procrustes"


@dataclass(frozen=True)
class TrainingSetConfig:
    """Which frames of a labelled segment are learned from, and how subjects are split.

    Parameters
    ----------
    frames_per_segment : int
        Frames taken from a labelled segment, evenly over the part about its apex.
    valid_fraction, test_fraction : float
        Share of the subjects in the validation and the frozen test fold.
    seed : int
        Seed of the split and of training.
    """

    frames_per_segment: int = 5
    valid_fraction: float = 0.2
    test_fraction: float = 0.25
    seed: int = 0


@dataclass(frozen=True)
class PromotionConfig:
    """When a challenger may become champion.

    Parameters
    ----------
    num_resamples : int
        Bootstrap resamples of the paired comparison.
    min_difference : float
        The lower 95 % bound of the accuracy difference must exceed this.
    """

    num_resamples: int = 2000
    min_difference: float = 0.0


@dataclass(frozen=True)
class Parameters:
    """All parameters of the line; immutable, so that a hash can stand for them. `name` is their file's."""

    features: FeatureConfig
    name: str = "defaults"
    survey: SurveyConfig = field(default_factory=SurveyConfig)
    training_set: TrainingSetConfig = field(default_factory=TrainingSetConfig)
    training: TrainConfig = field(default_factory=TrainConfig)
    abstention: AbstentionConfig = field(default_factory=AbstentionConfig)
    promotion: PromotionConfig = field(default_factory=PromotionConfig)

    def resolved(self) -> dict[str, Any]:
        """Return every value, defaults included, as plain JSON-serialisable data."""
        return _plain(asdict(self))

    def hash_of(self, *sections: str) -> str:
        """Hash some sections, named by dotted paths: ``features.flow``, ``training``."""
        resolved = self.resolved()
        chosen: dict[str, Any] = {}
        for section in sections:
            value: Any = resolved
            for key in section.split("."):
                value = value[key]
            chosen[section] = value
        return fingerprint(chosen)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _read(path: Path) -> dict[str, Any]:
    try:
        document: Any = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as error:
        msg = f"{path} is no YAML: {error}"
        raise ValueError(msg) from error
    if not isinstance(document, dict):
        msg = f"{path}: saw {document!r}, expected sections of keys and values"
        raise ValueError(msg)
    return cast("dict[str, Any]", document)


def _section(kind: type[T], values: Any, name: str, path: Path) -> T:
    values = {} if values is None else values
    if not isinstance(values, dict):
        msg = f"{path}: section {name!r} is {values!r}, expected keys and values"
        raise ValueError(msg)
    known = {each.name for each in fields(kind)}
    unknown = sorted(set(values) - known)
    if unknown:
        msg = f"{path}: section {name!r} has unknown keys {unknown}; known are {sorted(known)}"
        raise ValueError(msg)
    try:
        return TypeAdapter(kind).validate_python(values)
    except ValidationError as error:
        msg = f"{path}: section {name!r}: {error}"
        raise ValueError(msg) from error


def load_parameters(path: Path) -> Parameters:
    """Read a parameter file such as ``configs/default.yaml``; what it leaves out has its default.

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    ValueError
        For an unknown section or key, or a value of the wrong type, naming it.
    """
    document = _read(path)
    sections = {each.name for each in fields(Parameters)} - {"features", "name"}
    features = {each.name for each in fields(FeatureConfig)}
    unknown = sorted(set(document) - sections - features)
    if unknown:
        msg = f"{path}: unknown sections {unknown}; known are {sorted(features | sections)}"
        raise ValueError(msg)
    return Parameters(
        features=load_config(path),
        name=path.name,
        survey=_section(SurveyConfig, document.get("survey"), "survey", path),
        training_set=_section(TrainingSetConfig, document.get("training_set"), "training_set", path),
        training=_section(TrainConfig, document.get("training"), "training", path),
        abstention=_section(AbstentionConfig, document.get("abstention"), "abstention", path),
        promotion=_section(PromotionConfig, document.get("promotion"), "promotion", path),
    )
