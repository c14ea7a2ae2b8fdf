"""Limits of what a video may ask for: each by itself, how they are set, and small files that ask for much."""

import struct
import time
import zlib
from pathlib import Path

import av
import numpy as np
import pytest

from apexline.features.video import decoding_process, reader
from apexline.features.video.containers import UnreadableVideo
from apexline.features.video.guarded import probe_video, read_frames
from apexline.features.video.limits import (
    DecodingUnavailable,
    VideoLimits,
    held_limits,
    holding_to,
    limits_in_force,
)
from apexline.features.video.writer import write_video
from tests.features.clips import COLS, NUM_FRAMES, ROWS, mdat_at, mux, numbered_frames, textured_clip


def refused(path, match):
    for read in (probe_video, lambda path: list(read_frames(path))):
        with pytest.raises(UnreadableVideo, match=match) as caught:
            read(path)
        assert caught.value.reason == "limit_exceeded"


@pytest.mark.parametrize(
    ("name", "value", "match"),
    [
        ("max_bytes", "1000", r"saw [\d,]+ bytes; expected at most 1,000"),
        ("max_pixels", str(ROWS * COLS - 1), rf"saw 3,072 pixels in a picture \({COLS} x {ROWS}\)"),
        ("max_frames", str(NUM_FRAMES - 1), f"saw {NUM_FRAMES} packets or more"),
        ("max_duration_s", "1", r"saw 1\.16 s from the first frame to the last; expected at most 1\.0"),
    ],
)
def test_each_limit_is_a_setting_that_its_refusal_names(clip, monkeypatch, name, value, match):
    monkeypatch.setenv(f"APEXLINE_VIDEO_{name.upper()}", value)
    refused(clip, rf"limit_exceeded: {match}.*APEXLINE_VIDEO_{name.upper()}")
    monkeypatch.delenv(f"APEXLINE_VIDEO_{name.upper()}")
    assert probe_video(clip).num_frames == NUM_FRAMES


def test_streams_have_a_limit(tmp_path, monkeypatch):
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        streams = [container.add_stream("mpeg4", rate=25, width=64, height=48) for _ in range(4)]
        for stream in streams:
            container.mux(stream.encode(av.VideoFrame(64, 48, "yuv420p")))
        for stream in streams:
            container.mux(stream.encode(None))
    monkeypatch.setenv("APEXLINE_VIDEO_MAX_STREAMS", "3")
    refused(tmp_path / "a.mkv", "saw 4 streams; expected at most 3")


def test_pictures_of_a_packet_have_a_limit(clip):
    with holding_to(VideoLimits(max_packet_frames=0)), pytest.raises(UnreadableVideo, match="in one packet"):
        reader.probe_video(clip)
    assert held_limits() == VideoLimits()


def test_displayed_pictures_have_the_limit_of_stored_ones(tmp_path, monkeypatch):
    with av.open(str(tmp_path / "wide.mkv"), "w") as container:
        stream = container.add_stream("libx264", rate=25, width=64, height=48)
        stream.codec_context.sample_aspect_ratio = 3
        container.mux(stream.encode(av.VideoFrame(64, 48, "yuv420p")))
        container.mux(stream.encode(None))
    assert probe_video(tmp_path / "wide.mkv").width == 192
    monkeypatch.setenv("APEXLINE_VIDEO_MAX_PIXELS", "5000")
    refused(tmp_path / "wide.mkv", r"saw 9,216 pixels in a frame \(192 x 48\)")


@pytest.mark.parametrize("text", ["many", "0", "-1", "1.5", "inf", "nan", ""])
def test_a_setting_that_is_no_limit_is_the_machines_fault(clip, monkeypatch, text):
    monkeypatch.setenv("APEXLINE_VIDEO_MAX_FRAMES", text)
    with pytest.raises(
        DecodingUnavailable, match=r"APEXLINE_VIDEO_MAX_FRAMES is .*; expected a whole number"
    ):
        probe_video(clip)


def test_limits_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("APEXLINE_VIDEO_PROBE_S", "1.5")
    monkeypatch.setenv("APEXLINE_VIDEO_MAX_STREAMS", "7")
    assert limits_in_force() == VideoLimits(probe_s=1.5, max_streams=7)
    assert limits_in_force().probe_budget_s(2_000_000) == 3.5


def png_clip(path, width, height, *, declared=True):
    """A MOV of a few hundred bytes whose pictures say that they are as large as you like."""
    textured_clip(path, "png", "rgb24", size=(64, 48))
    data = bytearray(path.read_bytes())
    at = -1
    while (at := data.find(b"IHDR", at + 1)) > 0:
        data[at + 4 : at + 12] = struct.pack(">II", width, height)
        data[at + 17 : at + 21] = struct.pack(">I", zlib.crc32(data[at : at + 17]))
    if declared:
        entry = data.index(b"png ", data.index(b"stsd"))
        data[entry + 28 : entry + 32] = struct.pack(">HH", width, height)
    path.write_bytes(data)


