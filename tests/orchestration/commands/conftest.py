"""The command, run in a home of its own."""

import shlex

import pytest

from apexline.orchestration.commands import cli
from apexline.orchestration.settings import Settings


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
