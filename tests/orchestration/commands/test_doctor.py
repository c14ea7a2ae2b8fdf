"""`apexline doctor`: what is sound, what is wrong, which clips did not go all the way; `apexline retry`."""

import hashlib
import json

import dagster as dg
import pytest
from upath import UPath

from apexline.assets.ingest.intake import take_in
from apexline.assets.lake.failures import Failure, record_failure, recorded_failures
from apexline.assets.lake.storage import Lake
from apexline.features.placement import Trial
from apexline.features.video import decoding_process
from apexline.orchestration.commands import doctor
from apexline.orchestration.commands.ingest import process_all
from apexline.orchestration.definitions import build_definitions
from apexline.orchestration.jobs import CLIP_ASSETS
from apexline.orchestration.line import open_line
from apexline.orchestration.operations.restore import UNFINISHED
from apexline.orchestration.settings import Settings
from tests.assets.lake.damage import INSIDE
from tests.features.damaged import video_that_loses_a_frame, whole_video
from tests.orchestration.installation import check_evaluations, latest_metadata, quiet

DAY = "2026-03-02_gate-03"


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


@pytest.mark.parametrize(
    ("cuda_s", "failure", "state", "said"),
    [
        (0.01, "", "good", "for texture (texture: 25,600 faces/s, on a core 2,560)"),
        (1.0, "", "note", "for nothing, since the CPU is faster (texture: 256 faces/s, on a core 2,560)"),
        (
            0.01,
            "the GPU failed with X",
            "wrong",
            "(texture: failed, so that the CPU is used: the GPU failed with X)",
        ),
    ],
)
def test_doctor_says_what_the_gpu_is_worth(tmp_path, monkeypatch, cuda_s, failure, state, said):
    monkeypatch.setattr(doctor, "has_gpu", lambda: True)
    monkeypatch.setattr(doctor, "try_devices", lambda features: {"texture": Trial(256, 0.1, cuda_s, failure)})
    found = {each["what"]: each for each in doctor.examine(Settings(home=str(tmp_path)))}["gpu"]
    assert found["state"] == state
    assert said in found["detail"]


def test_doctor_names_what_is_wrong(apexline, home, tmp_path, monkeypatch):
    monkeypatch.setenv("APEXLINE_CONFIG", str(tmp_path / "missing.yaml"))
    code, out, _ = apexline("doctor")
    assert code == 1
    assert "wrong" in out
    assert "missing.yaml" in out.replace("\n", "")


def test_doctor_names_what_is_the_matter_with_operation(apexline, home, deliver, tmp_path, noise_clip):
    take_in(Lake(home.home_path), UPath(deliver(tmp_path / "in", "a.mp4", noise_clip())))
    home.prepare()
    (home.home_path / UNFINISHED).touch()
    with dg.DagsterInstance.from_config(str(home.dagster_home)) as instance:
        instance.create_run_for_job(
            build_definitions(home).resolve_job_def("publish"), status=dg.DagsterRunStatus.FAILURE
        )
    code, out, _ = apexline("doctor --json")
    said = {each["what"]: each for each in json.loads(out)}
    assert code == 1
    assert said["failed run"]["state"] == said["unfinished restore"]["state"] == "wrong"
    assert said["daemon"]["state"] == said["unprocessed"]["state"] == "note"
    assert "apexline ui" in said["daemon"]["detail"]
    assert "apexline ingest" in said["unprocessed"]["detail"]


@pytest.fixture
def poisoned(home, tmp_path, deliver, noise_clip):
    """Three clips of a camera-day that were taken in, one of them damaged since; its id, file and sound content."""
    lake = Lake(home.home_path)
    taken = [
        take_in(lake, UPath(deliver(tmp_path / "in", f"{seed}.mp4", noise_clip(seed=seed))))
        for seed in range(3)
    ]
    damaged = lake.home / "clips" / DAY / f"{taken[1].clip_id}.mp4"
    damaged.write_bytes(b"dear diary" * 50)
    return taken[1].clip_id, damaged, noise_clip(seed=1)


def findings(apexline, what):
    code, out, _ = apexline("doctor --json")
    assert code == 0  # a clip that failed is a note
    return [each["detail"] for each in json.loads(out) if (each["what"], each["state"]) == (what, "note")]


def test_a_damaged_clip_is_named_and_the_others_go_all_the_way(apexline, home, poisoned):
    clip_id, damaged, sound = poisoned
    with open_line(home) as line:
        process_all(line, on_step=quiet)
    lake = Lake(home.home_path)
    for table in CLIP_ASSETS:
        names = {name[:16] for name in lake.names(table, camera_day=DAY)}
        assert len(names) == 2, table
        assert clip_id not in names, table
    assert latest_metadata(home, "clip_manifest", DAY)["clips_failed"].value == 1
    failed = [each for each in check_evaluations(home) if not each.passed]
    assert [(each.asset_key.to_user_string(), each.check_name) for each in failed] == [
        ("clip_manifest", "no_clip_failed")
    ]
    assert failed[0].severity == dg.AssetCheckSeverity.WARN

    [said] = findings(apexline, "failed")
    assert said.startswith(f"clip_manifest: {clip_id} of {DAY}: UnreadableVideo: {damaged.name}: not_a_video")
    assert said.endswith(f"apexline retry {clip_id}")

    damaged.write_bytes(sound)
    code, out, _ = apexline("retry", clip_id, "--json")
    assert (code, json.loads(out)) == (0, {"tried": [clip_id], "failed again": []})
    assert {len(lake.names(table, camera_day=DAY)) for table in CLIP_ASSETS} == {3}
    assert recorded_failures(lake) == []
    assert json.loads(apexline("retry --json")[1])["tried"] == []


