"""Five doors, each tried with what it has to refuse, by what a person can give: commands, files, requests."""

import json
import shlex
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from upath import UPath

from apexline.assets.ingest.intake import take_in
from apexline.assets.lake.storage import Lake
from apexline.assets.scoring.permitted import permitted_clips
from apexline.assets.serving import ExpressionServer
from apexline.assets.serving_limits import ServingLimits
from apexline.governance import audit_lines
from apexline.orchestration.commands import cli
from tests.assets.small_lake import DAY_1, A, at, clip, put

pytestmark = pytest.mark.usefixtures("strict_register")
CAMERA = "gate-01"
PURPOSE, BASIS = "test", "consent"
REGISTER = (
    f"register {CAMERA} --site Gate --purpose {PURPOSE} --legal-basis {BASIS} --responsible Ada --by Ada"
)
SAFE = "--exempt safety --exempt-reason fatigue --signed-by Grace"
# What is wrong, the commands that lead there, and the reasons that may be given for it.
CASES = {
    "unregistered": ([], {"unregistered"}),
    "lapsed": ([f"{REGISTER} --type synthetic --withdraw"], {"lapsed"}),
    "workplace": ([f"{REGISTER} --type workplace"], {"unregistered", "workplace"}),
    "education": ([f"{REGISTER} --type education"], {"unregistered", "education"}),
    "no notice": ([f"{REGISTER} --type public"], {"no_notice"}),
}


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("APEXLINE_HOME", str(tmp_path / "home"))
    return UPath(tmp_path / "home")


