"""Times: the same pictures at the same times in every container, and where stamps are missing, repeat or start anew."""

import itertools
import tracemalloc
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest

from apexline.features.video import timeline
from apexline.features.video.limits import VideoLimits, holding_to
from apexline.features.video.reader import probe_video, read_frames
from apexline.features.video.timeline import _NO_STAMP as NO_STAMP
from apexline.features.video.timeline import _Clock, read_timeline
from tests.features.clips import COLS, NUM_FRAMES, ROWS, mux, number_of, numbered_frames

# Container, encoder, pixel format, format where the suffix does not say it.
FAMILIES = [
    ("mp4", "libx264", "yuv420p", None),
    ("mp4", "libx264", "yuv420p10le", None),
    ("mp4", "libx265", "yuv420p10le", None),
    ("mov", "libx264", "yuv420p", None),
    ("mov", "prores_ks", "yuv422p10le", None),
    ("mkv", "libx264", "yuv420p", None),
    ("mkv", "libx264", "yuv420p10le", None),
    ("mkv", "mpeg4", "yuv420p", None),
    ("webm", "libvpx", "yuv420p", None),
    ("webm", "libvpx-vp9", "yuv420p", None),
    ("ts", "libx264", "yuv420p", None),
    ("ts", "libx264", "yuv420p10le", None),
    ("ts", "libx265", "yuv420p10le", None),
    ("ts", "mpeg2video", "yuv420p", None),
    ("m2ts", "libx264", "yuv420p", None),
    ("mpg", "mpeg2video", "yuv420p", None),
    ("mpg", "libx264", "yuv420p", None),
    ("mpg", "libx264", "yuv420p10le", None),
    ("vob", "mpeg2video", "yuv420p", None),
    ("avi", "libx264", "yuv420p", None),
    ("avi", "libx264", "yuv420p10le", None),
    ("avi", "mpeg4", "yuv420p", None),
    ("flv", "libx264", "yuv420p", None),
    ("flv", "flv", "yuv420p", None),
    ("wmv", "wmv2", "yuv420p", None),
    ("asf", "libx264", "yuv420p", None),
    ("3gp", "libx264", "yuv420p", None),
    ("3gp", "mpeg4", "yuv420p", None),
    ("mxf", "mpeg2video", "yuv422p", None),
    ("h264", "libx264", "yuv420p", "h264"),
    ("264", "libx264", "yuv420p10le", "h264"),
    ("dav", "libx264", "yuv420p", "h264"),
    ("h265", "libx265", "yuv420p10le", "hevc"),
    ("mjpeg", "mjpeg", "yuvj420p", None),
]
# Joined byte by byte these give a file that FFmpeg reads to its end.
JOINABLE = [
    each for each in FAMILIES if each[0] in {"ts", "m2ts", "mpg", "vob", "avi", "mkv", "h264", "h265"}
]


def named(family):
    return "-".join(family[:3])


def content(path, codec, pixel_format, container=None, num_frames=NUM_FRAMES):
    """The numbered frames, with pictures that are stored before those that they follow."""
    options = {"libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"}}.get(codec, {})
    with av.open(str(path), "w", format=container) as output:
        stream = output.add_stream(codec, rate=25, width=COLS, height=ROWS, options=options)
        stream.pix_fmt = pixel_format
        stream.codec_context.thread_count = 1
        stream.codec_context.gop_size = 10
        stream.codec_context.bit_rate = 4_000_000
        if codec in {"libx264", "libx265", "mpeg2video"}:
            stream.codec_context.max_b_frames = 2
        for image in numbered_frames(num_frames):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="bgr24")))
        output.mux(stream.encode(None))


def assert_all_there(path, *, copies=1, num_frames=NUM_FRAMES):
    """Every picture in its order, 25 a second, where the probe says it is."""
    info = probe_video(path)
    reader = read_frames(path)
    frames = list(reader)
    assert info.num_frames == copies * num_frames
    assert (reader.num_read, reader.num_corrupt, reader.reasons) == (info.num_frames, 0, {})
    assert [frame.index for frame in frames] == list(range(info.num_frames))
    assert [frame.time_s for frame in frames] == info.timestamps.tolist()
    np.testing.assert_allclose(info.timestamps, np.arange(info.num_frames) / 25, atol=1 / 50)
    assert [number_of(frame.image) for frame in frames] == copies * list(range(num_frames))
    return info


@pytest.mark.parametrize("family", FAMILIES, ids=named)
def test_the_same_frames_at_the_same_times_in_every_container(tmp_path, family):
    container, codec, pixel_format, forced = family
    path = tmp_path / f"a.{container}"
    content(path, codec, pixel_format, forced)
    assert_all_there(path)


@pytest.mark.parametrize("family", JOINABLE, ids=named)
def test_a_recorder_that_started_again(tmp_path, family):
    container, codec, pixel_format, forced = family
    path = tmp_path / f"a.{container}"
    content(path, codec, pixel_format, forced)
    path.write_bytes(path.read_bytes() * 2)
    assert_all_there(path, copies=2)


