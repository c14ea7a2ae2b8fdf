"""Five doors tried from outside: the command, folders and servers that the documentation names, none of the code.

`make test-doors` runs this. Six cameras are registered and a clip of each is taken in; then five lose what lets them
in, and each of the doors is tried for all six.
"""

import base64
import io
import json
import os
import shutil
import time
from datetime import UTC, datetime, timedelta

import pytest
from PIL import Image

from tests.orchestration.outside import (
    BASIS,
    BIN,
    PURPOSE,
    Outside,
    Server,
    asked,
    free_port,
    post,
    running,
    wait_until,
)

pytestmark = [pytest.mark.doors, pytest.mark.timeout(3600)]

# What a camera is made to lack, and the reason by which a door has to refuse it.
REFUSED = {
    "unregistered": "unregistered",
    "lapsed": "lapsed",
    "workplace": "workplace",
    "education": "education",
    "no-notice": "no_notice",
}
CAMERAS = ("allowed", *REFUSED)
BACKFILL = """mutation ($days: [String!]) { launchPartitionBackfill(backfillParams: {
  assetSelection: [{path: ["segment_scores"]}], partitionNames: $days
}) { __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
STATUS = "query ($id: String!) { partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status } } }"


@pytest.fixture(scope="module")
def clips(astronaut_clip, noise_clip):
    """A clip of each camera: of a face where the doors have to open, which costs seconds."""
    return {
        camera: noise_clip() if camera in REFUSED else astronaut_clip.path.read_bytes() for camera in CAMERAS
    }


@pytest.fixture(scope="module")
def outside(tmp_path_factory, clips):
    """An installation with a stored, scored clip of each camera, five of which must not be processed any more."""
    made = Outside(tmp_path_factory.mktemp("outside"))
    common = (
        "--site",
        "North gate",
        "--purpose",
        PURPOSE,
        "--legal-basis",
        BASIS,
        "--responsible",
        "Ada, 1 High St",
    )
    soon = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%dT%H:%M:%S}"
    safe = ("--exempt", "safety", "--exempt-reason", "fatigue at the press", "--signed-by", "Grace Hopper")
    started = time.monotonic()
    made.register("allowed", "lapsed", "no-notice", "--type", "public", *common)
    one_command_s = time.monotonic() - started
    for camera in ("workplace", "education"):
        made.register(camera, "--type", camera, *common, expected=1)  # not without an exemption
        made.register(camera, "--type", camera, *common, *safe, "--exempt-until", soon)
    for camera in ("allowed", "lapsed", "no-notice", "workplace", "education"):
        made.command("notice", camera, "--by", "Ada Lovelace")
    register = made.home / "governance" / "register.jsonl"
    before = made.folder / "register-before"
    shutil.copy(register, before)
    made.register("unregistered", "--type", "synthetic", *common)
    made.put_clips(made.folder / "stored", clips)
    taken = json.loads(made.command("ingest", made.folder / "stored", "--json"))
    assert taken["accepted"] == len(CAMERAS), taken

    shutil.copy(before, register)  # as from a backup of before its entry
    shortly = datetime.now(UTC) + timedelta(seconds=20 + 5 * one_command_s)
    end = f"{shortly:%Y-%m-%dT%H:%M:%S}"
    made.register("lapsed", "--expires", end)
    for camera in ("workplace", "education"):
        made.register(camera, *safe, "--exempt-until", end)
    made.register(
        "no-notice", "--purpose", PURPOSE, "--purpose", "another one"
    )  # not what the printed notice says
    time.sleep(max(0.0, (shortly - datetime.now(UTC)).total_seconds()) + 1)
    return made


@pytest.fixture(scope="module")
def dagster(outside):
    """Address of the Dagster UI."""
    with running(outside) as address:
        yield address


@pytest.fixture(scope="module")
def landing(outside, dagster, clips):
    """What became of a clip of each camera in the landing folder."""
    folder, entered = outside.home / "landing", outside.home / "clips"
    stored = {each.name for each in entered.rglob("*.mp4")}
    outside.put_clips(folder, clips)
    wait_until(lambda: not list(folder.glob("*.mp4")), "the landing folder is empty")
    refused = outside.refusals()
    new = [each for each in entered.rglob("*.mp4") if each.name not in stored]
    assert [each.parent.name.partition("_")[2] for each in new] == ["allowed"]
    return lambda camera: refused.get(f"landing-{camera}.mp4", "")


@pytest.fixture(scope="module")
def ingest(outside, clips):
    """What `apexline ingest` made of a clip of each camera."""
    outside.put_clips(outside.folder / "incoming", clips)
    found = json.loads(outside.command("ingest", outside.folder / "incoming", "--json"))
    assert found["accepted"] == 1
    refused = {each["name"]: each["reason"] for each in found["quarantined"]}
    return lambda camera: refused.get(f"incoming-{camera}.mp4", "")


@pytest.fixture(scope="module")
def score(outside, clips):
    """What `apexline score` says of a clip of a camera."""
    outside.put_clips(outside.folder / "desk", clips)

    def answer(camera):
        clip = outside.folder / "desk" / f"desk-{camera}.mp4"
        if camera not in REFUSED:
            assert json.loads(outside.command("score", clip, "--json"))
            return ""
        return (
            outside.command("score", clip, "--json", expected=1).partition("apexline: ")[2].partition(":")[0]
        )

    return answer


@pytest.fixture(scope="module")
def serving(outside):
    """What a served model answers for a camera."""
    picture = io.BytesIO()
    Image.new("L", (96, 96), 128).save(picture, "PNG")
    body = {"dataframe_records": [{"image": base64.b64encode(picture.getvalue()).decode()}]}

    def answer(camera):
        port = free_port()
        environment = {
            **outside.environment,
            "MLFLOW_TRACKING_URI": f"sqlite:///{outside.home / 'mlflow.db'}",
            "APEXLINE_SERVING_CAMERA": camera,
            "PATH": f"{BIN}:{os.environ['PATH']}",
        }
        model = "models:/apexline-expression@champion"
        command = [
            BIN / "mlflow",
            "models",
            "serve",
            "-m",
            model,
            "--env-manager",
            "local",
            "-p",
            port,
            "-w",
            1,
        ]
        address = f"http://127.0.0.1:{port}/invocations"
        with Server(command, environment, outside.folder / f"serving-{camera}.log"):
            status, said = wait_until(
                lambda: (seen := post(address, body))[0] and seen, "the model is served"
            )
        if status == 200:
            assert len(json.loads(said)["predictions"]) == 1
            return ""
        return next((reason for reason in REFUSED.values() if f"{reason}: " in said), said)

    return answer


@pytest.fixture(scope="module")
def rescoring(outside, dagster):
    """Whether stored clips, whose scores are gone, are scored anew by a backfill, and what the audit says."""
    scores = outside.home / "lake" / "segment_scores"
    days = {camera: f"camera_day=2026-03-02_{camera}" for camera in CAMERAS}
    stored = {each.stem for each in (outside.home / "clips").rglob("*.mp4")}
    for camera, day in days.items():
        gone = list((scores / day).rglob("*.parquet"))
        assert gone, f"{camera} was never scored"
        for path in gone:
            path.unlink()
    assert stored
    keys = [day.partition("=")[2] for day in days.values()]
    launched = asked(dagster, BACKFILL, days=keys)["launchPartitionBackfill"]
    assert launched["__typename"] == "LaunchBackfillSuccess", launched

    def status():
        return asked(dagster, STATUS, id=launched["backfillId"])["partitionBackfillOrError"]["status"]

    ended = ("COMPLETED_SUCCESS", "COMPLETED", "COMPLETED_FAILED", "FAILED")
    assert (
        wait_until(lambda: (now := status()) in ended and now, "the backfill has ended")
        == "COMPLETED_SUCCESS"
    )
    on_record = json.loads(outside.command("audit", "show", "--action", "refuse", "--json"))
    reasons = " ".join(each["why"] for each in on_record if each["door"] == "rescoring")

    def answer(camera):
        if any((scores / days[camera]).rglob("*.parquet")):
            return ""
        return (
            REFUSED[camera]
            if f"{REFUSED[camera]} 1" in reasons
            else f"not scored, and on record is {reasons!r}"
        )

    return answer


DOORS = ("landing", "ingest", "score", "serving", "rescoring")


@pytest.mark.parametrize("camera", REFUSED)
@pytest.mark.parametrize("door", DOORS)
def test_a_door_stays_shut(door, camera, request):
    assert request.getfixturevalue(door)(camera) == REFUSED[camera]


@pytest.mark.parametrize("door", DOORS)
def test_a_door_opens_for_what_is_registered_and_told(door, request):
    assert request.getfixturevalue(door)("allowed") == ""


def test_the_audit_holds(outside):
    assert json.loads(outside.command("audit", "verify", "--json"))["state"] == "sound"
