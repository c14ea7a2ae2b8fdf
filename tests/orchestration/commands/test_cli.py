"""The command: help, exit codes, one-line errors, JSON. Commands that need a trained model are in test_line.py."""

import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile

import pandas as pd
import pytest
from typer.testing import CliRunner

from apexline.assets.lake import clip_stages
from apexline.assets.lake.storage import Lake
from apexline.ml.emotions import EMOTIONS
from apexline.ml.surveys.panel import simulate_panel
from apexline.orchestration.commands import cli
from apexline.orchestration.settings import Settings

COMMANDS = (
    *("demo", "ui", "ingest", "score", "erase", "approve", "doctor", "bench"),
    *("survey", "survey serve", "survey import", "survey power"),
)
OPTIONS = "--camera gate-03 --captured-at 2026-03-02T08:15:00 --purpose test --legal-basis consent"
DAY = "2026-03-02_gate-03"


@pytest.fixture
def home(tmp_path, monkeypatch, tracking_uri, fast_parameters):
    monkeypatch.setenv("APEXLINE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("APEXLINE_CONFIG", str(fast_parameters))
    monkeypatch.setenv("APEXLINE_MLFLOW_TRACKING_URI", tracking_uri)
    return Settings()


@pytest.fixture
def apexline(monkeypatch, capfd):
    """Run the command as the installed script does: ``apexline("ingest", path)`` gives code, stdout, stderr."""

    def run(*arguments):
        words = [
            word
            for each in arguments
            for word in (shlex.split(each) if isinstance(each, str) else [str(each)])
        ]
        monkeypatch.setattr("sys.argv", ["apexline", *words])
        with pytest.raises(SystemExit) as end:
            cli.main()
        captured = capfd.readouterr()
        return end.value.code or 0, captured.out, captured.err

    return run


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command):
    result = CliRunner().invoke(cli.app, [*command.split(), "--help"])
    assert result.exit_code == 0
    assert "Usage" in result.stdout
    assert len(result.stdout) > 200


def test_help_waits_for_no_heavy_package():
    heavy = {"dagster", "torch", "mlflow", "duckdb", "cv2", "pandas"}
    code = "import sys, orchestration.commands.cli; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert heavy & set(loaded.split()) == set()


def test_no_command_is_left_out():
    click = cli.typer.main.get_command(cli.app)
    found = set(click.commands) | {f"survey {name}" for name in click.commands["survey"].commands}
    assert found == set(COMMANDS)


@pytest.mark.parametrize(
    "wrong",
    [
        "fly",
        "demo --clip x",
        "erase",
        "erase 0123456789abcdef",
        "approve",
        "score /nowhere/clip.mp4",
        "survey import /nowhere/ratings.csv",
        "bench speed",
        f"ingest x.mp4 {OPTIONS.replace('2026', 'in')}",
    ],
)
def test_wrong_usage_exits_with_two(apexline, home, wrong):
    code, out, err = apexline(wrong)
    assert (code, out) == (2, "")
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("ingest /nowhere/[clip].mp4", "/nowhere/[clip].mp4 does not exist"),
        (
            "ingest clip.mp4 --camera gate-03",
            "missing --captured-at, --purpose, --legal-basis: give all four",
        ),
        (
            f"ingest clip.mp4 {OPTIONS.replace('gate-03', 'gate/3')}",
            "invalid_field: camera: String should match",
        ),
        ("demo --clips /nowhere/clips", "/nowhere/clips is no folder"),
        ("erase 0123456789abcdef --by ada", "no clip '0123456789abcdef' is stored"),
        ("approve --by ada", "run the job `retrain` first"),
    ],
)
def test_failure_exits_with_one_and_names_the_remedy(apexline, home, arguments, message):
    code, out, err = apexline(arguments)
    assert (code, out) == (1, "")
    assert message in err
    assert "Traceback" not in err


@pytest.mark.parametrize("plot", [False, True])
def test_score_tracks_a_clip_once_and_stores_nothing_of_it(
    apexline, home, astronaut_clip, tracker_calls, tmp_path, plot
):
    page = tmp_path / "why.html"
    code, out, _ = apexline("score", astronaut_clip.path, "--json", *(["--plot", page] if plot else []))
    assert code == 0
    [row] = json.loads(out)
    assert 0 < row["onset_s"] < row["apex_s"] < row["offset_s"]
    assert tracker_calls == {"read_frames": 1, "track_faces": 1}
    assert page.exists() == plot
    # that the shipped model became champion is all that the home says
    assert {file.parent.name for file in home.home_path.rglob("*.parquet")} <= {"promotions"}


