"""Several cameras at once, and who may record one."""

import fcntl
import os
import signal
import threading
import time

import pytest

from apexline.orchestration.operations.recording.cameras import record_cameras
from apexline.orchestration.operations.recording.ledger import Ledger, read_ledger
from apexline.orchestration.operations.recording.recorder import Recording
from apexline.orchestration.settings import Settings
from tests.orchestration.operations.loopback import Act, LoopbackCamera


def of(url, name, **changes):
    return Recording(url, name, **{"purpose": "test", "legal_basis": "own", "min_free_bytes": 0, **changes})


@pytest.fixture
def settings(tmp_path):
    return Settings(home=str(tmp_path / "home"))


def test_a_service_manager_ends_all_and_what_was_recorded_is_published(settings):
    cameras = [LoopbackCamera([Act(70, (64, 48), "drop")], stall_s=2) for _ in range(2)]
    landing = settings.home_path / "landing"
    folders = [settings.state_path / "recordings" / f"gate-{number}" for number in range(2)]

    def is_read(folder):
        return folder.is_dir() and any(each["event"] == "disconnected" for each in read_ledger(folder))

    def end():
        deadline = time.monotonic() + 120
        while not all(map(is_read, folders)) and time.monotonic() < deadline:
            time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGTERM)

    ending = threading.Thread(target=end)
    ending.start()
    found = record_cameras(settings, [of(each.url, f"gate-{n}") for n, each in enumerate(cameras)])
    ending.join()
    assert [(each["camera"], each["received"], each["written"]) for each in found] == [
        ("gate-0", 70, 70),
        ("gate-1", 70, 70),
    ]
    assert len(list(landing.glob("gate-?_*.ts"))) == len(list(landing.glob("*.json"))) >= 2
    events = [each["event"] for each in read_ledger(folders[0])]
    assert (events[0], events[-1]) == ("connected", "stopped")
    for each in cameras:
        each.close()


def test_a_camera_is_recorded_once(settings):
    with pytest.raises(ValueError, match="for two streams"):
        record_cameras(settings, [of("a", "gate"), of("b", "gate")])
    folder = settings.state_path / "recordings" / "gate"
    folder.mkdir(parents=True)
    with (folder / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(BlockingIOError, match="another recorder has the camera gate"):
            record_cameras(settings, [of("a", "gate")])


@pytest.mark.parametrize("changes", [{"purpose": ""}, {"camera": "no/name"}])
def test_what_a_sidecar_may_not_say_is_refused_first(settings, changes):
    recording = of("a", changes.pop("camera", "gate"), **changes)
    with pytest.raises(ValueError, match=r"purpose|camera"):
        record_cameras(settings, [recording])


def test_a_ledger_goes_on_after_a_kill(tmp_path):
    ledger = Ledger(tmp_path)
    ledger.note("clip", 1_772_438_400.0, frames=7)
    [path] = tmp_path.glob("*.jsonl")
    with path.open("a") as file:
        file.write('{"at": "2026')
    Ledger(tmp_path).note("clip", 1_772_438_401.0, frames=8)
    assert [each["frames"] for each in read_ledger(tmp_path)] == [7, 8]


def test_a_ledger_forgets_after_a_month(tmp_path):
    ledger = Ledger(tmp_path)
    for day in range(40):
        ledger.note("clip", 1_772_438_400.0 + day * 86_400)
    assert len(list(tmp_path.glob("*.jsonl"))) == 31