def test_damage_that_a_later_stage_meets(home, poisoned):
    clip_id, damaged, sound = poisoned
    damaged.write_bytes(sound)
    with open_line(home) as line:
        line.run("process_camera_day", camera_day=DAY)
        for table in ("face_tracks", "face_crops"):
            for name in line.lake.names(table, camera_day=DAY):
                line.lake.remove(table, name, camera_day=DAY)
        damaged.write_bytes(b"dear diary" * 50)
        line.run("process_camera_day", camera_day=DAY)
        [failure] = recorded_failures(line.lake)
        assert (failure.stage, failure.clip_id) == ("face_tracks", clip_id)
        assert len(line.lake.names("face_tracks", camera_day=DAY)) == 2


@pytest.mark.parametrize("habit", ["segmentation fault", "half a frame, then the end"])
def test_a_decoder_that_dies_is_one_failed_clip(apexline, home, poisoned, monkeypatch, habit):
    clip_id, damaged, _ = poisoned
    damaged.write_text(habit)
    decoding_process.end_all()
    monkeypatch.setattr(decoding_process, "_PROGRAM", "tests.features.false_decoder")
    with open_line(home) as line:
        process_all(line, on_step=quiet)
        assert len(line.lake.names("expression_segments", camera_day=DAY)) == 2
    [said] = findings(apexline, "failed")
    assert f"{clip_id} of {DAY}: UnreadableVideo: {damaged.name}: decoder_crashed: " in said
    decoding_process.end_all()


def test_a_clip_that_lost_frames_goes_all_the_way_and_is_named(apexline, home, tmp_path, deliver):
    lake = Lake(home.home_path)
    sound, damaged = whole_video("mov", "prores_ks", "yuv422p10le"), video_that_loses_a_frame()
    for name, content in (("sound", sound), ("damaged", damaged)):
        assert take_in(lake, UPath(deliver(tmp_path / "in", f"{name}.mov", content))).status == "accepted"
    with open_line(home) as line:
        process_all(line, on_step=quiet)
    assert {len(lake.names(table, camera_day=DAY)) for table in CLIP_ASSETS} == {2}
    clip_id = hashlib.sha256(damaged).hexdigest()[:16]
    said = f"{clip_id} of {DAY}: 1 of 12 frames are lost (1 x not decoded: "
    [found] = findings(apexline, "frames lost")
    assert found.startswith(said)
    failed = [each for each in check_evaluations(home) if not each.passed]
    assert [each.check_name for each in failed] == ["every_frame_decodes"]
    assert failed[0].metadata["problems"].value == [found]
    assert failed[0].metadata["frames_lost"].value == 1


def test_a_clip_that_fails_again_is_named_again(apexline, home, poisoned):
    with open_line(home) as line:
        process_all(line, on_step=quiet)
    code, out, _ = apexline("retry --json")
    assert code == 0
    [again] = json.loads(out)["failed again"]
    assert again in findings(apexline, "failed")


def test_lists_are_bounded_and_a_broken_record_is_named(apexline, home, monkeypatch):
    monkeypatch.setattr(doctor, "_LISTED", 2)
    lake = Lake(home.home_path)
    for clip in "abcde":
        record_failure(lake, Failure("face_tracks", DAY, clip, *("",) * 6))
    said = findings(apexline, "failed")
    assert len(said) == 3
    assert said[2] == "and 3 more"
    (lake.home / "failures" / "face_tracks" / DAY / "a.json").write_text("{")
    assert (
        "a of 2026-03-02_gate-03: DamagedFile: the record of its failure" in findings(apexline, "failed")[0]
    )


def test_refused_files_are_listed(apexline, home, tmp_path, deliver):
    take_in(Lake(home.home_path), UPath(deliver(tmp_path / "in", "bad.mp4", b"")))
    assert findings(apexline, "quarantined") == ["bad.mp4: zero_bytes: the file is empty; send it again"]


def test_damage_inside_a_stored_table_is_named_and_mended(apexline, home, tmp_path, deliver, noise_clip):
    lake = Lake(home.home_path)
    clip = take_in(lake, UPath(deliver(tmp_path / "in", "a.mp4", noise_clip()))).clip_id
    with open_line(home) as line:
        process_all(line, on_step=quiet)
    before = lake.content_hash()
    path = lake.path("clip_manifest", clip, camera_day=DAY)
    INSIDE["overwritten inside"](path)
    [said] = findings(apexline, "damaged")
    assert said.startswith(f"{path} can't be read")
    assert said.endswith(f"to make it again: apexline retry {clip}")
    code, out, _ = apexline("retry", clip, "--json")
    assert (code, json.loads(out)["tried"]) == (0, [clip])
    assert findings(apexline, "damaged") == []
    assert lake.content_hash() == before


def test_a_damaged_score_is_kept(apexline, home):
    lake = Lake(home.home_path)
    lake.write("segment_scores", "a-v1-00", [], stamp="s", camera_day=DAY)
    path = lake.path("segment_scores", "a-v1-00", camera_day=DAY)
    path.write_bytes(b"")
    [said] = findings(apexline, "damaged")
    assert said.endswith("put the file back from a copy, or delete it")
    apexline("retry")
    assert path.exists()


def test_a_damaged_record_of_the_quarantine_is_listed(apexline, home):
    folder = home.home_path / "quarantine"
    folder.mkdir(parents=True)
    (folder / "abc-clip.mp4.json").write_text("{")
    (folder / "folder.json").mkdir()
    [said] = findings(apexline, "quarantined")
    assert said.startswith("abc-clip.mp4: damaged_record: why it was refused can't be read")
