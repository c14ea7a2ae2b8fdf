"""A port that is taken is said before anything starts."""

import os
import socket
import subprocess
import sys

import pytest
import uvicorn
import yaml
from pydantic import SecretStr

from apexline.orchestration.commands import servers
from tests.orchestration.web.conftest import ask


@pytest.fixture
def taken():
    """A port on which this very process listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def nothing_starts(monkeypatch):
    def start(*arguments, **options):
        pytest.fail("a server was started")

    monkeypatch.setattr(subprocess, "Popen", start)


@pytest.fixture
def free():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.mark.parametrize(
    ("command", "option"),
    [("ui --mlflow-port {free} --port {taken}", "--port"),
     ("ui --port {free} --mlflow-port {taken}", "--mlflow-port"),
     ("review --port {taken}", "--port"),
     ("survey serve --port {taken}", "--port")],
)  # fmt: skip
def test_a_taken_port_is_named_with_its_holder_and_the_remedy(
    apexline, home, taken, free, nothing_starts, command, option
):
    code, out, err = apexline(command.format(taken=taken, free=free))
    assert (code, out) == (1, "")
    said = " ".join(err.split())
    assert f"port {taken} is taken on 127.0.0.1: process {os.getpid()} (" in said
    assert said.endswith(f"end it, or choose another by {option}")
    assert not home.dagster_home.exists()


def test_a_listener_on_all_addresses_takes_the_port_too(apexline, home, nothing_starts):
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as server:
        port = server.getsockname()[1]
        code, _, err = apexline(f"survey serve --port {port}")
    assert code == 1
    assert f"process {os.getpid()}" in err


def test_one_port_for_both_servers_is_refused(apexline, home, free, nothing_starts):
    code, _, err = apexline(f"ui --port {free} --mlflow-port {free}")
    assert code == 1
    assert f"port {free} is wanted by --port and --mlflow-port" in " ".join(err.split())


def test_a_number_that_is_no_port_is_refused(apexline, home, nothing_starts):
    code, _, err = apexline("survey serve --port 70000")
    assert code == 1
    assert "nothing can listen on port 70000" in err


def test_who_listens_for_another_user_stays_unknown(monkeypatch, taken, tmp_path):
    (tmp_path / "net").mkdir()
    for table in ("tcp", "tcp6"):
        (tmp_path / "net" / table).write_text("header\n")
    monkeypatch.setattr(servers, "_PROC", tmp_path)
    with pytest.raises(OSError, match=f"port {taken} is taken .* a process of another user listens there"):
        servers._require_free({"--port": taken})


def test_the_rating_page_stands_behind_the_guard(apexline, home, free, monkeypatch):
    served = {}
    monkeypatch.setattr(uvicorn, "run", lambda app, **options: served.update(options, app=app))
    monkeypatch.setenv("APEXLINE_SERVER_ORIGINS", "https://rate.example.org")
    code, out, _ = apexline(f"survey serve --port {free}")
    assert (code, f"http://127.0.0.1:{free}" in out) == (0, True)
    assert (served["host"], served["port"]) == ("127.0.0.1", free)
    own, app = f"http://127.0.0.1:{free}", served["app"]
    assert ask(app, "GET", f"{own}/").status == 200
    assert ask(app, "GET", "https://rate.example.org/").status == 200
    assert ask(app, "GET", "http://evil.example/").status == 421
    assert ask(app, "POST", f"{own}/start", {"origin": "http://evil.example"}).status == 403
    assert ask(app, "POST", f"{own}/start").status == 403
    assert ask(app, "GET", f"{own}/loops/a", {"sec-fetch-site": "cross-site"}).status == 403
    assert ask(app, "WEBSOCKET", f"{own}/", {"origin": "http://evil.example"}).status == 403


@pytest.mark.parametrize("chosen", [None, "a-token-of-a-service-0123"])
def test_links_hold_a_token_that_was_drawn_and_not_one_that_was_set(chosen):
    token = SecretStr(chosen or "drawn-at-this-start-0123456789")
    said = servers._addresses({"Dagster": 3000, "MLflow": 5000}, token, drawn=chosen is None)
    assert (token.get_secret_value() in said) == (chosen is None)
    assert ("http://127.0.0.1:5000/?token=$APEXLINE_SERVER_TOKEN" in said) == (chosen is not None)


def test_the_code_stands_behind_a_file_and_under_the_name_of_the_workspace(tmp_path):
    command, workspace = servers._code_server(tmp_path)
    assert "--port" not in command
    opened = command[command.index("--socket") + 1]
    assert command[command.index("--module-name") + 1] == "apexline.orchestration.definitions"
    (entry,) = yaml.safe_load(workspace.read_text())["load_from"]
    assert entry == {"grpc_server": {"socket": opened, "location_name": "apexline"}}


def test_links_come_before_anything_heavy_is_imported(tmp_path):
    code = (
        "import sys; from apexline.orchestration.commands import servers; from apexline.orchestration.settings "
        f"import Settings; Settings(home={str(tmp_path)!r}).make_folders(); print(*sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"dagster", "mlflow", "numba", "pandas", "pyarrow", "torch"}.isdisjoint(told.stdout.split())
    assert (tmp_path / "dagster" / "dagster.yaml").exists()


def test_the_pages_come_before_the_daemon(home, free, monkeypatch):
    started, looks = [], iter([False, False, True, True])
    monkeypatch.setattr(servers, "_start", lambda stack, module, given: started.append(module[0]))
    monkeypatch.setattr(servers, "_first_end", lambda running: 7 if len(running) == 4 else None)
    monkeypatch.setattr(servers, "_listens", lambda port: next(looks))
    monkeypatch.setattr(servers, "_LOOK_S", 0.0)
    monkeypatch.setattr(servers.signal, "signal", lambda *_: None)
    assert servers.serve_uis(home, port=0, mlflow_port=free) == 7
    web = "apexline.orchestration.web"
    assert started == ["dagster", web, web, "dagster._daemon"]
    assert next(looks)