@pytest.fixture
def unhandled_sigterm():
    """Have a SIGTERM that nobody handles fail the test instead of ending all tests."""

    def fail(*_):
        pytest.fail("SIGTERM would have ended the process on the spot")

    before = signal.signal(signal.SIGTERM, fail)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("home", "unhandled_sigterm")
def test_score_leaves_no_face_crops_when_it_is_ended(apexline, astronaut_clip, tmp_path_factory, monkeypatch):
    scratch = tmp_path_factory.mktemp("scratch")
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    crops = []

    def end_us(*_, **__):
        crops.extend(scratch.glob("apexline-*/**/face_crops/**/*.parquet"))
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(clip_stages, "write_segments", end_us)
    code, out, _ = apexline("score", astronaut_clip.path)
    assert (code, out) == (128 + signal.SIGTERM, "")
    assert crops
    assert not any(scratch.glob("apexline-*"))


@pytest.mark.parametrize("options", ["--camera gate-03", OPTIONS.replace("gate-03", "gate/3")])
def test_an_error_is_one_line(apexline, home, options):
    _, _, err = apexline("ingest clip.mp4", options)
    assert err.count("\n") == 1
    assert err.startswith("apexline: ")


def test_a_broken_parameter_file_is_named(apexline, home, tmp_path, monkeypatch):
    broken = tmp_path / "broken.yaml"
    broken.write_text("trainig: {}\n")
    monkeypatch.setenv("APEXLINE_CONFIG", str(broken))
    code, _, err = apexline("ingest", OPTIONS)
    assert code == 1
    assert "broken.yaml: unknown sections ['trainig']" in err


@pytest.fixture
def delivery(tmp_path, deliver, noise_clip, broken_clips):
    """Two good clips, one of them twice, and seven that can't be accepted."""
    folder = tmp_path / "delivery"
    deliver(folder, "first.mp4", noise_clip(seed=0))
    deliver(folder, "second.mp4", noise_clip(seed=1))
    deliver(folder, "second-again.mp4", noise_clip(seed=1))
    for reason, content in broken_clips.items():
        deliver(folder, f"{reason}.mp4", content)
    deliver(folder, "no_manifest.mp4", noise_clip(seed=2), sidecar=False)
    deliver(folder, "missing_field.mp4", noise_clip(seed=3), purpose=None)
    return folder


def test_a_mixed_folder_is_sorted_out(apexline, home, delivery):
    code, out, _ = apexline("ingest", delivery, "--json")
    assert code == 0
    summary = json.loads(out)
    assert (summary["accepted"], summary["duplicates"], summary["tracks"]) == (2, 1, 0)
    reasons = {each["name"].removesuffix(".mp4"): each["reason"] for each in summary["quarantined"]}
    assert len(reasons) == 7
    assert all(name == reason for name, reason in reasons.items())
    assert all(each["detail"] for each in summary["quarantined"])
    assert summary["camera_days"] == [DAY]
    assert len(Lake(home.home_path).names("face_tracks", camera_day=DAY)) == 2
    assert len(list(delivery.iterdir())) == 19  # what was named is copied, not moved

    code, out, _ = apexline("ingest", delivery)
    assert code == 0
    for words in ("accepted", "duplicates", "quarantined", *reasons):
        assert words in out
    code, out, _ = apexline("ingest", delivery, "--json")
    assert (json.loads(out)["accepted"], json.loads(out)["computed"]) == (0, 0)


def test_without_paths_the_landing_folder_is_emptied(apexline, home, deliver, noise_clip):
    landing = home.state_path / "landing"
    deliver(landing, "clip.mp4", noise_clip())
    deliver(landing, "bad.mp4", b"")
    code, out, _ = apexline("ingest --json")
    assert code == 0
    assert (json.loads(out)["accepted"], len(json.loads(out)["quarantined"])) == (1, 1)
    assert list(landing.iterdir()) == []


def test_options_stand_in_for_a_sidecar(apexline, home, deliver, tmp_path, noise_clip):
    clip = deliver(tmp_path / "in", "bare.mp4", noise_clip(), sidecar=False)
    code, out, _ = apexline("ingest", clip, OPTIONS, "--json")
    assert code == 0
    assert json.loads(out)["camera_days"] == [DAY]
    [row] = Lake(home.home_path).read_all("clip_manifest").to_pylist()
    assert (row["purpose"], row["legal_basis"]) == ("test", "consent")
    assert row["captured_at"].isoformat() == "2026-03-02T08:15:00+00:00"


