"""Videos read through a process: the same frames and errors as without it, whatever becomes of the process."""

import gc
import os
import threading
from pathlib import Path

import numpy as np
import pytest

from apexline.features.video import decoding_process, guarded, reader
from apexline.features.video.containers import UnreadableVideo
from apexline.features.video.limits import DecodingUnavailable
from tests.features.clips import NUM_FRAMES, mux, number_of, textured_clip
from tests.features.damaged import video_that_loses_a_frame


def assert_same_frames(path):
    ours, theirs = guarded.read_frames(path), reader.read_frames(path)
    for ours_frame, theirs_frame in zip(ours, theirs, strict=True):
        assert (ours_frame.index, ours_frame.time_s) == (theirs_frame.index, theirs_frame.time_s)
        np.testing.assert_array_equal(ours_frame.gray, theirs_frame.gray)
        np.testing.assert_array_equal(ours_frame.image, theirs_frame.image)
    assert (ours.num_read, ours.num_corrupt) == (theirs.num_read, theirs.num_corrupt)
    assert ours.reasons == theirs.reasons


def resting():
    [process] = decoding_process._resting
    return process.pid


@pytest.mark.parametrize(
    ("codec", "pixel_format", "options"),
    [
        ("libx264", "yuv420p", {}),
        ("libx264", "yuv422p", {}),
        ("libx264", "yuv444p", {}),
        ("libx264", "yuv420p", {"x264-params": "chromaloc=2"}),
        ("libx264", "yuv420p10le", {}),
        ("libx264", "yuv420p10le", {"x264-params": "chromaloc=1"}),
        ("libx264", "yuv420p", {"flags": "+ildct", "x264-params": "tff=1"}),
        ("mpeg2video", "yuv420p", {"flags": "+ildct+ilme"}),
        ("libx265", "yuv420p10le", {"x265-params": "log-level=none"}),
        ("prores_ks", "yuv422p10le", {}),
        ("mjpeg", "yuvj420p", {}),
        ("mjpeg", "yuvj422p", {}),
        ("mjpeg", "yuvj444p", {}),
        ("ffv1", "gray", {}),
        ("ffv1", "gray16le", {}),
        ("ffv1", "bgr0", {}),
        ("ffv1", "gbrp10le", {}),
        ("ffv1", "yuva420p", {}),
        ("ffv1", "yuv411p", {}),
        ("qtrle", "rgb24", {}),
        ("rawvideo", "nv12", {}),
    ],
)
def test_frames_are_the_same_bits_in_any_format(tmp_path, codec, pixel_format, options):
    path = tmp_path / ("a.mov" if codec in ("prores_ks", "qtrle") else "a.mkv")
    textured_clip(path, codec, pixel_format, size=(64, 64), options=options)
    assert_same_frames(path)


@pytest.mark.parametrize("size", [(66, 50), (67, 51), (8, 6)])
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le"])
def test_frames_are_the_same_bits_in_any_size(tmp_path, pixel_format, size):
    textured_clip(tmp_path / "a.mkv", "ffv1", pixel_format, size=size)
    assert_same_frames(tmp_path / "a.mkv")


@pytest.mark.parametrize("color_range", [1, 2], ids=["limited", "full"])
@pytest.mark.parametrize("colorspace", [1, 5, 9], ids=["bt709", "bt601", "bt2020"])
def test_frames_are_the_same_bits_in_any_colour_space(tmp_path, color_range, colorspace):
    textured_clip(tmp_path / "a.mkv", "libx264", "yuv420p", color_range=color_range, colorspace=colorspace)
    assert_same_frames(tmp_path / "a.mkv")


def test_lost_frames_are_counted_with_their_reasons(tmp_path):
    (tmp_path / "a.mov").write_bytes(video_that_loses_a_frame())
    assert_same_frames(tmp_path / "a.mov")
    frames = guarded.read_frames(tmp_path / "a.mov")
    assert len(list(frames)) == 11
    assert (frames.num_corrupt, frames.reasons.total()) == (1, 1)


def test_a_probe_says_the_same(clip):
    ours, theirs = guarded.probe_video(clip), reader.probe_video(clip)
    np.testing.assert_array_equal(ours.timestamps, theirs.timestamps)
    assert repr(ours) == repr(theirs)


@pytest.mark.parametrize("data", [b"", b"no video at all", b"\0\0\0\x10ftypisom\0\0\0\0"])
@pytest.mark.parametrize("name", ["probe_video", "read_frames"])
def test_errors_are_the_same(tmp_path, name, data):
    (tmp_path / "a.mp4").write_bytes(data)
    found = []
    for module in (guarded, reader):
        with pytest.raises(UnreadableVideo) as caught:
            list(getattr(module, name)(tmp_path / "a.mp4"))
        found.append((str(caught.value), caught.value.reason, caught.value.detail))
    assert found[0] == found[1]


@pytest.mark.parametrize("read", [guarded.probe_video, lambda path: next(guarded.read_frames(path))])
def test_what_is_no_file_is_never_read(tmp_path, read):
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "none.mp4")
    with pytest.raises(IsADirectoryError):
        read(tmp_path)
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(UnreadableVideo, match="pipe.mp4: not_a_video: it is a pipe"):
        read(tmp_path / "pipe.mp4")
    with pytest.raises(UnreadableVideo, match="not_a_video"):
        read(Path("/dev/zero"))


def test_one_process_serves_one_clip_after_the_other(clip):
    guarded.probe_video(clip)
    first = resting()
    list(guarded.read_frames(clip))
    (clip.parent / "b.mp4").write_bytes(b"no video at all")
    with pytest.raises(UnreadableVideo):
        guarded.probe_video(clip.parent / "b.mp4")
    assert resting() == first


