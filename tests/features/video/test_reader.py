"""Video files read: exact timestamps, rotation, streaming, grey values, and streams that do not decode."""

import tracemalloc
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from apexline.features.video.pictures import Frame
from apexline.features.video.reader import probe_video, read_frames
from apexline.features.video.writer import write_video
from tests.features.clips import (
    COLS,
    NUM_FRAMES,
    ROWS,
    assert_agrees,
    assert_unreadable,
    mdat_at,
    mux,
    number_of,
    numbered_frames,
)


def write_sound(path, *, codec="aac"):
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=16000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), format="fltp", layout="mono")
        silence.sample_rate = 16000
        container.mux(stream.encode(silence))
        container.mux(stream.encode(None))


def test_probe_tells_format_and_times(clip):
    info = probe_video(clip)
    assert (info.codec, info.width, info.height, info.num_frames) == ("h264", COLS, ROWS, NUM_FRAMES)
    assert (info.fps, info.duration_s, info.rotation) == (pytest.approx(25), pytest.approx(1.2), 0)
    np.testing.assert_allclose(info.timestamps, np.arange(NUM_FRAMES) / 25, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.mp4", "libx264"),
        ("a.mov", "libx264"),
        ("a.mkv", "libx264"),
        ("a.avi", "libx264"),
        ("a.avi", "mpeg4"),
        ("a.ts", "libx264"),
        ("a.webm", "libvpx"),
    ],
)
def test_frames_agree_with_probe_in_every_container(tmp_path, name, codec):
    mux(tmp_path / name, codec)
    info = assert_agrees(tmp_path / name)
    assert info.num_frames == NUM_FRAMES
    assert info.fps == pytest.approx(25)


def test_variable_rate_keeps_exact_times(tmp_path):
    # A camera that halves its rate in the dark, and stamps that do not start at zero.
    pts = [400 + 40 * n for n in range(10)] + [800 + 80 * n for n in range(10)]
    mux(tmp_path / "dusk.mkv", "libx264", pts=pts)
    info = assert_agrees(tmp_path / "dusk.mkv")
    np.testing.assert_allclose(info.timestamps, (np.array(pts) - 400) / 1000, atol=1e-9)
    assert info.fps == pytest.approx(19 / 1.12)


def test_frames_outside_the_edit_list_are_not_counted(tmp_path):
    # The writer turns a negative first stamp into an edit that starts playing at zero.
    mux(
        tmp_path / "edited.mp4",
        "libx264",
        pts=[40 * (n - 3) for n in range(20)],
        options={"use_editlist": "1", "avoid_negative_ts": "disabled"},
    )
    info = probe_video(tmp_path / "edited.mp4")
    frames = list(read_frames(tmp_path / "edited.mp4"))
    assert info.num_frames == 17
    assert [number_of(frame.image) for frame in frames] == list(range(3, 20))
    np.testing.assert_array_equal([frame.time_s for frame in frames], info.timestamps)


