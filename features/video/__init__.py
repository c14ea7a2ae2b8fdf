"""Video files in, timed frames out."""

from apexline.features.video.containers import UnreadableVideo
from apexline.features.video.pictures import Frame
from apexline.features.video.reader import VideoInfo, probe_video, read_frames
from apexline.features.video.writer import write_video

__all__ = ["Frame", "UnreadableVideo", "VideoInfo", "probe_video", "read_frames", "write_video"]
