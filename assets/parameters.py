"""The parameters of the whole line, read from one YAML file.

Belongs here: the sections that only the assets use, and how the file becomes frozen dataclasses. Stays out:
what the parameters of an algorithm mean (they stand beside it in ``features`` and ``ml``) and the settings of
a machine (``orchestration.settings``).
"""

from __future__ import annotations

from dataclasses import asdict, field, fields
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, NonNegativeInt, PositiveInt, model_validator
from pydantic.dataclasses import dataclass

from apexline.assets.lake import fingerprint
from apexline.features import FeatureConfig, build_config, load_config, read_sections, require
from apexline.ml import PROJECT_FORM, AbstentionConfig, TrainConfig

_Part = Annotated[float, Field(gt=0, lt=1)]


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
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

    simulated_raters: NonNegativeInt = 0
    form: str = PROJECT_FORM
    method: Literal["minres", "ml", "principal"] = "minres"
    rotation: Literal["procrustes", "varimax"] = "procrustes"


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
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

    frames_per_segment: PositiveInt = 5
    valid_fraction: _Part = 0.2
    test_fraction: _Part = 0.25
    seed: NonNegativeInt = 0

    @model_validator(mode="after")
    def _check_fractions(self) -> Self:
        taken = self.valid_fraction + self.test_fraction
        require(
            taken < 1,
            f"valid_fraction and test_fraction sum to {taken}; expected less than 1: subjects to train on",
        )
        return self


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class PromotionConfig:
    """When a challenger may become champion.

    Parameters
    ----------
    num_resamples : int
        Bootstrap resamples of the paired comparison.
    min_difference : float
        The lower 95 % bound of the accuracy difference must exceed this.
    false_promotions : float
        Probability that any of a year's challengers wins by luck, were all as good as the champion.
    min_slice_count : int
        Groups of fewer test faces say nothing.
    max_slice_loss : float
        By how much less accurate than the champion a challenger may be in any larger group: the whole 95 % interval
        of the difference below minus this keeps it from being promoted.
    """

    num_resamples: PositiveInt = 2000
    min_difference: Annotated[float, Field(ge=-1, le=1)] = 0.0
    false_promotions: Annotated[float, Field(gt=0, lt=1)] = 0.05
    min_slice_count: PositiveInt = 20
    max_slice_loss: Annotated[float, Field(ge=0, le=1)] = 0.0


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class DriftConfig:
    """When a camera-day no longer looks like what the champion knows.

    Parameters
    ----------
    days : int
        How many of the latest days are compared.
    first_answers : int
        Segments that the champion scored first: the reference for its answers, and for the faces where it did not
        learn from this home's.
    min_count : int
        Tracks, clips or segments of a camera-day below which nothing is said of it; the reference needs as many.
    min_psi : float
        Least population stability index of a shift that matters; 0.2 by custom.
    false_alarms : float
        Probability that any of the comparisons warns by luck, were all from one distribution.
    """

    days: PositiveInt = 7
    first_answers: PositiveInt = 500
    min_count: PositiveInt = 30
    min_psi: Annotated[float, Field(ge=0)] = 0.2
    false_alarms: Annotated[float, Field(gt=0, lt=1)] = 0.01


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Parameters:
    """All parameters of the line; immutable, so that a hash can stand for them. `name` is their file's."""

    features: FeatureConfig
    name: str = "defaults"
    survey: SurveyConfig = field(default_factory=SurveyConfig)
    training_set: TrainingSetConfig = field(default_factory=TrainingSetConfig)
    training: TrainConfig = field(default_factory=TrainConfig)
    abstention: AbstentionConfig = field(default_factory=AbstentionConfig)
    promotion: PromotionConfig = field(default_factory=PromotionConfig)
    drift: DriftConfig = field(default_factory=DriftConfig)

    def resolved(self) -> dict[str, Any]:
        """Return every value, defaults included, as plain JSON-serialisable data."""
        return _plain(asdict(self))

    def hash_of(self, *sections: str) -> str:
        """Hash some sections, named by dotted paths: ``features.flow.solver``, ``training``."""
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


def load_parameters(path: Path) -> Parameters:
    """Read a parameter file such as ``configs/default.yaml``; what it leaves out has its default.

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    ValueError
        For an unknown section or key, or a value of the wrong type or range, naming it and what was expected.
    """
    document = read_sections(path)
    features = {each.name for each in fields(FeatureConfig)}
    sections = {each.name for each in fields(Parameters)} - {"features", "name"}
    unknown = sorted(set(document) - sections - features)
    if unknown:
        msg = f"{path}: unknown sections {unknown}; known are {sorted(features | sections)}"
        raise ValueError(msg)
    given = {name: values for name, values in document.items() if name in sections and values is not None}
    return build_config(Parameters, {"features": load_config(path), "name": path.name, **given}, source=path)