@pytest.fixture
def command(monkeypatch, capfd):
    def run(line):
        monkeypatch.setattr("sys.argv", ["apexline", *shlex.split(line)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        captured = capfd.readouterr()
        return end.value.code or 0, captured.out + captured.err

    return run


@pytest.fixture
def delivered(tmp_path, noise_clip):
    """A clip with a sidecar of the camera."""

    def deliver(folder):
        folder.mkdir(parents=True, exist_ok=True)
        said = {
            "camera": CAMERA,
            "captured_at": "2026-03-02T08:15:00Z",
            "purpose": PURPOSE,
            "legal_basis": BASIS,
        }
        path = UPath(folder) / "a.mp4"
        path.write_bytes(noise_clip())
        path.with_suffix(".json").write_text(json.dumps(said))
        return path

    return deliver


def landing(home, delivered, command):
    return take_in(Lake(home), delivered(home / "landing"), move=True).reason


def ingest(home, delivered, command):
    return take_in(Lake(home), delivered(home.parent / "incoming")).reason


def score(home, delivered, command):
    code, said = command(f"score {delivered(home.parent / 'desk')} --camera {CAMERA}")
    assert code == 1
    return said.partition("apexline: ")[2].partition(":")[0]


def serving(home, delivered, command):
    server = ExpressionServer(None, None, ServingLimits(camera=CAMERA))
    with pytest.raises(ValueError, match="APEXLINE_SERVING_CAMERA") as refusal:
        server.predict(pd.DataFrame([{"image": [[0]]}]))
    return str(refusal.value).partition(":")[0]


def rescoring(home, delivered, command):
    basis = {"purpose": PURPOSE, "legal_basis": BASIS}
    put(home / "lake", "clip_manifest", A, [clip(A, CAMERA, at("08:15", 2), **basis)], DAY_1)
    permitted, refused = permitted_clips(Lake(home), [(DAY_1, A, "stamp")])
    assert permitted == []
    return next(iter(refused))


DOORS = (landing, ingest, score, serving, rescoring)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_no_door_opens(home, delivered, command, door, case):
    commands, reasons = CASES[case]
    for each in commands:
        command(each)
    assert door(home, delivered, command) in reasons


def score_by_its_sidecar(home, delivered, command):
    _, said = command(f"score {delivered(home.parent / 'desk')}")
    return said.partition("apexline: ")[2].partition(":")[0]


@pytest.mark.parametrize(
    "door", [landing, ingest, score_by_its_sidecar, rescoring], ids=lambda door: door.__name__
)
@pytest.mark.parametrize("said", ["purpose", "legal-basis"])
def test_no_door_opens_for_what_a_clip_says_and_the_register_does_not(home, delivered, command, door, said):
    other = REGISTER.replace(f"--{said} {PURPOSE if said == 'purpose' else BASIS}", f"--{said} another")
    assert command(f"{other} --type synthetic")[0] == 0
    assert door(home, delivered, command) == f"other_{said.replace('-', '_')}"


@pytest.mark.parametrize("kind", ["workplace", "education"])
def test_a_prohibited_place_cannot_be_registered(command, home, kind):
    code, said = command(f"{REGISTER} --type {kind}")
    assert code == 1
    assert "Art. 5(1)(f)" in said
    assert command("registered --json") == (0, "[]\n")


def test_an_exemption_that_has_ended_shuts_the_door_again(command, home, delivered, monkeypatch):
    until = datetime.now(UTC) + timedelta(days=30)
    assert command(f"{REGISTER} --type workplace {SAFE} --exempt-until {until:%Y-%m-%d}")[0] == 0
    assert command(f"notice {CAMERA} --by Ada --out {home.parent / 'notice.html'}")[0] == 0
    assert "workplace" not in landing(home, delivered, command)
    from apexline.governance import permit

    with pytest.raises(ValueError, match="place of workplace"):
        permit(home, CAMERA, door="score", now=until + timedelta(days=1))


@pytest.mark.parametrize(
    "kind", ["--type synthetic", "--type public"], ids=["without anybody", "with a notice"]
)
def test_what_is_registered_goes_through(home, delivered, command, kind):
    code, said = command(f"{REGISTER} {kind}")
    assert code == 0, said
    if "public" in kind:
        assert command(f"notice {CAMERA} --by Ada --out {home.parent / 'notice.html'}")[0] == 0
    result = take_in(Lake(home), delivered(home / "landing"), move=True)
    assert (result.status, result.reason) == ("accepted", "")
    put(
        home / "lake",
        "clip_manifest",
        A,
        [clip(A, CAMERA, at("08:15", 2), purpose=PURPOSE, legal_basis=BASIS)],
        DAY_1,
    )
    jobs = [(DAY_1, A, "stamp")]
    assert permitted_clips(Lake(home), jobs) == (jobs, {})
    ServingLimits(camera=CAMERA).check_purpose()
    assert [each["action"] for each in audit_lines(home)][-1] == "ingest"


def test_recordings_of_ones_own_need_one_command_that_the_refusal_shows(home, delivered, command):
    desk = home.parent / "desk"
    desk.mkdir()
    bare = delivered(desk)
    bare.with_suffix(".json").unlink()
    code, said = command(f"score {bare}")
    assert code == 1
    shown = said.partition("enter it: apexline ")[2].strip()
    assert command(shown)[0] == 0
    ServingLimits().check_purpose()


def test_a_refused_clip_is_kept_with_its_reason_and_on_record(home, delivered, command):
    result = take_in(Lake(home), delivered(home / "landing"), move=True)
    assert (result.status, result.reason) == ("quarantined", "unregistered")
    assert "apexline register gate-01" in result.detail
    assert [(each["action"], each["door"], each["why"]) for each in audit_lines(home)] == [
        ("refuse", "landing", "unregistered")
    ]


def test_a_refused_score_is_on_record(home, delivered, command):
    assert score(home, delivered, command) == "unregistered"
    assert [(each["action"], each["door"], each["why"]) for each in audit_lines(home)] == [
        ("refuse", "score", "unregistered")
    ]


def test_while_everything_is_stopped_clips_wait_in_the_landing_folder(home, delivered, command):
    command(f"{REGISTER} --type synthetic")
    assert command("stop --by Ada --reason 'faces look wrong'")[0] == 0
    waiting = delivered(home / "landing")
    assert take_in(Lake(home), waiting, move=True).reason == "stopped"
    assert waiting.exists()
    assert command("resume --by Ada --reason mended")[0] == 0
    assert take_in(Lake(home), waiting, move=True).status == "accepted"
