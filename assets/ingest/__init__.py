"""Group `ingest`: intake with quarantine, `clip_manifest`."""

from apexline.assets.ingest.entries import clips_in, passed_over, printable, sidecar_of_landed
from apexline.assets.ingest.intake import IntakeResult, summarise, take_in
from apexline.assets.ingest.landing import LandingQueue
from apexline.assets.ingest.quarantine import quarantined
from apexline.assets.ingest.sidecar import parse_manifest, read_manifest
from apexline.assets.ingest.tombstones import bury, home_secret, keyed_digest

__all__ = [
    "IntakeResult",
    "LandingQueue",
    "bury",
    "clips_in",
    "home_secret",
    "keyed_digest",
    "parse_manifest",
    "passed_over",
    "printable",
    "quarantined",
    "read_manifest",
    "sidecar_of_landed",
    "summarise",
    "take_in",
]
