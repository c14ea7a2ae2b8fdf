"""The same clips on other engines: PostgreSQL, S3 and Celery give the rows of a home on one disk.

`make test-platform` runs this: servers of their own on loopback, as a deployment has them, and nothing in their place.
"""

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from upath import UPath

from apexline.assets.lake.storage import Lake
from apexline.assets.lake.workers import ClipWorkers, may_pass
from apexline.governance import enter_synthetic
from apexline.orchestration.commands.ingest import ingest_paths
from apexline.orchestration.line import open_line
from apexline.orchestration.settings import Settings
from tests import servers
from tests.deployment import Deployment
from tests.marts import differences, doubled, rows_of

pytestmark = [pytest.mark.platform, pytest.mark.timeout(3600)]

START = datetime(2026, 3, 2, 8, tzinfo=UTC)


@pytest.fixture(scope="module")
def clips(tmp_path_factory, build_clip):
    """A clip of a face on each of two camera-days, and a file that is no video."""
    folder = tmp_path_factory.mktemp("clips")
    for number, (index, emotion) in enumerate([(0, "happy"), (4, "angry")]):
        clip = build_clip(
            [(0, (emotion,))], index=index, folder=folder, fps=15, lead_s=1.0, face_px=(90.0, 90.0)
        )
        moment = START + timedelta(days=number)
        sidecar = {**clip.manifest, "camera": "gate-01", "captured_at": moment.isoformat()}
        clip.path.with_suffix(".json").write_text(json.dumps(sidecar))
    broken = folder / "broken.mp4"
    broken.write_bytes(b"dear diary\n" * 50)
    broken.with_suffix(".json").write_text(
        json.dumps(
            {
                "camera": "gate-01",
                "captured_at": START.isoformat(),
                "purpose": "test",
                "legal_basis": "own recording",
            }
        )
    )
    return folder


@pytest.fixture(scope="module")
def local(tmp_path_factory, clips):
    """Everything on one disk, as `apexline ingest` leaves it."""
    settings = Settings(home=str(tmp_path_factory.mktemp("local") / "home"))
    process(settings, clips)
    rows = rows_of(settings)
    assert {name for name in ("clips", "segments", "score_history", "quarantine") if not rows[name]} == set()
    return rows


@pytest.fixture
def postgres():
    """A server of its own for each home: one that has another's registry takes its champion over."""
    with servers.postgres() as server:
        yield {
            "APEXLINE_POSTGRES_URL": server.url("dagster"),
            "APEXLINE_MLFLOW_TRACKING_URI": server.url("mlflow"),
        }


@pytest.fixture(scope="module")
def object_store():
    with servers.object_store() as environment:
        yield environment


@pytest.fixture
def settings_with(monkeypatch, tmp_path):
    """Settings as the environment says; ``settings_with(name="value")``."""

    def read(**environment):
        for name, value in {"APEXLINE_STATE": str(tmp_path / "state"), **environment}.items():
            monkeypatch.setenv(name, value)
        return Settings()

    return read


def process(settings: Settings, clips: Path) -> None:
    ingest_paths(settings, [clips], manifest=None, on_step=lambda text, done, total: None)
    with open_line(settings) as line:
        line.run("publish")


def test_postgresql_keeps_runs_and_registry(settings_with, tmp_path, postgres, clips, local):
    settings = settings_with(APEXLINE_HOME=str(tmp_path / "home"), **postgres)
    process(settings, clips)
    assert differences(local, rows_of(settings)) == []
    assert [*tmp_path.rglob("*.db"), *tmp_path.rglob("*.sqlite")] == []
    with dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance:
        assert {run.status for run in instance.get_runs()} == {dg.DagsterRunStatus.SUCCESS}


def test_an_object_store_keeps_the_home(settings_with, tmp_path, object_store, clips, local):
    settings = settings_with(APEXLINE_HOME=f"s3://{servers.BUCKET}/alone", **object_store)
    process(settings, clips)
    assert differences(local, rows_of(settings)) == []
    assert [path for path in tmp_path.rglob("*") if path.suffix in {".parquet", ".mp4", ".safetensors"}] == []
    before = Lake(settings.home_path).content_hash()
    process(settings, clips)
    assert Lake(settings.home_path).content_hash() == before


def test_two_workers_of_celery_over_postgresql_and_an_object_store(
    settings_with, tmp_path, postgres, object_store, clips, local
):
    with servers.redis() as broker:
        environment = {
            "APEXLINE_HOME": f"s3://{servers.BUCKET}/deployed",
            "APEXLINE_STATE": str(tmp_path / "state"),
            "APEXLINE_CELERY_BROKER": broker,
            **postgres,
            **object_store,
        }
        settings = settings_with(**environment)
        # Its programs are no tests: they let in what the register knows.
        register(clips, tmp_path / "state")
        deployment = Deployment(tmp_path, environment, workers=2)
        try:
            deployment.start_all()
            drop(clips, settings.home_path / "landing")
            lake, expected = Lake(settings.home_path), len(local["clips"])

            def is_scored() -> bool:
                assert deployment.supervise() == []
                days = [f"{START + timedelta(days=day):%Y-%m-%d}_gate-01" for day in (0, 1)]
                return sum(len(lake.names("segment_scores", camera_day=day)) for day in days) == expected

            servers.wait_until(is_scored, "all clips are scored", 1800)
            servers.wait_until(lambda: not deployment.unfinished_runs(), "the runs end", 600)
            run_id = deployment.launch("publish")
            servers.wait_until(lambda: run_id not in deployment.unfinished_runs(), "it is published", 600)
            assert differences(local, rows_of(settings)) == []
            assert doubled(settings) == {}
            assert workers_of(deployment) == {"worker-0", "worker-1"}
        finally:
            deployment.stop()


def register(clips: Path, state: Path) -> None:
    """Enter the camera of the drawn clips in the register that lies in the state folder of an object store's home."""
    stated = json.loads(sorted(clips.glob("*.json"))[0].read_text())
    basis = {name: stated[name] for name in ("purpose", "legal_basis")}
    enter_synthetic(state, "gate-01", **basis, by="a test", now=datetime.now(UTC))


def test_a_store_that_is_away_is_no_fault_of_a_clip(tmp_path, monkeypatch):
    for name, value in {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}.items():
        monkeypatch.setenv(name, value)
    away = f"http://127.0.0.1:{servers.free_port()}"
    lake = Lake(UPath(f"s3://{servers.BUCKET}/home", endpoint_url=away))

    def compute(day, clip_id, stamp):
        lake.read("clip_manifest", clip_id, camera_day=day)

    with pytest.raises(Exception, match="Could not connect") as caught:
        ClipWorkers().run(compute, [("2026-03-02_gate-01", "a", "1")])
    assert may_pass(caught.value)


def drop(clips: Path, landing: UPath) -> None:
    """Put clips into a landing folder, each before its sidecar."""
    for suffix in (".mp4", ".json"):
        for clip in sorted(clips.glob(f"*{suffix}")):
            with clip.open("rb") as source, (landing / clip.name).open("wb") as target:
                shutil.copyfileobj(source, target)


def workers_of(deployment: Deployment) -> set[str]:
    """Return the workers that said of themselves that they compute a step."""
    with deployment.instance() as instance:
        events = [
            record.event_log_entry.dagster_event
            for run in instance.get_runs()
            for record in instance.get_records_for_run(
                run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT
            ).records
        ]
    named = [
        event.engine_event_data.metadata.get("Celery worker") for event in events if event.engine_event_data
    ]
    return {str(each.value).partition("@")[0] for each in named if each is not None}