def shifted(path, source, offset_s):
    """The packets of a file, all stamps moved."""
    with av.open(str(source)) as old, av.open(str(path), "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(old.streams.video[0]):
            if packet.dts is None:
                continue
            offset = round(offset_s / packet.time_base)
            packet.pts, packet.dts, packet.stream = packet.pts + offset, packet.dts + offset, stream
            new.mux(packet)


@pytest.mark.parametrize(
    ("first_s", "second_s", "gap_s"),
    [
        (500, 0, 1 / 25),  # back by more than a minute: FFmpeg takes it for a wrapped counter
        (20, 0, 1 / 25),
        (0, 90_000, 1 / 25),  # ahead by a day
        (0, 60, 60 - 29 / 25),  # a recorder that slept: stamps say how long
    ],
)
def test_pieces_whose_stamps_lie_elsewhere(tmp_path, first_s, second_s, gap_s):
    content(tmp_path / "a.ts", "libx264", "yuv420p")
    for name, offset_s in (("b.ts", first_s), ("c.ts", second_s)):
        shifted(tmp_path / name, tmp_path / "a.ts", offset_s)
    joined = tmp_path / "joined.ts"
    joined.write_bytes((tmp_path / "b.ts").read_bytes() + (tmp_path / "c.ts").read_bytes())
    info = probe_video(joined)
    frames = list(read_frames(joined))
    assert [number_of(frame.image) for frame in frames] == 2 * list(range(NUM_FRAMES))
    expected = np.full(2 * NUM_FRAMES - 1, 1 / 25)
    expected[NUM_FRAMES - 1] = gap_s
    np.testing.assert_allclose(np.diff(info.timestamps), expected, atol=1 / 50)


def test_a_counter_that_wraps_goes_on(tmp_path):
    content(tmp_path / "a.ts", "libx264", "yuv420p")
    shifted(tmp_path / "b.ts", tmp_path / "a.ts", 2**33 / 90_000 - 0.5)
    assert_all_there(tmp_path / "b.ts")


def without_stamps(path, *, keep_every):
    """Take the stamps from the pictures of a transport stream, but for some."""
    data = bytearray(path.read_bytes())
    count = 0
    for at in range(0, len(data), 188):
        pid = int.from_bytes(data[at + 1 : at + 3], "big")
        if not pid & 0x4000 or pid & 0x1FFF != 256:
            continue
        payload = at + 4 + (1 + data[at + 4] if data[at + 3] & 0x20 else 0)
        assert data[payload : payload + 4] == b"\x00\x00\x01\xe0"
        if count % keep_every:
            data[payload + 7] &= 0x3F
            stamps = payload + 9
            data[stamps : stamps + data[payload + 8]] = b"\xff" * data[payload + 8]
        count += 1
    assert count >= NUM_FRAMES
    path.write_bytes(data)


@pytest.mark.parametrize("codec", ["libx264", "mpeg2video", "libx265"])
@pytest.mark.parametrize("keep_every", [3, 12, 1000])
def test_stamps_on_some_pictures_only(tmp_path, codec, keep_every):
    path = tmp_path / "a.ts"
    content(path, codec, "yuv420p")
    without_stamps(path, keep_every=keep_every)
    assert_all_there(path)


def test_stamps_on_some_pictures_of_a_recorder_that_started_again(tmp_path):
    path = tmp_path / "a.ts"
    content(path, "libx264", "yuv420p")
    without_stamps(path, keep_every=4)
    path.write_bytes(path.read_bytes() * 3)
    assert_all_there(path, copies=3)


def test_a_lost_picture_without_a_stamp_keeps_its_place(tmp_path):
    path = tmp_path / "a.ts"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("mpeg4", rate=25, width=COLS, height=ROWS)
        stream.pix_fmt, stream.codec_context.gop_size = "yuv420p", 1
        stream.codec_context.bit_rate = 4_000_000
        for image in numbered_frames():
            output.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="bgr24")))
        output.mux(stream.encode(None))
    without_stamps(path, keep_every=12)
    data = bytearray(path.read_bytes())
    heads = [at for at in range(0, len(data), 188) if data[at + 1 : at + 3] == b"\x41\x00"]
    # All of the 16th picture behind its start code.
    for at in range(heads[15] + 188, heads[16], 188):
        if data[at + 1 : at + 3] == b"\x01\x00":
            data[at + 4 : at + 188] = b"\xff" * 184
    path.write_bytes(data)
    info = probe_video(path)
    reader = read_frames(path)
    frames = list(reader)
    assert info.num_frames == reader.num_read + reader.num_corrupt == NUM_FRAMES
    assert reader.reasons.total() == reader.num_corrupt == 1
    assert [frame.index for frame in frames] == [*range(15), *range(16, NUM_FRAMES)]
    assert [number_of(frame.image) for frame in frames] == [frame.index for frame in frames]
    np.testing.assert_allclose(info.timestamps, np.arange(NUM_FRAMES) / 25, atol=1 / 50)


