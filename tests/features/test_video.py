"""Video files: exact timestamps, rotation, streaming, and a reason for every kind of broken file."""

import hashlib
import tracemalloc
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from features.video import Frame, UnreadableVideo, probe_video, read_frames, write_video

ROWS, COLS, NUM_FRAMES = 48, 64, 30


def numbered_frames(num_frames=NUM_FRAMES, rows=ROWS, cols=COLS):
    """Grey frames whose brightness tells their number: 20 + 7 n, with noise that fills the file."""
    rng = np.random.default_rng(7)
    for number in range(num_frames):
        noise = rng.integers(-8, 9, (rows, cols, 1))
        yield np.broadcast_to(20 + 7 * number + noise, (rows, cols, 3)).astype(np.uint8)


def number_of(image):
    return round((float(image.mean()) - 20) / 7)


@pytest.fixture
def clip(tmp_path):
    path = tmp_path / "clip.mp4"
    write_video(path, numbered_frames(), fps=25)
    return path


def mux(path, codec, *, pts=None, options=None):
    """A video with chosen timestamps (ms), in the container of its suffix."""
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream(codec, rate=25, width=COLS, height=ROWS)
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1
        stream.codec_context.gop_size = 10
        stream.codec_context.bit_rate = 4_000_000
        for number, image in enumerate(numbered_frames(len(pts) if pts else NUM_FRAMES)):
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="bgr24")
            if pts:
                picture.pts, picture.time_base = pts[number], Fraction(1, 1000)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


def write_sound(path, *, codec="aac"):
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=16000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), format="fltp", layout="mono")
        silence.sample_rate = 16000
        container.mux(stream.encode(silence))
        container.mux(stream.encode(None))


def mdat_at(data):
    return data.index(b"mdat") + 4


def assert_agrees(path):
    info = probe_video(path)
    reader = read_frames(path)
    frames = list(reader)
    assert [frame.index for frame in frames] == list(range(info.num_frames))
    np.testing.assert_array_equal([frame.time_s for frame in frames], info.timestamps)
    assert [number_of(frame.image) for frame in frames] == list(range(info.num_frames))
    assert reader.num_corrupt == 0
    return info


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


def assert_unreadable(path, reason, match):
    with pytest.raises(UnreadableVideo, match=match) as caught:
        probe_video(path)
    assert caught.value.reason == reason
    assert caught.value.detail in str(caught.value)


def test_zero_bytes(tmp_path):
    (tmp_path / "a.mp4").touch()
    assert_unreadable(tmp_path / "a.mp4", "zero_bytes", "empty")


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        probe_video(tmp_path / "none.mp4")


@pytest.mark.parametrize(
    "text",
    [
        "a plain text\n" * 40,
        "1\n00:00:00,000 --> 00:00:02,000\na subtitle\n\n",
        "#EXTM3U\n#EXTINF:1,\nclip.mp4\n",
        "ffconcat version 1.0\nfile clip.mp4\n",
        "x",
    ],
)
def test_text_named_mp4(clip, text):
    # A playlist must not lead to the good clip beside it.
    path = clip.with_name("text.mp4")
    path.write_text(text)
    assert_unreadable(path, "not_a_video", "expected an MP4")


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


@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.99])
def test_cut_with_the_index_in_front(clip, share):
    data = clip.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    clip.write_bytes(data[: max(40, int(len(data) * share))])
    assert_unreadable(clip, "truncated", "send the whole file|no moov")


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


def test_frames_with_the_same_time_count_once(tmp_path):
    # A camera that stamped two pictures alike: the timeline has one place for them.
    mux(tmp_path / "a.mkv", "mpeg4", pts=[40 * n for n in range(10)])
    data = bytearray((tmp_path / "a.mkv").read_bytes())
    # Simple blocks: id A3, length, track 1, 16-bit time from the cluster's start, flags.
    stamp = data.index(b"\x81" + (200).to_bytes(2, "big"), data.index(b"\x1f\x43\xb6\x75"))
    data[stamp + 1 : stamp + 3] = (160).to_bytes(2, "big")
    (tmp_path / "a.mkv").write_bytes(data)
    info = probe_video(tmp_path / "a.mkv")
    reader = read_frames(tmp_path / "a.mkv")
    assert [frame.index for frame in reader] == list(range(9))
    assert (info.num_frames, reader.num_corrupt) == (9, 0)


def test_bare_stream_without_a_container(tmp_path):
    mux(tmp_path / "a.h264", "libx264")
    assert_unreadable(tmp_path / "a.h264", "not_a_video", "expected an MP4")


