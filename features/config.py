"""The parameters from pixels to segments, and how a section of a YAML file becomes a configuration.

Belongs here: `FeatureConfig` and reading parameter files, those of other packages too. Stays out: what a parameter
means and its bounds (they stand in the dataclass of its section, beside the algorithm).

Configurations are frozen pydantic dataclasses: whether built in code or from a file, a value of the wrong type or range
and an unknown key are refused, and a value that YAML writes in another type (an int for a float, a list for a
tuple) becomes the declared one, so that equal configurations have equal hashes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, fields
from pathlib import Path
from typing import Any, TypeVar, cast

import yaml
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from apexline.features.backend import Device
from apexline.features.faces import FaceConfig
from apexline.features.flow import FlowConfig
from apexline.features.modc import TextureConfig
from apexline.features.spotting import SegmentConfig
from apexline.features.tracking import TrackConfig

T = TypeVar("T")


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class FeatureConfig:
    """All parameters from pixels to segments; one section of ``configs/*.yaml`` each.

    Attributes
    ----------
    faces : FaceConfig
    tracks : TrackConfig
    texture : TextureConfig
    flow : FlowConfig
    segments : SegmentConfig
    device : {"auto", "cpu", "cuda"}
        Where texture and flow are computed, see `features.placement.Placement`: ``auto`` takes a GPU where it pays.

    Examples
    --------
    >>> from apexline.features import FeatureConfig
    >>> from apexline.features.flow import FlowConfig
    >>> config = FeatureConfig(device="cpu", flow=FlowConfig(solver="single", num_sweeps=100))
    >>> config.flow.num_sweeps, config.texture.kinds
    (100, ('sl', 'sr'))
    """

    faces: FaceConfig = field(default_factory=FaceConfig)
    tracks: TrackConfig = field(default_factory=TrackConfig)
    texture: TextureConfig = field(default_factory=TextureConfig)
    flow: FlowConfig = field(default_factory=FlowConfig)
    segments: SegmentConfig = field(default_factory=SegmentConfig)
    device: Device = "auto"


def load_config(path: str | Path) -> FeatureConfig:
    """Read the sections of `FeatureConfig` from a YAML file; other sections belong to others.

    Parameters
    ----------
    path : str or Path
        What the file leaves out has its default.

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    ValueError
        For an unknown key or a value of the wrong type or range, naming file, section, key and what was expected.

    Examples
    --------
    >>> from importlib.resources import files
    >>> from apexline.features import load_config
    >>> config = load_config(files("apexline.configs") / "paper.yaml")
    >>> config.flow.solver, config.texture.registration
    ('single', 'none')
    """
    own = {each.name for each in fields(FeatureConfig)}
    document = read_sections(path)
    given = {name: values for name, values in document.items() if name in own and values is not None}
    return build_config(FeatureConfig, given, source=path)


def read_sections(path: str | Path) -> dict[str, Any]:
    """Read a YAML file of sections by name; a section without a value is None.

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    ValueError
        If the file is no YAML, or no mapping.
    """
    try:
        document: Any = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        message = f"{path} is no YAML: {error}"
        raise ValueError(message) from error
    document = {} if document is None else document
    if not isinstance(document, dict):
        message = f"{path}: saw {document!r}; expected sections of keys and values"
        raise ValueError(message)
    return cast("dict[str, Any]", document)


def build_config(kind: type[T], values: Mapping[str, Any], *, source: str | Path) -> T:
    """Build a configuration from what a file says.

    Parameters
    ----------
    kind : type
        A pydantic dataclass.
    values : mapping
        Its fields; a nested configuration may be a mapping in turn.
    source : str or Path
        Stands before each line of an error.

    Raises
    ------
    ValueError
        One line for each fault: ``source: section.key: saw ...; expected ...``.
    """
    try:
        return TypeAdapter(kind).validate_python(values)
    except ValidationError as error:
        faults = error.errors(include_url=False)
        message = "\n".join(f"{source}: {_described(kind, cast('Any', fault))}" for fault in faults)
        raise ValueError(message) from error


def _described(kind: type[Any], fault: Mapping[str, Any]) -> str:
    where = ".".join(map(str, fault["loc"]))
    if fault["type"] == "unexpected_keyword_argument":
        return (
            f"{where}: saw an unknown key; expected one of {', '.join(_known_keys(kind, fault['loc'][:-1]))}"
        )
    if fault["type"] == "value_error":  # of a check of our own, which says all of it
        return f"{where}: {fault['ctx']['error']}"
    # "Input should be greater than 0" -> "expected input to be greater than 0"
    expected: str = (
        "one more value" if fault["type"] == "missing" else fault["msg"].replace(" should ", " to ", 1)
    )
    return f"{where}: saw {fault['input']!r}; expected {expected[:1].lower()}{expected[1:]}"


def _known_keys(kind: type[Any], section: tuple[str, ...]) -> list[str]:
    for name in section:
        kind = kind.__pydantic_fields__[name].annotation
    return sorted(each.name for each in fields(kind))
