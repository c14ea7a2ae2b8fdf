"""Which stream of a file is its recording."""

import av
import numpy as np
import pytest

from apexline.features.video.reader import probe_video, read_frames

THUMBNAIL = ("mjpeg", "yuvj420p", 320, 240, 1)
SUBSTREAM = ("libx264", "yuv420p", 64, 48, 40)
RECORDING = ("libx264", "yuv420p", 128, 96, 40)
SHORT = ("libx264", "yuv420p", 256, 192, 5)


def several(path, streams, *, dispositions=()):
    """A file with several video streams of 25 pictures a second, the pictures of the first stream first."""
    with av.open(str(path), "w") as container:
        made = []
        for codec, pixel_format, width, height, count in streams:
            stream = container.add_stream(codec, rate=25, width=width, height=height)
            stream.pix_fmt = pixel_format
            stream.codec_context.thread_count = 1
            made.append((stream, count))
        for (stream, _), disposition in zip(made, dispositions, strict=False):
            stream.disposition = disposition
        for stream, count in made:
            for number in range(count):
                image = np.full((stream.height, stream.width, 3), 20 + number, np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
            container.mux(stream.encode(None))


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "avi"])
@pytest.mark.parametrize(
    "streams",
    [
        (THUMBNAIL, RECORDING),
        (RECORDING, THUMBNAIL),
        (SUBSTREAM, RECORDING),
        (THUMBNAIL, SUBSTREAM, RECORDING),
        (SHORT, RECORDING),
    ],
    ids=["still-first", "still-last", "substream", "three", "short"],
)
def test_the_largest_of_the_long_streams_is_read(tmp_path, suffix, streams):
    path = tmp_path / f"a.{suffix}"
    several(path, streams)
    info = probe_video(path)
    frames = list(read_frames(path))
    assert (info.codec, info.width, info.height, info.num_frames) == ("h264", 128, 96, 40)
    assert {frame.image.shape for frame in frames} == {(96, 128, 3)}
    assert len(frames) == 40


def test_a_sleeve_is_no_recording(tmp_path):
    path = tmp_path / "a.mp4"
    several(path, (THUMBNAIL, RECORDING), dispositions=(av.stream.Disposition.attached_pic,))
    assert probe_video(path).num_frames == 40


def test_streams_of_one_size_and_length_give_the_first(tmp_path):
    path = tmp_path / "a.mkv"
    several(path, (RECORDING, ("mpeg4", *RECORDING[1:])))
    assert probe_video(path).codec == "h264"
