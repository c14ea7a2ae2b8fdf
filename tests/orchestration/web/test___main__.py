"""A server that nobody could enter does not start."""

import pytest

from apexline.orchestration.web.__main__ import main


@pytest.mark.parametrize("name", ["dagster", "mlflow"])
def test_without_a_token_it_says_how_servers_are_started(name, tmp_path):
    with pytest.raises(ValueError, match="saw no APEXLINE_SERVER_TOKEN.*start the servers by `apexline ui`"):
        main(name, 3000, *([tmp_path / "workspace.yaml"] if name == "dagster" else []))
