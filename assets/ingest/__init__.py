"""Group `ingest`: intake with quarantine, `clip_manifest`."""

from apexline.assets.ingest.intake import (
    IntakeResult,
    clips_in,
    parse_manifest,
    quarantined,
    summarise,
    take_in,
)

__all__ = ["IntakeResult", "clips_in", "parse_manifest", "quarantined", "summarise", "take_in"]
