"""What is read past MLflow is what MLflow says, and MLflow stays unread."""

import shutil
import subprocess
import sys

import pytest
from mlflow.exceptions import MlflowException

from apexline.ml.registry.client import MODEL_NAME, ModelRegistry
from apexline.ml.registry.local import LocalRegistry
from apexline.orchestration.resources import LOADER_MODULE


@pytest.fixture
def local(logged):
    return LocalRegistry(logged.registry.tracking_uri, MODEL_NAME)


def test_aliases_and_folders_are_those_that_mlflow_gives(logged, local):
    client = logged.registry.client
    logged.registry.set_alias("challenger", 2)
    assert local.is_here()
    for alias in ("champion", "challenger"):
        assert local.alias(alias) == int(client.get_model_version_by_alias(MODEL_NAME, alias).version)
    for number in (1, 2):
        assert local.folder(number).as_uri() == client.get_model_version_download_uri(MODEL_NAME, str(number))
    client.delete_registered_model_alias(MODEL_NAME, "challenger")
    assert local.alias("challenger") is None


def test_what_is_not_there_is_none(local, tmp_path):
    assert local.alias("best") is None
    assert local.folder(99) is None
    assert not LocalRegistry(f"sqlite:///{tmp_path}/mlflow.db", MODEL_NAME).is_here()
    (tmp_path / "mlflow.db").touch()  # MLflow is about to make its tables
    assert not LocalRegistry(f"sqlite:///{tmp_path}/mlflow.db", MODEL_NAME).is_here()
    assert not LocalRegistry("http://localhost:5000", MODEL_NAME).is_here()
    assert not (tmp_path / "mlflow.db").stat().st_size


def test_the_model_is_loaded_without_mlflow(logged):
    script = (
        "import sys\n"
        "from apexline.ml.registry.client import ModelRegistry\n"
        f"registry = ModelRegistry({logged.registry.tracking_uri!r}, '', loader_module='')\n"
        "assert registry.load_model(registry.get_alias('champion')).version == 'semantic'\n"
        "assert registry.load_model('champion').version == 'semantic'\n"
        "assert 'mlflow' not in sys.modules, 'mlflow'\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_version_whose_files_are_gone_is_for_mlflow_to_say(logged, tmp_path):
    shutil.copytree(logged.home, tmp_path / "home")
    uri = f"sqlite:///{tmp_path}/home/mlflow.db"
    registry = ModelRegistry(uri, str(tmp_path / "home" / "artifacts"), loader_module=LOADER_MODULE)
    with pytest.raises(MlflowException, match="99"):
        registry.load_model(99)
    with pytest.raises(MlflowException, match="best"):
        registry.load_model("best")


def test_a_home_may_have_any_name(logged, tmp_path):
    folder = tmp_path / "100% of gate#3?"
    shutil.copytree(logged.home, folder)
    assert LocalRegistry(f"sqlite:///{folder}/mlflow.db", MODEL_NAME).alias("champion") == 1
