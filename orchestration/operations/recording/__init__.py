"""Live cameras: streams become clips in the landing folder."""

from apexline.orchestration.operations.recording.cameras import record_cameras
from apexline.orchestration.operations.recording.ledger import read_ledger
from apexline.orchestration.operations.recording.recorder import Recording

__all__ = ["Recording", "read_ledger", "record_cameras"]
