"""A purge with a moved clock: what is due goes, all else stays, and a search of our own finds nothing of it."""

import hashlib
import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import dagster as dg
import numpy as np
import pytest
from dagster._core.scheduler.instigation import TickData, TickStatus

from apexline.assets.training import consented_file
from apexline.governance import BrokenAudit, Retention, audit_lines, enter_synthetic, place_hold, verify
from apexline.ml.registry import MODEL_NAME
from apexline.orchestration.governing import gone
from apexline.orchestration.governing.purging import NotGoneError, purge
from apexline.orchestration.resources import build_registry
from apexline.orchestration.settings import Settings
from tests.orchestration.erasure.small_home import DAY, OTHER_DAY, build_home

NOW = datetime.now(UTC)
KEPT = Retention()


def quiet(*_):
    pass


@pytest.fixture(scope="module")
def built(tmp_path_factory, noise_clip, tracking_uri):
    folder = tmp_path_factory.mktemp("built")
    settings = Settings(home=str(folder / "home"), mlflow_tracking_uri=tracking_uri)
    return build_home(settings, folder / "incoming", noise_clip)


@pytest.fixture
def home(built, tmp_path, monkeypatch):
    """A copy of a home with something of each clip everywhere; the warehouse is not built again."""
    shutil.copytree(built.settings.home, tmp_path / "home")
    settings = Settings(home=str(tmp_path / "home"), mlflow_tracking_uri=built.settings.mlflow_tracking_uri)
    monkeypatch.setattr("apexline.orchestration.line.Line.run", lambda self, job, **_: None)
    return replace(built, settings=settings)


def purged(home, **age):
    return purge(home.settings, now=datetime.now(UTC) + timedelta(minutes=5, **age), by="Ada", on_step=quiet)


def files_of(home, table, clip_id):
    return list((home.settings.home_path / "lake" / table).rglob(f"{clip_id}*"))


