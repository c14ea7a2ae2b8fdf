"""Files that lead to other files or hosts, under a video's name: refused or read alone, and nothing else is opened."""

import ctypes
import os
import socket
import struct
import threading
from pathlib import Path

import av
import pytest

from apexline.features.video.containers import UnreadableVideo
from apexline.features.video.guarded import probe_video, read_frames
from apexline.features.video.writer import write_video
from tests.features.clips import NUM_FRAMES, mux, number_of, numbered_frames

_LIBC = ctypes.CDLL(None, use_errno=True)
_IN_OPEN = 0x20


class Watched:
    """A file and a host that nobody is to open."""

    def __init__(self, folder):
        self.file = folder / "secret.mp4"
        write_video(self.file, numbered_frames(5), fps=25)
        self._watch = _LIBC.inotify_init1(os.O_NONBLOCK)
        assert _LIBC.inotify_add_watch(self._watch, bytes(self.file), _IN_OPEN) > 0
        self._host = socket.create_server(("127.0.0.1", 0))
        self._host.settimeout(0.05)
        self.address = f"127.0.0.1:{self._host.getsockname()[1]}"

    def was_reached(self):
        """Whether somebody opened the file or called the host."""
        try:
            return bool(os.read(self._watch, 4096))
        except BlockingIOError:
            pass
        try:
            self._host.accept()[0].close()
        except TimeoutError:
            return False
        return True

    def close(self):
        self._host.close()
        os.close(self._watch)


@pytest.fixture
def watched(tmp_path):
    found = Watched(tmp_path)
    yield found
    found.close()


def hls(file, host):
    return f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{file}\n#EXTINF:1,\nhttp://{host}/a.ts\n#EXT-X-ENDLIST\n"


def hls_keys(file, host):
    key = f'#EXT-X-KEY:METHOD=AES-128,URI="http://{host}/key"'
    return f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n{key}\n#EXTINF:1,\n{file}\n#EXT-X-ENDLIST\n"


def ffconcat(file, host):
    return f"ffconcat version 1.0\nfile '{file}'\nfile 'http://{host}/a.mp4'\n"


def dash(file, host):
    address = f"<BaseURL>http://{host}/</BaseURL>" if host else f"<BaseURL>{file}</BaseURL>"
    return (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'mediaPresentationDuration="PT1S" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period>'
        '<AdaptationSet mimeType="video/mp4"><Representation id="1" codecs="avc1.42E01E" bandwidth="1">'
        f"{address}</Representation></AdaptationSet></Period></MPD>"
    )


def sdp(_file, host):
    name, port = host.split(":")
    head = f"v=0\no=- 0 0 IN IP4 {name}\ns=a\nc=IN IP4 {name}\nt=0 0\n"
    return f"{head}m=video {port} RTP/AVP 96\na=rtpmap:96 H264/90000\n"


def asx(file, host):
    return f'<ASX version="3.0"><Entry><Ref href="http://{host}/a.asf"/><Ref href="{file}"/></Entry></ASX>'


def asf_reference(file, host):
    return f"[Reference]\nRef1=http://{host}/a.asf?MSWMExt=.asf\nRef2=file://{file}\n"


def smil(file, host):
    return f'<smil><body><video src="{file}"/><video src="rtsp://{host}/a"/></body></smil>'


def ram(_file, host):
    return f"rtsp://{host}/a.rm\nhttp://{host}/a.rm\n"


def pls(file, host):
    return f"[playlist]\nNumberOfEntries=2\nFile1={file}\nFile2=http://{host}/a.mp4\nVersion=2\n"


def imf(file, host):
    return (
        '<?xml version="1.0"?><CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3/2016">'
        f"<Id>urn:uuid:0</Id><SegmentList><Path>{file}</Path><Path>http://{host}/</Path></SegmentList>"
        "</CompositionPlaylist>"
    )


def rtsp_url(_file, host):
    return f"[InternetShortcut]\nURL=rtsp://{host}/a\n"


PLAYLISTS = (hls, hls_keys, ffconcat, dash, sdp, asx, asf_reference, smil, ram, pls, imf, rtsp_url)


@pytest.mark.parametrize("extension", [".mp4", ".ts", ".avi", ".asf"])
@pytest.mark.parametrize("playlist", PLAYLISTS, ids=lambda each: each.__name__)
def test_a_playlist_is_refused_and_leads_nowhere(watched, tmp_path, playlist, extension):
    path = tmp_path / f"clip{extension}"
    path.write_text(playlist(watched.file, watched.address))
    for read in (probe_video, lambda path: next(read_frames(path))):
        with pytest.raises(UnreadableVideo):
            read(path)
    assert not watched.was_reached()


def box(kind, content):
    return struct.pack(">I4s", 8 + len(content), kind) + content


