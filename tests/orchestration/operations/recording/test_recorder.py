"""Every picture of a camera that stalls, drops and changes resolution is written, counted as dropped, or in a gap."""

import errno
import json
import random
from datetime import datetime
from threading import Event, Thread
from time import monotonic, sleep

import av
import pytest

from apexline.assets.ingest.sidecar import read_manifest
from apexline.features.video import probe_video
from apexline.orchestration.operations.recording import recorder as module
from apexline.orchestration.operations.recording.clip_file import ClipFile, publish_left
from apexline.orchestration.operations.recording.ledger import Ledger, read_ledger
from apexline.orchestration.operations.recording.recorder import Recorder, Recording
from tests.orchestration.operations.loopback import AHEAD, Act, LoopbackCamera

SMALL, LARGE = (64, 48), (96, 64)
STALL_S = 1.0
SHORT = [
    Act(40, SMALL),
    Act(30, LARGE),
    Act(25, LARGE, "pause", missing=30),
    Act(35, SMALL, "stall", missing=50),
    Act(30, SMALL),
    Act(42, LARGE, "drop", missing=120),
    Act(33, SMALL, "drop", missing=9),
    Act(40, SMALL, "drop"),
]


class Recorded:
    """A camera, recorded to its end."""

    def __init__(self, folder, acts, *, stall_s=STALL_S, **options):
        self.landing = folder / "landing"
        self.landing.mkdir()
        self.camera = LoopbackCamera(acts, stall_s=stall_s)
        self.ledger = Ledger(folder / "recordings")
        recording = Recording(
            self.camera.url, "gate-03", "test", "own", clip_s=20, stall_s=stall_s, min_free_bytes=0, **options
        )
        self.recorder = Recorder(recording, self.landing, self.ledger, clock=self.camera.clock)
        self.camera.received = lambda: self.recorder.counts.received

    def run(self):
        stop = Event()
        thread = Thread(target=self.recorder.run, args=(stop,))
        thread.start()
        assert self.camera.ended.wait(timeout=600)
        deadline = monotonic() + 10 * STALL_S
        while not self.is_read() and monotonic() < deadline:
            sleep(0.1)
        stop.set()
        thread.join(timeout=60)
        assert not thread.is_alive()
        self.camera.close()
        return self

    def is_read(self):
        """Whether the last connection came to its end, not one before it."""
        latest = self.recorder._last
        has_all = latest is not None and latest[1] > self.camera.sent[-1] - 1.5  # a picture a second
        return has_all and read_ledger(self.ledger.folder)[-1]["event"] == "disconnected"

    def clips(self):
        return sorted(path for path in self.landing.iterdir() if path.suffix == ".ts")

    def events(self, name):
        return [each for each in read_ledger(self.ledger.folder) if each["event"] == name]

    def written(self):
        """Numbers of the pictures in the clips: a clip's first by the ledger, the others by their stamps."""
        found = []
        for clip, line in zip(self.clips(), self.events("clip"), strict=True):
            with av.open(str(clip)) as container:
                stamps = [float(p.pts * p.time_base) for p in container.demux(video=0) if p.size]
            found += [round(line["first_s"] + stamp - stamps[0]) for stamp in stamps]
        return found


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    """Attempts follow each other at once."""
    monkeypatch.setattr(module, "Delays", lambda: type("Soon", (), {"next": lambda self: 0.05})())


def check_account(recorded):
    """All that left the camera was written once, or is counted as dropped, or lies in a gap of the ledger."""
    counts, sent = recorded.recorder.counts, set(recorded.camera.sent)
    written = recorded.written()
    assert counts.received == counts.written + counts.dropped.total()
    assert len(written) == len(set(written)) == counts.written
    dropped = recorded.events("dropped")
    assert sum(each["frames"] for each in dropped) == counts.dropped.total()
    spans = [(each["first_s"], each["last_s"]) for each in dropped]
    gaps = [(each["last_s"] + 1, each["next_s"] - 1) for each in recorded.events("gap")]
    unseen = sent - set(written)
    assert [each for each in unseen if not lies_in(each, spans + gaps)] == []
    # The other way round: nothing is called missing that was there.
    assert [each for each in written if lies_in(each, gaps)] == []
    assert sum(lies_in(each, spans) for each in sent) == counts.dropped.total()


def lies_in(number, spans):
    return any(first <= number <= last for first, last in spans)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "Delays", lambda: type("Soon", (), {"next": lambda self: 0.05})())
        return Recorded(tmp_path_factory.mktemp("recorded"), SHORT).run()