def content_hashes(home):
    own = {"dagster", "governance", "mlartifacts", "tmp"}
    folders = [each for each in home.settings.home_path.iterdir() if each.is_dir() and each.name not in own]
    paths = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return {hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def test_nothing_is_due_at_first(home):
    before = content_hashes(home)
    report = purged(home)
    assert report["deleted"] == {}
    assert before <= content_hashes(home)


def test_after_three_days_videos_go_and_results_stay(home):
    assert home.sha256 in content_hashes(home)
    report = purged(home, hours=72)
    assert report["deleted"]["clips"] == 3
    assert report["remains"] == []
    assert home.sha256 not in content_hashes(home)
    for table in ("face_crops", "texture_features", "segment_scores"):
        assert files_of(home, table, home.kept)
    assert (home.settings.home_path / "clips" / DAY / f"{home.kept}.json").exists()


def test_held_clips_stay(home):
    terms = {"by": "Ada", "reason": "court", "now": NOW, "until": NOW + timedelta(days=500)}
    place_hold(home.settings.home_path, clips=(home.kept,), **terms)
    report = purged(home, days=366)
    assert report["held"] == 1
    assert files_of(home, "face_crops", home.kept)
    assert list((home.settings.home_path / "clips" / DAY).glob(f"{home.kept}.mp4"))
    assert not files_of(home, "face_crops", home.doomed)
    assert not list((home.settings.home_path / "clips").rglob(f"{home.doomed}*"))


@pytest.mark.parametrize(
    ("held", "left"),
    [
        ({"camera": "gate-03"}, {"doomed", "kept"}),
        ({"camera": "gate-07"}, {"elsewhere"}),
        ({"day": "2026-03-03"}, {"doomed", "kept", "elsewhere"}),
        ({"camera": "gate-03", "day": "2026-03-04"}, set()),
    ],
)
def test_clips_of_a_held_camera_or_day_stay_refused_ones_too(home, held, left):
    place_hold(
        home.settings.home_path, by="Ada", reason="court", now=NOW, until=NOW + timedelta(days=500), **held
    )
    assert purged(home, days=366)["held"] == len(left)
    stored = {path.stem for path in (home.settings.home_path / "clips").rglob("*.mp4")}
    assert stored == {getattr(home, name) for name in left}
    refused = list((home.settings.home_path / "quarantine").glob("*.quarantined"))
    assert bool(refused) is ("doomed" in left)  # the refused file is of its camera and day


def test_a_refused_clip_that_is_held_stays(home):
    terms = {"by": "Ada", "reason": "court", "now": NOW, "until": NOW + timedelta(days=500)}
    place_hold(home.settings.home_path, clips=(home.doomed,), **terms)
    purged(home, days=366)
    assert len(list((home.settings.home_path / "quarantine").iterdir())) == 3


@pytest.mark.parametrize(
    ("drawn", "registered", "limits", "kept"),
    [
        (True, True, "", True),
        (True, True, "keep_drawn: false", False),
        (True, False, "", False),  # whoever delivers a clip says so, and nobody answers for it
        (False, True, "", False),
    ],
)
def test_drawn_faces_are_kept_where_clip_and_register_say_that_they_are(
    home, drawn, registered, limits, kept
):
    root = home.settings.home_path
    record = root / "clips" / DAY / f"{home.kept}.json"
    fields = json.loads(record.read_text())
    fields["manifest"]["synthetic"] = drawn
    record.write_text(json.dumps(fields))
    if registered:
        enter_synthetic(root, "gate-03", purpose="test", legal_basis="own recording", by="Ada", now=NOW)
    (root / "governance").mkdir(exist_ok=True)
    (root / "governance" / "retention.yaml").write_text(limits)
    purged(home, days=366)
    assert bool(list((root / "clips" / DAY).glob(f"{home.kept}.mp4"))) is kept
    assert bool(files_of(home, "face_crops", home.kept)) is kept
    assert not list((root / "clips" / DAY).glob(f"{home.doomed}.*"))


@pytest.mark.parametrize(
    ("days", "gone_tables", "left_tables"),
    [
        (30, {"face_crops"}, {"texture_features", "face_tracks", "segment_scores"}),
        (90, {"face_crops", "texture_features", "flow_features"}, {"face_tracks", "segment_scores"}),
        (365, {"face_crops", "texture_features", "face_tracks", "segment_scores", "reviews"}, set()),
    ],
)
def test_each_class_goes_in_its_time(home, days, gone_tables, left_tables):
    purged(home, days=days)
    for clip_id in (home.doomed, home.kept, home.elsewhere):
        assert not [table for table in gone_tables if files_of(home, table, clip_id)]
        assert [table for table in left_tables if not files_of(home, table, clip_id)] == []


@pytest.mark.parametrize(("hours", "left"), [(71, True), (73, False)])
def test_what_was_refused_goes_as_videos_do(home, hours, left):
    purged(home, hours=hours)
    assert bool(list((home.settings.home_path / "quarantine").iterdir())) is left


def runs_of(home):
    with dg.DagsterInstance.from_config(str(home.settings.dagster_home)) as instance:
        return sorted(run.tags["dagster/partition"] for run in instance.get_runs())


def test_runs_that_drew_faces_go_with_the_faces_and_those_of_held_clips_stay(home):
    purged(home, days=29)
    assert runs_of(home) == [DAY, OTHER_DAY]
    place_hold(
        home.settings.home_path,
        clips=(home.kept,),
        by="Ada",
        reason="court",
        now=NOW,
        until=NOW + timedelta(days=500),
    )
    assert purged(home, days=31)["deleted"]["runs"] == 1
    assert runs_of(home) == [DAY]


@pytest.mark.parametrize(("days", "left"), [(399, 1), (401, 0)])
def test_ticks_go_as_logs_do(home, days, left):
    with dg.DagsterInstance.from_config(str(home.settings.dagster_home)) as instance:
        [state] = instance.all_instigator_state()
        now = datetime.now(UTC).timestamp()
        names = (state.instigator_origin_id, "landing_sensor", state.instigator_type, TickStatus.SKIPPED)
        instance.create_tick(TickData(*names, now, selector_id=state.selector_id))
    purged(home, days=days)
    with dg.DagsterInstance.from_config(str(home.settings.dagster_home)) as instance:
        ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id)
    assert len([each for each in ticks if each.timestamp >= now - 60]) == left


@pytest.fixture
def with_versions(home, tmp_path):
    """The home with a registry of its own: two versions, the second of them champion."""
    settings = Settings(home=home.settings.home, mlflow_tracking_uri=f"sqlite:///{tmp_path / 'mlflow.db'}")
    client = build_registry(settings).client
    client.create_registered_model(MODEL_NAME)
    folders = []
    for number in (1, 2):
        run = client.create_run(client.create_experiment(f"e{number}", str(tmp_path / f"artifacts{number}")))
        client.log_text(run.info.run_id, "weights", "model.txt")
        client.create_model_version(MODEL_NAME, run.info.artifact_uri, run.info.run_id)
        folders.append(tmp_path / f"artifacts{number}" / run.info.run_id)
    client.set_registered_model_alias(MODEL_NAME, "champion", "2")
    return replace(home, settings=settings), client, folders


