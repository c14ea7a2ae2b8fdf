"""Group `ingest`: intake with quarantine, `clip_manifest`."""

from apexline.assets.ingest.entries import clips_in, passed_over, printable
from apexline.assets.ingest.intake import IntakeResult, summarise, take_in
from apexline.assets.ingest.landing import LandingQueue
from apexline.assets.ingest.quarantine import quarantined
from apexline.assets.ingest.sidecar import parse_manifest

__all__ = [
    "IntakeResult",
    "LandingQueue",
    "clips_in",
    "parse_manifest",
    "passed_over",
    "printable",
    "quarantined",
    "summarise",
    "take_in",
]
