"""A home with something of a clip in every place, built once and copied for each test."""

import shutil
from dataclasses import replace

import pytest

from apexline.orchestration.settings import Settings
from tests.orchestration.erasure.small_home import build_home


@pytest.fixture(scope="session")
def _built(tmp_path_factory, noise_clip, tracking_uri, fast_parameters):
    folder = tmp_path_factory.mktemp("erasure")
    settings = Settings(home=str(folder / "home"), config=fast_parameters, mlflow_tracking_uri=tracking_uri)
    return build_home(settings, folder / "incoming", noise_clip)


@pytest.fixture
def small(_built, tmp_path):
    home = tmp_path / "home"
    shutil.copytree(_built.settings.home, home)
    return replace(_built, settings=_built.settings.model_copy(update={"home": str(home)}))