def test_versions_without_work_and_ratings_go_in_their_time(with_versions):
    home, client, (old, champion) = with_versions
    surveys = home.settings.home_path / "surveys"
    client.set_registered_model_alias(MODEL_NAME, "challenger", "1")
    purged(home, days=1000)  # a challenger has work
    client.delete_registered_model_alias(MODEL_NAME, "challenger")
    purged(home, days=729)
    assert len(client.search_model_versions(f"name = '{MODEL_NAME}'")) == 2
    report = purged(home, days=1094)
    assert report["deleted"]["models"] == 1
    assert [int(each.version) for each in client.search_model_versions(f"name = '{MODEL_NAME}'")] == [2]
    assert not list(old.rglob("*.txt"))
    assert (champion / "artifacts" / "model.txt").read_text() == "weights"
    assert sorted(surveys.glob("*.csv"))
    assert list((home.settings.home_path / "lake" / "ratings").rglob("*.parquet"))
    assert purged(home, days=1096)["deleted"]["ratings"] == 2
    assert not sorted(surveys.glob("*.csv"))
    assert not list((home.settings.home_path / "lake" / "ratings").rglob("*.parquet"))


def test_what_is_kept_is_kept_to_the_byte(home):
    lake = home.settings.home_path / "lake"
    before = {path: path.read_bytes() for path in lake.rglob("*.parquet") if "face_crops" not in path.parts}
    purged(home, days=31)
    after = {path: path.read_bytes() for path in lake.rglob("*.parquet")}
    assert {path for path, data in before.items() if after.get(path) != data} <= {
        path for path in before if "training_set" in path.parts
    }


def test_people_to_test_on_go_when_their_consent_ends(home):
    kept = consented_file(home.lake)
    kept.parent.mkdir(exist_ok=True)
    end = (datetime.now(UTC) + timedelta(days=10)).date()
    said = {"about": {"until": end.isoformat()}, "columns": {"image": [], "emotion": [], "subject": []}}
    faces = np.zeros((0, 48, 48), np.uint8)
    with kept.open("wb") as file:
        np.savez(file, images=faces, texture=np.zeros((0, 2), np.float32), said=np.array(json.dumps(said)))
    purged(home, days=9)
    assert kept.exists()
    assert purged(home, days=12)["deleted"]["consented"] == 1
    assert not kept.exists()


def test_a_purge_is_reported_and_on_record(home):
    purged(home, hours=72)
    [kept] = (home.settings.home_path / "governance" / "purges").glob("*.json")
    assert json.loads(kept.read_text())["deleted"]["clips"] == 3
    assert audit_lines(home.settings.home_path, actions=["purge"])[0]["who"] == "Ada"
    assert verify(home.settings.home_path).count


def test_what_is_still_found_is_said(home, monkeypatch):
    monkeypatch.setattr(gone, "delete_files", lambda *_: None)  # the copies stay
    with pytest.raises(NotGoneError, match="copy of it"):
        purged(home, hours=72)


def test_a_dry_run_counts_and_deletes_nothing(home):
    before = content_hashes(home)
    now = NOW + timedelta(days=40)
    report = purge(home.settings, now=now, by="Ada", on_step=quiet, dry_run=True)
    assert (report["clips"], report["crops"], report["features"]) == (3, 3, 0)
    assert before <= content_hashes(home)


def test_beside_an_audit_that_does_not_hold_nothing_is_purged(home):
    audit = home.settings.home_path / "governance" / "audit.jsonl"
    audit.write_bytes(audit.read_bytes()[:-40])
    before = content_hashes(home)
    with pytest.raises(BrokenAudit):
        purged(home, days=400)
    assert before <= content_hashes(home)


def test_limits_that_cannot_be_read_purge_nothing(home):
    (home.settings.home_path / "governance" / "retention.yaml").write_text("clips_h: many")
    with pytest.raises(ValueError, match=r"retention\.yaml"):
        purged(home, days=400)
    assert files_of(home, "face_crops", home.kept)