def test_time_zone_of_the_option_counts(apexline, home, deliver, tmp_path, noise_clip):
    clip = deliver(tmp_path / "in", "bare.mp4", noise_clip(), sidecar=False)
    late = OPTIONS.replace("T08:15:00", "T23:30:00-0200")
    _, out, _ = apexline("ingest", clip, late, "--json")
    assert json.loads(out)["camera_days"] == ["2026-03-03_gate-03"]


def test_an_empty_home_has_nothing_to_ingest(apexline, home):
    code, out, _ = apexline("ingest --json")
    assert code == 0
    assert json.loads(out)["camera_days"] == []


def test_doctor_finds_a_sound_installation(apexline, home, tmp_path, monkeypatch):
    # other tests leave a champion in the registry that they share
    monkeypatch.setenv("APEXLINE_MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'fresh.db'}")
    code, out, _ = apexline("doctor --json")
    findings = {finding["what"]: finding for finding in json.loads(out)}
    assert code == 0
    assert {"python", "packages", "home", "parameters", "detector", "gpu", "champion", "lake"} <= set(
        findings
    )
    assert findings["champion"]["state"] == "note"
    assert "ships with the package" in findings["champion"]["detail"]
    assert {finding["state"] for finding in findings.values()} <= {"good", "note"}


def test_doctor_names_what_is_wrong(apexline, home, tmp_path, monkeypatch):
    monkeypatch.setenv("APEXLINE_CONFIG", str(tmp_path / "missing.yaml"))
    code, out, _ = apexline("doctor")
    assert code == 1
    assert "wrong" in out
    assert "missing.yaml" in out.replace("\n", "")


def test_survey_power_needs_ratings_and_says_how_many_more(apexline, home, tmp_path):
    code, _, err = apexline("survey power")
    assert code == 1
    assert "nobody has rated" in err
    names = [f"s{number}" for number in range(30)]
    stimuli = pd.DataFrame({"segment": names, "emotion": [EMOTIONS[k % 4] for k in range(30)]})
    file = tmp_path / "answers.csv"
    simulate_panel(stimuli, raters=4).to_csv(file, index=False, float_format="%g")
    code, out, _ = apexline("survey power", file, "--congruence .9 --axis pleasure --json")
    plan = json.loads(out)
    assert code == 0
    assert (plan["basis"]["raters"], plan["basis"]["stimuli"]) == (4, 30)
    assert [row["images"] for row in plan["needed"]] == [30, 60, 120, 240, 480]
    assert plan["needed"][-1]["raters"] == 3
    assert plan["needed"][-1]["answers"] == 1440
    assert set(plan["ceiling"]) == {"pleasure", "arousal", "dominance"}


def test_survey_import_takes_scales_of_its_own_with_both_files(apexline, home, tmp_path):
    poles, norms, table = (tmp_path / name for name in ("voices.csv", "norms.csv", "table.csv"))
    poles.write_text("left_en,right_en\nyoung,old\n")
    norms.write_text("term,component,E_mean,P_mean,A_mean\nyoung,modifier,1,1,1\nold,modifier,0,0,0\n")
    table.write_text("who,what,old\nr1,s1,50\nr1,s2,101\n")
    code, out, _ = apexline("survey import", table, "--poles", poles, "--norms", norms, "--json")
    assert code == 1
    options = ("--poles", poles, "--norms", norms, "--rater who --stimulus what", "--json")
    code, out, _ = apexline("survey import", table, *options)
    result = json.loads(out)
    assert code == 0
    assert (result["accepted"], result["rejected"], result["form"]) == (1, 1, "voices")
    assert apexline("survey import", table, "--poles", poles)[0] == 2


def test_survey_import_keeps_good_rows_and_says_why_others_were_not(apexline, home, tmp_path):
    file = tmp_path / "answers.csv"
    file.write_text("rater,segment,pair,level\nr1,s1,angry_calm,1\nr1,s1,happy_sad,9\nr1,s1,angry_clam,2\n")
    code, out, _ = apexline("survey import", file, "--json")
    result = json.loads(out)
    assert code == 0
    assert (result["accepted"], result["rejected"]) == (1, 2)
    assert "angry_clam" in str(result["reasons"])
    [stored] = (home.state_path / "surveys").iterdir()
    assert stored.read_text() == "rater,segment,pair,level\nr1,s1,angry_calm,1\n"


def test_survey_import_of_another_table_names_the_missing_column(apexline, home, tmp_path):
    file = tmp_path / "answers.csv"
    file.write_text("rater,segment,pair\nr1,s1,angry_calm\n")
    code, _, err = apexline("survey import", file)
    assert code == 1
    assert "level" in err