def test_readers_may_take_turns(tmp_path, clip):
    mux(tmp_path / "b.mkv", "mpeg4")
    for one, other in zip(guarded.read_frames(clip), guarded.read_frames(tmp_path / "b.mkv"), strict=True):
        assert number_of(one.image) == number_of(other.image) == one.index


def test_readers_in_threads_do_not_meet(clip):
    found = {}

    def read(name):
        found[name] = [number_of(frame.image) for frame in guarded.read_frames(clip)]

    threads = [threading.Thread(target=read, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == dict.fromkeys(range(4), list(range(NUM_FRAMES)))
    assert len(decoding_process._living) == 1


def test_a_reader_that_is_dropped_ends_its_process(clip):
    frames = guarded.read_frames(clip)
    next(frames)
    [pid] = {process.pid for process in decoding_process._living}
    del frames
    gc.collect()
    assert not decoding_process._living
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert guarded.probe_video(clip).num_frames == NUM_FRAMES


def test_frames_outlive_their_process(clip):
    frames = list(guarded.read_frames(clip))
    decoding_process.end_all()
    assert [number_of(frame.image) for frame in frames] == list(range(NUM_FRAMES))
    assert [number_of(frame.gray) for frame in frames] == list(range(NUM_FRAMES))


def test_a_decoder_killed_on_the_way_fails_that_clip_alone(tmp_path):
    textured_clip(tmp_path / "a.mkv", "ffv1", "yuv444p", size=(1000, 1000))
    frames = guarded.read_frames(tmp_path / "a.mkv")
    next(frames)
    [process] = decoding_process._living
    os.kill(process.pid, 9)
    with pytest.raises(UnreadableVideo, match=r"decoder_crashed: .* ended by signal 9 \(Killed\)"):
        list(frames)
    assert_same_frames(tmp_path / "a.mkv")


def test_a_decoder_killed_at_rest_is_replaced(clip):
    guarded.probe_video(clip)
    os.kill(resting(), 9)
    decoding_process._resting[0]._process.wait()
    assert guarded.probe_video(clip).num_frames == NUM_FRAMES


@pytest.fixture
def false_decoder(tmp_path, monkeypatch):
    """Path of a clip whose decoder has the bad habit that a test names."""
    decoding_process.end_all()
    monkeypatch.setattr(decoding_process, "_PROGRAM", "tests.features.false_decoder")
    monkeypatch.setenv("APEXLINE_VIDEO_PROBE_S", "2")
    monkeypatch.setenv("APEXLINE_VIDEO_STALL_S", "0.3")

    def make(habit):
        path = tmp_path / "a.mp4"
        path.write_text(habit)
        return path

    return make


@pytest.mark.parametrize(
    ("habit", "match"),
    [
        ("segmentation fault", r"decoder_crashed: .* signal 11 \(Segmentation fault\)"),
        ("exit", "decoder_crashed: .* exit code 3"),
        ("silence", "limit_exceeded: .* APEXLINE_VIDEO_PROBE_S"),
        ("a frame, then silence", "limit_exceeded: .* APEXLINE_VIDEO_STALL_S"),
        ("half a frame, then the end", "decoder_crashed: .* exit code 0"),
        ("a hoax of a head", "decoder_crashed"),
        ("a picture too large", "decoder_crashed: .* width=100000"),
        ("a picture of nothing", "decoder_crashed: .* width=0"),
        ("a frame over again", "decoder_crashed: .* frame 0 came after frame 0"),
        ("a time that is none", "decoder_crashed: .* time_s=nan"),
        ("a text too long", "decoder_crashed"),
        ("a text that is no JSON", "decoder_crashed"),
        ("numbers that are none", "decoder_crashed: .* num_corrupt = 'many'"),
    ],
)
def test_a_decoder_gone_bad_is_one_unreadable_clip(false_decoder, habit, match):
    with pytest.raises(UnreadableVideo, match=match):
        list(guarded.read_frames(false_decoder(habit)))
    assert not decoding_process._living


@pytest.mark.parametrize("habit", ["a reason that is none", "an error of its own"])
def test_an_error_of_our_own_is_none_of_the_clip(false_decoder, habit):
    with pytest.raises(RuntimeError, match=r"a.mp4: the decoding process failed .* report it") as caught:
        guarded.probe_video(false_decoder(habit))
    assert not isinstance(caught.value, DecodingUnavailable)
    assert not decoding_process._living


def test_reading_altogether_has_a_limit_too(false_decoder, monkeypatch):
    monkeypatch.setenv("APEXLINE_VIDEO_READ_S", "0.1")
    with pytest.raises(UnreadableVideo, match="limit_exceeded: .* APEXLINE_VIDEO_READ_S"):
        list(guarded.read_frames(false_decoder("a frame, then silence")))


def test_a_decoder_that_does_not_start_is_the_machines_fault(clip, monkeypatch):
    decoding_process.end_all()
    monkeypatch.setattr(decoding_process, "_PROGRAM", "apexline.features.video.none")
    with pytest.raises(DecodingUnavailable, match="does not start: .* exit code 1"):
        guarded.probe_video(clip)
    monkeypatch.setattr(decoding_process.sys, "executable", "/nowhere/python")
    with pytest.raises(DecodingUnavailable, match="can't be started: .*/nowhere/python"):
        guarded.probe_video(clip)
    assert not decoding_process._living


def test_the_parent_holds_nothing_open(clip):
    guarded.probe_video(clip)
    before = list(Path("/proc/self/fd").iterdir())
    for _ in range(3):
        guarded.probe_video(clip)
        next(guarded.read_frames(clip))
        gc.collect()
    guarded.probe_video(clip)
    assert len(list(Path("/proc/self/fd").iterdir())) == len(before)
