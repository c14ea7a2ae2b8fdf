"""Fixtures of the orchestration tests: clips as they arrive, and installations in folders of their own."""

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

SIDECAR = {
    "camera": "gate-03",
    "captured_at": "2026-03-02T08:15:00Z",
    "purpose": "test",
    "legal_basis": "own recording",
}


@pytest.fixture(scope="session", autouse=True)
def _no_settings_from_outside() -> Iterator[None]:
    """Keep the settings of whoever runs the tests out of them."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("APEXLINE_") or name == "DAGSTER_HOME"]:
            patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def deliver():
    """Put a file with its sidecar into a folder: ``deliver(folder, name, content, **changes of the sidecar)``."""

    def put(folder: Path, name: str, content: bytes, *, sidecar: bool = True, **changes: object) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / name
        path.write_bytes(content)
        if sidecar:
            fields = {key: value for key, value in {**SIDECAR, **changes}.items() if value is not None}
            path.with_suffix(".json").write_text(json.dumps(fields))
        return path

    return put


@pytest.fixture(scope="session")
def draw_small_sample():
    """Stand-in for ``sample.clips.make_sample``: four variants, all emotions each, on two camera-days."""
    from apexline.sample.clips import make_puppets, write_clip
    from apexline.sample.plan import SampleConfig, plan_clip

    config = SampleConfig(fps=15, lead_s=0.5, face_px=(85.0, 110.0))
    programmes = (("happy", "angry"), ("calm", "scared"))
    days = [datetime(2026, 3, day, 8, tzinfo=UTC) for day in (2, 3)]

    def draw(folder: Path) -> list[Path]:
        casts = [[(variant, emotions)] for variant in range(4) for emotions in programmes]
        plans = [
            replace(
                plan_clip(cast, index=index, config=config),
                camera="gate-01",
                captured_at=days[index // 4] + timedelta(minutes=index),
            )
            for index, cast in enumerate(casts)
        ]
        puppets = make_puppets(plans)
        return [write_clip(folder, plan, puppets=puppets) for plan in plans]

    return draw


@pytest.fixture(scope="session")
def fast_parameters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A parameter file with which training takes seconds."""
    path = tmp_path_factory.mktemp("parameters") / "fast.yaml"
    path.write_text(
        "survey: {simulated_raters: 6}\n"
        "training_set: {frames_per_segment: 3}\n"
        "training: {epochs: 3, batch_size: 16, texture_components: 8}\n"
        "promotion: {num_resamples: 100}\n"
    )
    return path


@pytest.fixture(scope="session")
def tracking_uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An empty model registry that homes without models share: making one takes seconds."""
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'mlflow.db'}"


@pytest.fixture(scope="module")
def line(tmp_path_factory, draw_small_sample, fast_parameters):
    """The home of a demonstration on the small sample, and what it said."""
    from apexline.orchestration.commands import demo
    from apexline.orchestration.settings import Settings
    from tests.orchestration.installation import Installation, quiet

    settings = Settings(home=str(tmp_path_factory.mktemp("line") / "home"), config=fast_parameters)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "make_sample", draw_small_sample)
        summary = demo.run_demo(settings, clips=None, on_step=quiet)
    return Installation(settings, summary)


@pytest.fixture(scope="module")
def once_more(line):
    """The same command again: data versions and content before and after it, and its summary."""
    from apexline.orchestration.commands import demo
    from tests.orchestration.installation import data_versions, quiet

    before = data_versions(line.settings), line.lake.content_hash()
    summary = demo.run_demo(line.settings, clips=None, on_step=quiet)
    return before, summary, (data_versions(line.settings), line.lake.content_hash())


@pytest.fixture
def copied(line, once_more, tmp_path):
    """A copy of the home, to change at will; its parameters may be replaced by a text."""
    from apexline.orchestration.settings import Settings

    def copy(parameters: str | None = None) -> Settings:
        home = tmp_path / "home"
        shutil.copytree(line.settings.home, home)
        config = line.settings.config
        if parameters is not None:
            config = tmp_path / "other.yaml"
            config.write_text(parameters)
        return Settings(home=str(home), config=config)

    return copy


@pytest.fixture(scope="module")
def definitions(tmp_path_factory):
    """What Dagster loads for an empty home."""
    from apexline.orchestration.definitions import build_definitions
    from apexline.orchestration.settings import Settings

    return build_definitions(Settings(home=str(tmp_path_factory.mktemp("home"))))


@pytest.fixture
def apexline(monkeypatch):
    """Run the command in this process: ``apexline(settings, "erase", ...)`` gives exit code and parsed JSON."""
    from apexline.orchestration.commands.cli import app

    def run(settings, *arguments):
        monkeypatch.setenv("APEXLINE_HOME", settings.home)
        monkeypatch.setenv("APEXLINE_CONFIG", str(settings.config))
        result = CliRunner().invoke(app, [*map(str, arguments), "--json"], catch_exceptions=False)
        return result.exit_code, json.loads(result.stdout)

    return run
