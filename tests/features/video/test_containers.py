"""Containers: whether a file is whole by its own length fields, and a reason for every one that is not."""

import pytest

from apexline.features.video import UnreadableVideo, read_frames
from tests.features.clips import NUM_FRAMES, assert_agrees, assert_unreadable, mux


def test_zero_bytes(tmp_path):
    (tmp_path / "a.mp4").touch()
    assert_unreadable(tmp_path / "a.mp4", "zero_bytes", "empty")


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


@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.99])
def test_cut_with_the_index_in_front(clip, share):
    data = clip.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    clip.write_bytes(data[: max(40, int(len(data) * share))])
    assert_unreadable(clip, "truncated", "send the whole file|no moov")


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
        # A header longer than any file.
        b"\x1a\x45\xdf\xa3\x01\xff\xff\xff\xff\xff\xff\xfe" + bytes(20),
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


@pytest.mark.parametrize("share", [0.3, 0.7, 0.9])
@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "libx264"), ("a.mkv", "libx264"), ("a.avi", "mpeg4")])
def test_a_cut_file_gives_no_frame_either(tmp_path, clip, name, codec, share):
    path = clip
    if name != "a.mp4":  # the clip has its index in front: frames could be read up to the cut
        path = tmp_path / name
        mux(path, codec)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(UnreadableVideo, match="declares at least") as caught:
        next(read_frames(path))
    assert caught.value.reason == "truncated"


@pytest.mark.parametrize("head", [b"\x1a\x45\xdf\xa3", b"RIFF", b"\x00\x00\x00\x14ftypisom"])
def test_header_and_nothing_else(tmp_path, head):
    (tmp_path / "a.bin").write_bytes(head + bytes(6))
    assert_unreadable(tmp_path / "a.bin", "truncated", "truncated")


def test_live_matroska_declares_no_length(tmp_path):
    # A recorder that cannot seek leaves the segment's length unknown: nothing to hold the file against.
    mux(tmp_path / "live.mkv", "libx264", options={"live": "1"})
    assert assert_agrees(tmp_path / "live.mkv").num_frames == NUM_FRAMES


def assert_sound(path):
    assert assert_agrees(path).num_frames == NUM_FRAMES


@pytest.mark.parametrize("trailer", [b"x", b"GPS 52.1N 4.3E" * 40, b"\xff" * 500, bytes(64), b"SEFT" * 9])
@pytest.mark.parametrize(
    "name", ["fast.mp4", "recorded.mp4", "fragments.mp4", "a.mov", "a.mkv", "a.avi", "a.ts"]
)
def test_data_of_the_recorders_own_behind_the_last_box(tmp_path, name, trailer):
    path = tmp_path / name
    options = {"fast.mp4": "+faststart", "fragments.mp4": "frag_keyframe+empty_moov+default_base_moof"}.get(
        name
    )
    mux(path, "libx264", options={"movflags": options} if options else None)
    path.write_bytes(path.read_bytes() + trailer)
    assert_sound(path)


@pytest.mark.parametrize("declared", [7, 100, 10**6, 2**31])
def test_a_wrong_length_of_the_box_of_pictures(clip, declared):
    data = bytearray(clip.read_bytes())
    at = data.index(b"mdat")
    data[at - 4 : at] = declared.to_bytes(4, "big")
    clip.write_bytes(data)
    assert_sound(clip)


@pytest.mark.parametrize("factor", [0.5, 2, 100])
@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_a_wrong_size_of_a_riff(tmp_path, codec, factor):
    path = tmp_path / "a.avi"
    mux(path, codec)
    data = bytearray(path.read_bytes())
    data[4:8] = int(len(data) * factor).to_bytes(4, "little")
    path.write_bytes(data)
    assert_sound(path)


@pytest.mark.parametrize("factor", [0.5, 2, 100])
def test_a_wrong_size_of_a_matroska_segment(tmp_path, factor):
    path = tmp_path / "a.mkv"
    mux(path, "libx264")
    data = bytearray(path.read_bytes())
    at = data.index(b"\x18\x53\x80\x67") + 4
    assert data[at] == 1
    data[at + 1 : at + 8] = int(len(data) * factor).to_bytes(7, "big")
    path.write_bytes(data)
    assert_sound(path)


@pytest.mark.parametrize("share", [0.5, 0.9, 0.97])
@pytest.mark.parametrize("name", ["fragments.mp4", "a.mov", "a.mkv", "a.avi"])
def test_a_missing_end_is_truncated(tmp_path, name, share):
    path = tmp_path / name
    mux(
        path,
        "libx264",
        options={"movflags": "frag_keyframe+empty_moov+default_base_moof"} if "frag" in name else None,
    )
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    assert_unreadable(path, "truncated", "declares at least|no moov")


@pytest.mark.parametrize(
    ("suffix", "codec"), [("mp4", "libx264"), ("mov", "libx264"), ("flv", "libx264"), ("wmv", "wmv2")]
)
def test_joined_files_of_which_only_the_first_could_be_read(tmp_path, suffix, codec):
    path = tmp_path / f"joined.{suffix}"
    mux(path, codec)
    assert_agrees(path)
    path.write_bytes(path.read_bytes() * 2)
    assert_unreadable(path, "joined_files", "each as a file of its own")


def test_a_stream_in_fragments_that_repeats_its_index_is_sound(tmp_path):
    path = tmp_path / "stream.mp4"
    mux(path, "libx264", options={"movflags": "frag_keyframe+empty_moov+default_base_moof"})
    data = path.read_bytes()
    first = data.index(b"moof") - 4
    path.write_bytes(data[:first] + data[:first] + data[first:])
    assert len(assert_agrees(path).timestamps) == NUM_FRAMES