def peak_mib(pid):
    return int(Path(f"/proc/{pid}/status").read_text().split("VmHWM:")[1].split()[0]) / 1024


@pytest.mark.parametrize("declared", [True, False])
def test_a_small_file_with_a_huge_picture_takes_no_memory(tmp_path, declared):
    png_clip(tmp_path / "a.mov", 20_000, 20_000, declared=declared)
    decoding_process.end_all()
    with pytest.raises(
        UnreadableVideo, match=r"limit_exceeded: saw 400,000,000 pixels in a picture \(20000 x 20000\)"
    ):
        probe_video(tmp_path / "a.mov")
    assert declared or list(read_frames(tmp_path / "a.mov")) == []
    [process] = decoding_process._resting
    assert peak_mib(process.pid) < 250


def test_memory_has_a_limit_where_no_other_helps(tmp_path, monkeypatch):
    png_clip(tmp_path / "a.mov", 5_000, 5_000)
    monkeypatch.setenv("APEXLINE_VIDEO_MEMORY_BYTES", "40000000")
    with pytest.raises(UnreadableVideo):
        probe_video(tmp_path / "a.mov")
    [process] = decoding_process._resting
    assert peak_mib(process.pid) < 200


def test_an_index_of_billions_takes_neither_time_nor_memory(tmp_path):
    path = tmp_path / "a.mov"
    mux(path, "mpeg4")
    data = bytearray(path.read_bytes())
    sizes = data.index(b"stsz")
    data[sizes + 8 : sizes + 16] = struct.pack(">II", 1, 0x7FFFFFFF)
    times = data.index(b"stts")
    data[times + 12 : times + 16] = struct.pack(">I", 0x7FFFFFFF)
    path.write_bytes(data)
    decoding_process.end_all()
    started = time.monotonic()
    with pytest.raises(UnreadableVideo):
        probe_video(path)
    assert time.monotonic() - started < 10


def one_group(path, num_frames):
    """A clip of still pictures with one key frame: a few bytes a picture."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            "libx264", rate=25, width=COLS, height=ROWS, options={"x264-params": "keyint=infinite:scenecut=0"}
        )
        stream.pix_fmt = "yuv420p"
        image = np.full((ROWS, COLS, 3), 90, np.uint8)
        for _ in range(num_frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode(None))


def test_a_group_of_thousands_is_not_decoded_by_a_probe(tmp_path, monkeypatch):
    path = tmp_path / "a.mp4"
    one_group(path, 3000)
    assert path.stat().st_size < 113_000
    decoded = []
    whole = reader.decode_packets

    def counted(*arguments):
        for picture in whole(*arguments):
            decoded.append(picture.pts)
            yield picture

    monkeypatch.setattr(reader, "decode_packets", counted)
    with holding_to(VideoLimits(max_probe_pixels=100 * ROWS * COLS)):
        info = reader.probe_video(path)
    assert info.num_frames == 3000
    assert len(decoded) == 101
    assert reader.probe_video(path).num_frames == 3000
    assert len(decoded) == 3101


def test_an_end_that_a_probe_does_not_look_at_is_counted_when_it_is_read(tmp_path, monkeypatch):
    path = tmp_path / "a.mp4"
    write_video(path, numbered_frames(), fps=25)
    data = bytearray(path.read_bytes())
    half = mdat_at(data) + (len(data) - mdat_at(data)) // 2
    data[half:] = bytes(len(data) - half)
    path.write_bytes(data)
    with pytest.raises(UnreadableVideo, match="truncated"):
        probe_video(path)
    monkeypatch.setenv("APEXLINE_VIDEO_MAX_PROBE_PIXELS", "5000")
    assert probe_video(path).num_frames == NUM_FRAMES
    frames = read_frames(path)
    assert len(list(frames)) + frames.num_corrupt == NUM_FRAMES
    assert frames.num_corrupt > 5


def test_a_probe_that_takes_too_long_is_ended(tmp_path, monkeypatch):
    one_group(tmp_path / "a.mp4", 3000)
    probe_video(tmp_path / "a.mp4")  # the process has started
    monkeypatch.setenv("APEXLINE_VIDEO_PROBE_S", "0.001")
    monkeypatch.setenv("APEXLINE_VIDEO_PROBE_BYTES_PER_S", "1e12")
    started = time.monotonic()
    refused(tmp_path / "a.mp4", "APEXLINE_VIDEO_PROBE_S")
    assert time.monotonic() - started < 10
