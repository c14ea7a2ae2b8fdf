"""The kill switch, thrown from outside while an installation is at work; `make test-doors` runs this."""

import json
import time

import pytest

from tests.orchestration.outside import BASIS, PURPOSE, Outside, asked, running, wait_until

pytestmark = [pytest.mark.doors, pytest.mark.timeout(3600)]

CAMERA = "gate-01"
CLIPS = 30  # more than a run has tracked when it is first looked at
LIMIT_S = 10.0
RUNS = "{ runsOrError { ... on Runs { results { runId jobName status endTime } } } }"
UNFINISHED = ("QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING")


@pytest.fixture(scope="module")
def outside(tmp_path_factory, astronaut_clip):
    made = Outside(tmp_path_factory.mktemp("switch"))
    made.register(
        *(CAMERA, "--type", "synthetic", "--site", "drawn", "--purpose", PURPOSE),
        *("--legal-basis", BASIS, "--responsible", "Ada, 1 High St"),
    )
    for number in range(CLIPS):
        land(made, f"clip-{number}", astronaut_clip)
    return made


def land(outside, name, clip):
    """Lay a clip into the landing folder."""
    outside.put_clips(outside.folder / name, {CAMERA: clip.path.read_bytes()})
    landing = outside.home / "landing"
    landing.mkdir(exist_ok=True)
    for path in sorted((outside.folder / name).iterdir()):  # the sidecar first
        path.rename(landing / path.name)


def runs(address):
    return asked(address, RUNS)["runsOrError"]["results"]


def scored(outside):
    return len(list((outside.home / "lake" / "segment_scores").rglob("*.parquet")))


def test_a_run_ends_within_ten_seconds_and_goes_on_where_it_was(outside, astronaut_clip):
    tracks = outside.home / "lake" / "face_tracks"
    with running(outside) as address:
        wait_until(lambda: list(tracks.rglob("*.parquet")), "a run has tracked a clip")
        busy = [each for each in runs(address) if each["status"] == "STARTED"]
        assert busy
        done_before = {path: path.stat().st_mtime_ns for path in tracks.rglob("*.parquet")}
        assert len(done_before) < CLIPS, "everything was done before the switch was thrown"
        outside.command("stop", "--by", "Ada", "--reason", "faces look wrong")
        thrown = time.time()
        wait_until(
            lambda: not [each for each in runs(address) if each["status"] in UNFINISHED],
            "every run has ended",
        )
        ended = {each["runId"]: each for each in runs(address)}
        took_s = max(ended[each["runId"]]["endTime"] for each in busy) - thrown
        print(f"runs ended {took_s:.1f} s after the switch was thrown")
        assert took_s < LIMIT_S
        land(outside, "late", astronaut_clip)
        time.sleep(3 * LIMIT_S)  # sensors look every few seconds
        started = [each for each in runs(address) if each["runId"] not in ended]
        for e in started:
            print(e["jobName"], e["status"], e["startTime"], thrown, e["tags"])
        assert not started, f"started beside the switch: {started}"
        assert (outside.home / "landing" / f"late-{CAMERA}.mp4").exists()
        assert scored(outside) == 0
        outside.command("resume", "--by", "Ada", "--reason", "mended")
        wait_until(lambda: scored(outside) == CLIPS + 1, "every clip is scored")
        assert {path: path.stat().st_mtime_ns for path in done_before} == done_before, (
            "something was done again"
        )
    shown = json.loads(outside.command("audit", "show", "--action", "stop", "--action", "resume", "--json"))
    assert [each["action"] for each in shown] == ["stop", "resume"]