def with_reference(data, kind, where):
    """The MOV with its data declared to lie elsewhere: in a file (alis) or under an address (url)."""
    at = data.index(b"dref")
    size = struct.unpack(">I", data[at - 4 : at])[0]
    entry = box(kind, bytes(4) + where)
    reference = box(b"dref", bytes(4) + struct.pack(">I", 1) + entry)
    grown = len(reference) - size
    out = bytearray(data[: at - 4] + reference + data[at - 4 + size :])
    # Every box around it has grown, too.
    for parent in (b"moov", b"trak", b"mdia", b"minf", b"dinf"):
        place = out.index(parent) - 4
        out[place : place + 4] = struct.pack(">I", struct.unpack(">I", out[place : place + 4])[0] + grown)
    return bytes(out)


def alias_record(file):
    """QuickTime's alias: fixed fields, then tagged ones; 18 is the path in POSIX form."""
    name = bytes(str(file), "utf-8")
    fixed = bytearray(150)
    fixed[50], fixed[51 : 51 + len(file.name)] = len(file.name), file.name.encode()
    tags = b"".join(
        struct.pack(">HH", tag, len(text)) + text + bytes(len(text) % 2)
        for tag, text in ((2, name.replace(b"/", b":")), (18, name))
    )
    return bytes(fixed) + tags + struct.pack(">hH", -1, 0)


@pytest.mark.parametrize("kind", ["alis", "url "])
def test_data_declared_to_lie_elsewhere_is_not_looked_for(watched, tmp_path, kind):
    path = tmp_path / "clip.mov"
    mux(path, "libx264")
    where = alias_record(watched.file) if kind == "alis" else f"http://{watched.address}/a.mov\0".encode()
    path.write_bytes(with_reference(path.read_bytes(), kind.encode(), where))
    # The track's own bytes are in the file: they are read, or the track is refused.
    try:
        numbers = [number_of(frame.image) for frame in read_frames(path)]
    except UnreadableVideo:
        numbers = []
    assert numbers in ([], list(range(NUM_FRAMES)))
    assert not watched.was_reached()


def ebml(number, content):
    identifier = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return identifier + (len(content) | 1 << 56).to_bytes(8, "big") + content


def test_linked_segments_and_attachments_of_matroska_stay_closed(watched, tmp_path):
    path = tmp_path / "clip.mkv"
    mux(path, "libx264")
    whole = path.read_bytes()
    name = bytes(str(watched.file), "utf-8")
    # Next segment's file and number, then an attached playlist.
    link = ebml(0x1549A966, ebml(0x3E83BB, name) + ebml(0x3EB923, bytes(16)))
    attached = (
        ebml(0x466E, name)
        + ebml(0x4660, b"text/plain")
        + ebml(0x465C, hls(watched.file, watched.address).encode())
    )
    path.write_bytes(whole + link + ebml(0x1941A469, ebml(0x61A7, attached)))
    assert len(list(read_frames(path))) == NUM_FRAMES
    assert not watched.was_reached()


NAMES = (
    "concat:a.mp4|secret.mp4",
    "subfile,,start,0,end,0,,:secret.mp4",
    "http:clip.mp4",
    "%03d.mp4",
    "pipe:0.mp4",
    "fd:.mp4",
)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_reads_like_an_address_is_a_name(watched, tmp_path, monkeypatch, name):
    mux(tmp_path / "sound.mp4", "libx264")
    (tmp_path / "sound.mp4").rename(tmp_path / name)
    write_video(tmp_path / "001.mp4", numbered_frames(5), fps=25)
    monkeypatch.chdir(tmp_path)
    assert probe_video(name).num_frames == NUM_FRAMES
    assert [number_of(frame.image) for frame in read_frames(Path(name))] == list(range(NUM_FRAMES))
    assert not watched.was_reached()


def test_the_watch_sees_who_comes(watched):
    host, port = watched.address.split(":")
    caller = threading.Thread(target=lambda: socket.create_connection((host, int(port))).close())
    caller.start()
    caller.join()
    assert watched.was_reached()
    assert not watched.was_reached()
    watched.file.read_bytes()
    assert watched.was_reached()


@pytest.mark.parametrize(
    ("playlist", "extension", "options"),
    [
        (hls, ".m3u8", {"allowed_extensions": "ALL", "protocol_whitelist": "file,http,tcp"}),
        (ffconcat, ".ffconcat", {"safe": "0", "protocol_whitelist": "file,http,tcp"}),
    ],
    ids=lambda each: each.__name__ if callable(each) else None,
)
def test_the_bait_is_taken_where_nothing_forbids_it(watched, tmp_path, playlist, extension, options):
    path = tmp_path / f"clip{extension}"
    path.write_text(playlist(watched.file, watched.address))
    try:
        with av.open(str(path), options=options, timeout=2) as container:
            next(container.decode(video=0), None)
    except av.error.FFmpegError:
        pass
    assert watched.was_reached()


def test_a_reference_is_followed_where_nothing_forbids_it(watched, tmp_path):
    path = tmp_path / "clip.mov"
    mux(path, "libx264")
    path.write_bytes(with_reference(path.read_bytes(), b"alis", alias_record(watched.file)))
    options = {"enable_drefs": "1", "use_absolute_path": "1"}
    with av.open(str(path), options=options) as container:
        next(container.demux(video=0), None)
    assert watched.was_reached()