@pytest.fixture
def recording(tmp_path):
    """An MP4 with its index behind the pictures, as a recorder leaves it."""
    path = tmp_path / "recording.mp4"
    mux(path, "libx264")
    data = path.read_bytes()
    assert data.index(b"mdat") < data.index(b"moov")
    return path


@pytest.mark.parametrize("share", [0.3, 0.95])
def test_cut_before_the_index(recording, share):
    data = recording.read_bytes()
    recording.write_bytes(data[: int(len(data) * share)])
    assert_unreadable(recording, "truncated", "declares at least|no moov")


def test_recorder_stopped_before_the_index(recording):
    data = recording.read_bytes()
    recording.write_bytes(data[: data.index(b"moov") - 4])
    assert_unreadable(recording, "truncated", "no moov box")


FTYP = b"\x00\x00\x00\x10ftypisom" + bytes(4)


@pytest.mark.parametrize(
    ("boxes", "match"),
    [
        # 64-bit length; "up to the end of the file"; a length no box can have
        (b"\x00\x00\x00\x01mdat" + (10**10).to_bytes(8, "big"), "declares at least 10000000016"),
        (b"\x00\x00\x00\x00mdat" + bytes(50), "no moov"),
        (b"\x00\x00\x00\x03mdat" + bytes(50), "no moov"),
    ],
)
def test_box_lengths(tmp_path, boxes, match):
    (tmp_path / "a.mp4").write_bytes(FTYP + boxes)
    assert_unreadable(tmp_path / "a.mp4", "truncated", match)


@pytest.mark.parametrize(
    "data",
    [
        # A segment of unknown length, a first element that is no segment, a length that is no number.
        b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\xff" + bytes(20),
        b"\x1a\x45\xdf\xa3\x80" + bytes(20),
        b"\x1a\x45\xdf\xa3\x00" + bytes(20),
        b"RIFF" + bytes(20),
    ],
)
def test_headers_that_declare_nothing(tmp_path, data):
    (tmp_path / "a.bin").write_bytes(data)
    assert_unreadable(tmp_path / "a.bin", "truncated", "first packets are not")


@pytest.mark.parametrize(("name", "codec"), [("a.mkv", "libx264"), ("a.avi", "mpeg4")])
def test_cut_in_other_containers(tmp_path, name, codec):
    path = tmp_path / name
    mux(path, codec)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert_unreadable(path, "truncated", "declares at least")


@pytest.mark.parametrize("head", [b"\x1a\x45\xdf\xa3", b"RIFF", b"\x00\x00\x00\x14ftypisom"])
def test_header_and_nothing_else(tmp_path, head):
    (tmp_path / "a.bin").write_bytes(head + bytes(6))
    assert_unreadable(tmp_path / "a.bin", "truncated", "truncated")


def test_live_matroska_declares_no_length(tmp_path):
    # A recorder that cannot seek leaves the segment's length unknown: nothing to hold the file against.
    mux(tmp_path / "live.mkv", "libx264", options={"live": "1"})
    assert assert_agrees(tmp_path / "live.mkv").num_frames == NUM_FRAMES


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


def test_writing_is_deterministic(tmp_path):
    digests = set()
    for name in ("a.mp4", "b.mp4"):
        write_video(tmp_path / name, numbered_frames(), fps=25)
        digests.add(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    assert len(digests) == 1


def test_crf_trades_size(tmp_path):
    for crf in (10, 40):
        write_video(tmp_path / f"{crf}.mkv", numbered_frames(), fps=Fraction(30000, 1001), crf=crf)
    assert (tmp_path / "10.mkv").stat().st_size > 2 * (tmp_path / "40.mkv").stat().st_size
    assert probe_video(tmp_path / "10.mkv").fps == pytest.approx(29.97, rel=1e-2)


def test_writing_nothing_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="saw no frame"):
        write_video(tmp_path / "a.mp4", [], fps=25)
    assert not (tmp_path / "a.mp4").exists()


@pytest.mark.parametrize(
    "frames",
    [
        [np.zeros((47, 64, 3), np.uint8)],
        [np.zeros((48, 64), np.uint8)],
        [np.zeros((48, 64, 3), np.float32)],
        [np.zeros((48, 64, 3), np.uint8), np.zeros((48, 62, 3), np.uint8)],
    ],
)
def test_bad_frames_are_refused(tmp_path, frames):
    with pytest.raises(ValueError, match="even M and N"):
        write_video(tmp_path / "a.mp4", frames, fps=25)


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
