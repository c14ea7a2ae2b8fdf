"""Faces over time: detect now and then, follow in between, say which frames are usable."""

from apexline.features.tracking.config import TrackConfig
from apexline.features.tracking.track import track_id_of
from apexline.features.tracking.tracker import TrackedFace, track_faces

__all__ = ["TrackConfig", "TrackedFace", "track_faces", "track_id_of"]
