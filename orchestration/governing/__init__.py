"""What the officer of an installation has done: purging what is due, exporting what a person asks for, evidence."""

from apexline.orchestration.governing.evidence import unresolved, write_evidence
from apexline.orchestration.governing.export import export_track
from apexline.orchestration.governing.purging import NotGoneError, purge

__all__ = ["NotGoneError", "export_track", "purge", "unresolved", "write_evidence"]
