"""For how long each class of data is kept: the settings file of a home, and what of a class is due.

Belongs here: the limits. Stays out: deleting (``orchestration.governing``), holds (``holds``).

The defaults are settings, not law: what is right for a camera stands in its impact assessment.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from upath import UPath

from apexline.governance.folder import governance_folder

_FILE = "retention.yaml"


class Retention(BaseModel):
    """The settings file ``retention.yaml`` of the home's governance: hours and days from when a thing came to be.

    Parameters
    ----------
    clips_h : float
        Videos as they came in, and what was refused.
    crops_d : float
        Aligned faces, the training set among them, and pages that show faces.
    features_d : float
        Texture, flow and words of each face.
    scores_d : float
        Tracks, segments, scores, labels and reviews: the last that is left of a clip.
    ratings_d : float
        Answers of raters.
    models_d : float
        Registered versions that are neither champion nor challenger, with their runs in MLflow.
    logs_d : float
        Runs and ticks of Dagster, and the audit: six months at least.
    keep_drawn : bool
        Clips that say that their faces were drawn, of cameras that are registered as synthetic, are kept: nobody is in
        them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    clips_h: float = Field(default=72, ge=0)
    crops_d: float = Field(default=30, ge=0)
    features_d: float = Field(default=90, ge=0)
    scores_d: float = Field(default=365, ge=0)
    ratings_d: float = Field(default=1095, ge=0)
    models_d: float = Field(default=730, ge=0)
    logs_d: float = Field(default=400, ge=184)
    keep_drawn: bool = True

    @model_validator(mode="after")
    def _check(self) -> Retention:
        days = (self.clips_h / 24, self.crops_d, self.features_d, self.scores_d)
        if list(days) != sorted(days):
            msg = (
                "expected clips, crops, features and scores to be kept for longer and longer: what is computed from a "
                "clip would be computed again while the clip is there"
            )
            raise ValueError(msg)
        return self

    def age(self, name: str) -> timedelta:
        """Return for how long a class is kept: ``clips``, ``crops``, ``features``, ``scores``, and so on."""
        return (
            timedelta(hours=self.clips_h) if name == "clips" else timedelta(days=getattr(self, f"{name}_d"))
        )


CLASSES = tuple(name.rpartition("_")[0] for name in Retention.model_fields if name.endswith(("_h", "_d")))


def read_retention(home: UPath | Path) -> Retention:
    """Return the limits of a home; the defaults where it has no file.

    Raises
    ------
    ValueError
        Where the file can't be read: then nothing is purged.
    """
    path = governance_folder(home) / _FILE
    if not path.exists():
        return Retention()
    try:
        return Retention.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except (ValidationError, yaml.YAMLError) as error:
        msg = f"{path} can't be read as limits of retention: {error}"
        raise ValueError(msg) from error