def test_two_pictures_with_the_same_time_follow_each_other(tmp_path):
    # A camera that stamped two pictures alike.
    path = tmp_path / "a.mkv"
    mux(path, "mpeg4", pts=[40 * n for n in range(10)])
    data = bytearray(path.read_bytes())
    # Simple blocks: id A3, length, track 1, 16-bit time from the cluster's start, flags.
    stamp = data.index(b"\x81" + (200).to_bytes(2, "big"), data.index(b"\x1f\x43\xb6\x75"))
    data[stamp + 1 : stamp + 3] = (160).to_bytes(2, "big")
    path.write_bytes(data)
    info = assert_all_there(path, num_frames=10)
    np.testing.assert_allclose(np.diff(info.timestamps), 0.04, atol=1e-9)


def test_only_odd_stamps_cost_a_second_decoding(tmp_path, monkeypatch):
    calls = []
    decode_order = timeline._decode_order
    monkeypatch.setattr(
        timeline, "_decode_order", lambda *args, **more: calls.append(1) or decode_order(*args, **more)
    )
    content(tmp_path / "a.ts", "libx264", "yuv420p")
    (tmp_path / "b.ts").write_bytes((tmp_path / "a.ts").read_bytes() * 2)
    for name in ("a.ts", "b.ts"):
        probe_video(tmp_path / name)
    assert calls == []
    without_stamps(tmp_path / "a.ts", keep_every=12)
    probe_video(tmp_path / "a.ts")
    assert calls == [1]


CLOCK = _Clock(0.001, 40, 3_600_000)


def laid_out(clock, stamps):
    return clock.seconds(np.array([NO_STAMP if stamp is None else stamp for stamp in stamps], np.int64))


@pytest.mark.parametrize(
    ("stamps", "expected"),
    [
        ([100, 140, 180], [0, 40, 80]),
        ([100, None, None, 220], [0, 40, 80, 120]),
        ([None, None, 100, 140], [0, 40, 80, 120]),
        ([100, 120, None, None], [0, 20, 40, 60]),
        ([None, None, None], [0, 40, 80]),
        ([0, 40, 80, 0, 40], [0, 40, 80, 120, 160]),
        ([0, 40, None, None, 0, 40], [0, 40, 80, 120, 160, 200]),
        ([0, 40, 40, 80], [0, 40, 60, 80]),
        ([0, 0, 80, 80, 160, 160], [0, 40, 80, 120, 160, 200]),  # a camera that stamps pairs
        ([0, 40, 30, 120], [0, 40, 80, 120]),
        ([0, 40, 30_000, 120], [0, 40, 80, 120]),
        ([0, 40, 400, 440], [0, 40, 400, 440]),
        ([0, 40, 3_700_000, 3_700_040], [0, 40, 80, 120]),
        ([0, 7_200_000, 14_400_000], [0, 7_200_000, 14_400_000]),  # a picture every two hours
    ],
)
def test_the_rule_for_times(stamps, expected):
    np.testing.assert_allclose(laid_out(CLOCK, stamps) * 1000, expected, rtol=1e-12)


HOSTILE = (-(2**63) + 1, -(2**31), -1, 0, 1, 2, 2**33, 2**62, 2**63 - 1, None)


@pytest.mark.parametrize("time_base", [1e-9, 1 / 90_000, 1.0, float(2**31)])
@pytest.mark.parametrize("longest_gap", [3600 * 90_000, float("inf")])
def test_times_increase_whatever_the_stamps_say(time_base, longest_gap):
    clock = _Clock(time_base, 1 / (25 * time_base), longest_gap)
    for stamps in itertools.product(HOSTILE, repeat=4):
        seconds = laid_out(clock, stamps)
        assert seconds[0] == 0
        assert np.isfinite(seconds).all()
        assert (np.diff(seconds) > 0).all(), stamps


def test_the_times_of_a_long_video_take_little_memory(monkeypatch):
    num = 50_000
    packets = (
        SimpleNamespace(is_discard=False, pts=40 * n, dts=40 * n, is_keyframe=n % 25 == 0, is_corrupt=False)
        for n in range(num)
    )
    monkeypatch.setattr(timeline, "demux", lambda *_: packets)
    container = SimpleNamespace(format=SimpleNamespace(name="mov", flags=0))
    stream = SimpleNamespace(time_base=Fraction(1, 1000), average_rate=25)
    tracemalloc.start()
    try:
        laid = read_timeline(Path("a.mp4"), container, stream)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    np.testing.assert_allclose(laid.seconds, np.arange(num) / 25)
    assert peak < 200 * num


def test_hostile_stamps_in_a_file(tmp_path):
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("mjpeg", rate=25, width=COLS, height=ROWS)
        stream.pix_fmt = "yuvj420p"
        for number, image in enumerate(numbered_frames(8)):
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="bgr24")
            picture.pts, picture.time_base = number * 2**40, Fraction(1, 1000)
            output.mux(stream.encode(picture))
        output.mux(stream.encode(None))
    with holding_to(VideoLimits(max_duration_s=1e10)):
        info = probe_video(path)
    assert info.num_frames == 8
    assert (np.diff(info.timestamps) > 0).all()
