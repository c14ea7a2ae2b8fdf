"""Parquet files that are the truth, and what can be looked up in them (no stage in here)."""

from apexline.assets.lake.annotations import listed_camera_days, track_of
from apexline.assets.lake.camera_days import (
    CAMERA_DAYS,
    compute_clips,
    failed_metadata,
    fingerprints,
    for_each_clip,
)
from apexline.assets.lake.clip_stages import (
    DECIDING_COLUMNS,
    LakeClip,
    LostFrames,
    lost_frames,
    process_clip,
    write_segments,
    write_tracks,
)
from apexline.assets.lake.clips import (
    Manifest,
    StoredClip,
    clip_ids,
    delete_video,
    find_clip,
    hash_file,
    read_clip,
    stored_camera_days,
    unprocessed_clips,
    without_faces,
    without_video,
)
from apexline.assets.lake.crops import TrackStream, crops_at, write_track_features
from apexline.assets.lake.face_quality import QUALITY, measures_at
from apexline.assets.lake.failures import Failure, forget_failure, recorded_failures
from apexline.assets.lake.pictures import Pictures, pictures_of
from apexline.assets.lake.schemas import LAKE_ONLY, RATINGS, TABLES, WITHOUT_CAMERA_DAY
from apexline.assets.lake.storage import (
    DamagedFile,
    Lake,
    columns_of_track,
    each_readable,
    fingerprint,
)
from apexline.assets.lake.unfinished import scratch_file, scratch_folder, sweep_scratch
from apexline.assets.lake.workers import ClipWorkers, Job, is_of_the_machine

__all__ = [
    "CAMERA_DAYS",
    "ClipWorkers",
    "DECIDING_COLUMNS",
    "DamagedFile",
    "Failure",
    "Job",
    "LAKE_ONLY",
    "Lake",
    "LakeClip",
    "Manifest",
    "Pictures",
    "QUALITY",
    "RATINGS",
    "StoredClip",
    "TABLES",
    "TrackStream",
    "WITHOUT_CAMERA_DAY",
    "clip_ids",
    "columns_of_track",
    "compute_clips",
    "crops_at",
    "delete_video",
    "each_readable",
    "failed_metadata",
    "find_clip",
    "fingerprint",
    "fingerprints",
    "for_each_clip",
    "forget_failure",
    "hash_file",
    "is_of_the_machine",
    "listed_camera_days",
    "LostFrames",
    "lost_frames",
    "measures_at",
    "pictures_of",
    "process_clip",
    "read_clip",
    "scratch_file",
    "scratch_folder",
    "recorded_failures",
    "stored_camera_days",
    "sweep_scratch",
    "track_of",
    "unprocessed_clips",
    "without_faces",
    "without_video",
    "write_segments",
    "write_track_features",
    "write_tracks",
]
