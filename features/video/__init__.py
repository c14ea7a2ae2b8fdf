"""Video files in, timed frames out."""

from apexline.features.video.containers import UnreadableVideo
from apexline.features.video.guarded import probe_video, read_frames
from apexline.features.video.limits import DecodingUnavailable
from apexline.features.video.pictures import Frame
from apexline.features.video.reader import VideoInfo
from apexline.features.video.writer import write_video

__all__ = [
    "DecodingUnavailable",
    "Frame",
    "UnreadableVideo",
    "VideoInfo",
    "probe_video",
    "read_frames",
    "write_video",
]