def test_no_picture_is_unaccounted_for(recorded):
    check_account(recorded)


def test_what_the_camera_never_sent_is_a_gap_as_long_as_it_was(recorded):
    paused = [each for each in recorded.events("gap") if each["by"] == "stamps"]
    assert [(each["last_s"], each["next_s"], each["seconds"]) for each in paused] == [(94, 125, 31)]
    assert recorded.recorder.counts.missing == 30
    assert {each for each in recorded.camera.lost if 94 < each < 125} == set(range(95, 125))


def test_stalls_and_drops_are_connected_to_again(recorded):
    reasons = [each["reason"] for each in recorded.events("disconnected")]
    assert len(reasons) >= 4
    assert "ExitError" in reasons[0]
    assert "the stream ended" in reasons[1:]
    assert recorded.recorder.counts.connections == len(recorded.events("connected"))


def test_a_clip_has_one_size_and_ends_at_a_key_picture(recorded):
    sizes = [(info.width, info.height) for info in map(probe_video, recorded.clips())]
    assert set(sizes) == {SMALL, LARGE}
    assert sizes[:5] == [SMALL, SMALL, LARGE, LARGE, LARGE]
    assert all(line["seconds"] < 25 for line in recorded.events("clip"))


def test_the_sidecar_says_when_the_clip_was_recorded(recorded):
    lines = recorded.events("clip")
    for clip, line in zip(recorded.clips(), lines, strict=True):
        manifest = read_manifest(clip, clip.with_suffix(".json"))
        assert (manifest.camera, manifest.purpose, manifest.legal_basis) == ("gate-03", "test", "own")
        assert manifest.captured_at == datetime.fromisoformat(line["at"])
    # By then the recorder has read what came while it looked at the stream.
    line = lines[3]
    late = datetime.fromisoformat(line["at"]).timestamp() - recorded.camera.began - line["first_s"]
    assert 0 <= late <= 2 * AHEAD


def test_the_landing_folder_is_bounded(tmp_path):
    recorded = Recorded(tmp_path, [Act(150, SMALL, "drop")], max_waiting_bytes=1).run()
    counts = recorded.recorder.counts
    check_account(recorded)
    assert counts.dropped["no_room"] > 30
    assert recorded.events("no_room")


def test_a_full_disk_loses_no_count(tmp_path, monkeypatch):
    def fail(file, packet):
        if recorded.recorder.counts.received in range(30, 50):
            raise OSError(errno.ENOSPC, "No space left on device")
        return add(file, packet)

    add = ClipFile.add
    monkeypatch.setattr(ClipFile, "add", fail)
    recorded = Recorded(tmp_path, [Act(100, SMALL, "drop")])
    recorded.run()
    check_account(recorded)
    assert 5 <= recorded.recorder.counts.dropped["not_written"] < 60
    assert [path.name for path in recorded.landing.iterdir() if path.name.startswith(".")] == []


def test_what_a_killed_recorder_left_is_published(tmp_path):
    recorded = Recorded(tmp_path, [Act(50, SMALL, "drop")])
    recorder, stop = recorded.recorder, Event()
    recorder._end_clip = lambda: (
        recorder.counts.received == 1000
    )  # nothing ends a clip, as where all is killed
    recorder.ledger.note = lambda *_, **__: stop.set() if recorder.counts.received > 40 else None
    recorder.run(stop)
    recorder._clip.file.close()
    [left] = recorded.landing.iterdir()
    left.write_bytes(left.read_bytes()[:-400])
    [(clip, count)] = publish_left(recorded.landing, recorder.recording.manifest)
    assert 30 < count <= 50
    assert clip.name == left.name[1:].removesuffix(".part")
    assert probe_video(clip).num_frames == count
    assert read_manifest(clip, clip.with_suffix(".json")).captured_at.timestamp() == pytest.approx(
        recorded.camera.began + 45, abs=45
    )
    recorded.camera.close()


@pytest.mark.two_hours
def test_two_hours_of_a_bad_stream_are_accounted_for(tmp_path):
    rng = random.Random(14)
    acts = [
        Act(
            rng.randint(50, 400),
            rng.choice((SMALL, LARGE)),
            rng.choice(("go on", "pause", "stall", "drop")),
            missing=rng.randint(0, 60),
        )
        for _ in range(40)
    ]
    recorded = Recorded(tmp_path, [*acts, Act(60, SMALL, "drop")]).run()
    assert recorded.camera.number > 7200
    check_account(recorded)
    print(json.dumps({"sent": len(recorded.camera.sent), **recorded.recorder.counts.as_dict()}))