def test_single_frame(tmp_path):
    write_video(tmp_path / "one.mp4", numbered_frames(1), fps=12.5)
    info = assert_agrees(tmp_path / "one.mp4")
    assert (info.num_frames, info.fps, info.duration_s) == (1, 12.5, 0.08)


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_rotation_is_honoured(tmp_path, rotation):
    quadrant = np.zeros((ROWS, COLS, 3), np.uint8)
    quadrant[: ROWS // 2, : COLS // 2] = 255
    write_video(tmp_path / "a.mp4", [quadrant] * 3, fps=25)
    data = (tmp_path / "a.mp4").read_bytes()
    one, minus = (1 << 16).to_bytes(4, "big"), ((1 << 32) - (1 << 16)).to_bytes(4, "big")
    nil, w = bytes(4), (1 << 30).to_bytes(4, "big")
    # Display matrices a b u c d v x y w of a clockwise turn, in the track header.
    turned = {90: (nil, one, minus, nil), 180: (minus, nil, nil, minus), 270: (nil, minus, one, nil)}[
        rotation
    ]
    identity = one + nil + nil + nil + one + nil + nil + nil + w
    matrix = turned[0] + turned[1] + nil + turned[2] + turned[3] + nil + nil + nil + w
    at = data.index(identity, data.index(b"tkhd"))
    (tmp_path / "a.mp4").write_bytes(data[:at] + matrix + data[at + len(identity) :])

    info = probe_video(tmp_path / "a.mp4")
    image = next(read_frames(tmp_path / "a.mp4")).image
    assert info.rotation == rotation
    assert image.shape == (info.height, info.width, 3)
    expected = np.rot90(quadrant, -rotation // 90)
    np.testing.assert_allclose(image.astype(int), expected, atol=40)
    assert image.flags.c_contiguous
    gray = next(read_frames(tmp_path / "a.mp4")).gray
    np.testing.assert_allclose(gray.astype(int), expected[..., 0], atol=40)
    assert gray.flags.c_contiguous


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        probe_video(tmp_path / "none.mp4")


@pytest.mark.parametrize("name", ["a.mp4", "a.wav"])
def test_sound_only(tmp_path, name):
    write_sound(tmp_path / name, codec="aac" if name == "a.mp4" else "pcm_s16le")
    assert_unreadable(tmp_path / name, "no_video_stream", "saw streams: audio")


def test_fourcc_that_no_decoder_knows(clip):
    data = clip.read_bytes()
    assert data.count(b"avc1") >= 1
    clip.write_bytes(data.replace(b"avc1", b"zzz9"))
    assert_unreadable(clip, "unreadable_codec", "no decoder")


def test_codec_that_decodes_nothing(clip):
    data = bytearray(clip.read_bytes())
    data[mdat_at(data) :] = bytes(len(data) - mdat_at(data))
    clip.write_bytes(data)
    assert_unreadable(clip, "unreadable_codec", "no frame of codec h264 decodes")


@pytest.mark.parametrize(
    "data",
    [b"\x00\x00\x00\x10ftypisom\0\0\0\0\x00\x00\x00\x08moov", b"RIFF\x04\x00\x00\x00AVI " + b"junk" * 5],
)
def test_container_without_streams(tmp_path, data):
    (tmp_path / "a.bin").write_bytes(data)
    assert_unreadable(tmp_path / "a.bin", "no_video_stream", "saw streams: none")


def test_stream_without_packets(tmp_path):
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream = container.add_stream("mpeg4", rate=25, width=COLS, height=ROWS)
        stream.pix_fmt = "yuv420p"
        container.start_encoding()
    assert_unreadable(tmp_path / "a.mkv", "truncated", "packet")


def test_end_that_is_all_zeros_is_truncated(tmp_path):
    # Preallocated by a recorder that lost power: the size is right, the last pictures are not there.
    path = tmp_path / "a.mp4"
    write_video(path, numbered_frames(), fps=4)
    data = bytearray(path.read_bytes())
    half = mdat_at(data) + (len(data) - mdat_at(data)) // 2
    data[half:] = bytes(len(data) - half)
    path.write_bytes(data)
    assert_unreadable(path, "truncated", "last frames do not decode")


def test_corrupt_frames_are_skipped_and_counted(tmp_path):
    path = tmp_path / "a.mp4"
    write_video(path, numbered_frames(), fps=4)
    info = probe_video(path)
    data = bytearray(path.read_bytes())
    start = mdat_at(data)
    third = start + (len(data) - start) // 3
    data[third : third + 400] = bytes(400)
    path.write_bytes(data)

    reader = read_frames(path)
    frames = list(reader)
    assert 0 < reader.num_corrupt < 10
    assert reader.reasons.total() == reader.num_corrupt
    assert any(reason.startswith("corrupt: ") for reason in reader.reasons)
    assert len(frames) + reader.num_corrupt == info.num_frames
    # Those that are left keep their place.
    assert all(frame.time_s == info.timestamps[frame.index] for frame in frames)
    assert [frame.index for frame in frames] == sorted({frame.index for frame in frames})
    assert frames[-1].index == NUM_FRAMES - 1
    assert number_of(frames[-1].image) == NUM_FRAMES - 1


def test_corrupt_frame_in_avi_is_counted(tmp_path):
    path = tmp_path / "a.avi"
    mux(path, "mpeg4")
    data = bytearray(path.read_bytes())
    # The 15th picture chunk: past its header, all noise.
    at = -1
    for _ in range(15):
        at = data.index(b"00dc", at + 1)
    length = int.from_bytes(data[at + 4 : at + 8], "little")
    data[at + 8 : at + 8 + length] = bytes(length)
    path.write_bytes(data)
    reader = read_frames(path)
    frames = list(reader)
    assert reader.num_corrupt == 1
    assert len(frames) == NUM_FRAMES - 1


def test_reading_streams(tmp_path):
    path = tmp_path / "long.mp4"
    rows, cols = 240, 320
    flat = np.full((rows, cols, 3), 90, np.uint8)
    write_video(path, (flat for _ in range(150)), fps=25)
    tracemalloc.start()
    count = sum(1 for _ in read_frames(path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 150
    assert peak < 10 * flat.nbytes


def test_path_may_be_text(clip):
    assert probe_video(str(clip)).num_frames == len(list(read_frames(str(clip))))
    assert isinstance(clip, Path)


def luma_clip(path, *, codec, pixel_format, level=120):
    """Three pictures, grey of a level on the left half, reddish on the right."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, width=COLS, height=ROWS)
        stream.pix_fmt = pixel_format
        stream.codec_context.thread_count = 1
        image = np.full((ROWS, COLS, 3), level, np.uint8)
        image[:, COLS // 2 :] = (level - 40, level, level + 40)
        for _ in range(3):
            picture = av.VideoFrame.from_ndarray(image, format="bgr24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


@pytest.mark.parametrize(
    ("name", "codec", "pixel_format"),
    [
        ("limited.mp4", "libx264", "yuv420p"),
        ("full.mkv", "mjpeg", "yuvj420p"),
        ("planes.mkv", "libx264", "yuv444p"),
        ("deep.mkv", "libx264", "yuv420p10le"),
        ("colour.mkv", "ffv1", "bgr0"),
        ("gray.mkv", "ffv1", "gray"),
    ],
)
def test_gray_is_the_luma_of_the_colours_in_any_format(tmp_path, name, codec, pixel_format):
    luma_clip(tmp_path / name, codec=codec, pixel_format=pixel_format)
    frame = next(read_frames(tmp_path / name))
    assert frame.gray.shape == (ROWS, COLS)
    assert frame.gray.dtype == np.uint8
    expected = cv2.cvtColor(frame.image, cv2.COLOR_BGR2GRAY).astype(int)
    # FFmpeg's way to colours is coarser than its way to grey.
    assert np.abs(frame.gray - expected).max() <= 3
    assert abs(frame.gray[:, : COLS // 2].mean() - 120) <= 1.5


def test_gray_spans_the_full_range(tmp_path):
    ramp = np.broadcast_to(np.linspace(0, 255, COLS).astype(np.uint8)[None, :, None], (ROWS, COLS, 3))
    write_video(tmp_path / "a.mp4", [ramp] * 3, fps=25, crf=0)
    gray = next(read_frames(tmp_path / "a.mp4")).gray
    np.testing.assert_allclose(gray.astype(int), ramp[..., 0], atol=2)


def test_frame_from_an_image():
    image = np.zeros((4, 6, 3), np.uint8)
    image[..., 1] = 100
    frame = Frame(3, 0.12, image)
    assert (frame.index, frame.time_s) == (3, 0.12)
    assert frame.image is image
    # Green weighs .587.
    assert (frame.gray == 59).all()


def test_frames_outlive_their_reader(clip):
    frames = list(read_frames(clip))
    assert [number_of(frame.image) for frame in reversed(frames)] == list(reversed(range(NUM_FRAMES)))
    assert [number_of(frame.gray) for frame in frames] == list(range(NUM_FRAMES))


@pytest.mark.parametrize("name", ["a.mp4", "a.ts", "a.mkv"])
@pytest.mark.parametrize(("keyint", "num_frames"), [(10, 78), (20, 78), (60, 78), (50, 52), (25, 27)])
def test_streams_that_are_refreshed_bit_by_bit(tmp_path, name, keyint, num_frames):
    path = tmp_path / name
    with av.open(str(path), "w") as container:
        options = {"x264-params": f"intra-refresh=1:keyint={keyint}"}
        stream = container.add_stream("libx264", rate=25, width=COLS, height=ROWS, options=options)
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1
        for image in numbered_frames(num_frames):
            container.mux(
                stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="bgr24"))
            )
        container.mux(stream.encode(None))
    assert probe_video(path).num_frames == num_frames
    assert len(list(read_frames(path))) == num_frames


def test_an_open_group_at_the_end(tmp_path):
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        options = {"x264-params": "open-gop=1:keyint=10:bframes=3"}
        stream = container.add_stream("libx264", rate=25, width=COLS, height=ROWS, options=options)
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1
        for image in numbered_frames():
            container.mux(
                stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="bgr24"))
            )
        container.mux(stream.encode(None))
    assert assert_agrees(path).num_frames == NUM_FRAMES


def test_pictures_lost_in_the_middle_are_counted_with_their_reason(tmp_path):
    # Each picture stands alone: what is damaged costs itself, and the end is there.
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libsvtav1", rate=25, width=64, height=64, options={"preset": "12"})
        stream.pix_fmt = "yuv420p"
        stream.codec_context.gop_size = 1
        for image in numbered_frames(cols=64, rows=64):
            container.mux(
                stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="bgr24"))
            )
        container.mux(stream.encode(None))
    with av.open(str(path)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    data = bytearray(path.read_bytes())
    for at, size in places[10:20]:
        data[at : at + size] = b"\xff" * size
    path.write_bytes(data)
    reader = read_frames(path)
    indices = [frame.index for frame in reader]
    assert probe_video(path).num_frames == NUM_FRAMES
    assert indices == [*range(10), *range(20, NUM_FRAMES)]
    assert (reader.num_read, reader.num_corrupt) == (NUM_FRAMES - 10, 10)
    assert reader.reasons == {"not decoded: Invalid data found when processing input": 10}
