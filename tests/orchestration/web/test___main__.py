"""A server that nobody could enter does not start."""

import pytest
import yaml

from apexline.orchestration.web.__main__ import _sockets, main


@pytest.mark.parametrize("name", ["dagster", "mlflow"])
def test_without_a_token_it_says_how_servers_are_started(name, tmp_path):
    with pytest.raises(ValueError, match="saw no APEXLINE_SERVER_TOKEN.*start the servers by `apexline ui`"):
        main(name, 3000, *([tmp_path / "workspace.yaml"] if name == "dagster" else []))


def test_code_servers_behind_sockets_are_waited_for_and_no_others(tmp_path):
    workspace = tmp_path / "workspace.yaml"
    places = [
        {"grpc_server": {"socket": str(tmp_path / "code.sock"), "location_name": "a"}},
        {"grpc_server": {"host": "code", "port": 4000, "location_name": "b"}},
        {"python_module": {"module_name": "apexline.orchestration.definitions"}},
    ]
    workspace.write_text(yaml.safe_dump({"load_from": places}))
    assert _sockets(workspace) == [tmp_path / "code.sock"]
