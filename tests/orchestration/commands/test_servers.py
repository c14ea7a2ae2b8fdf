"""A port that is taken is said before anything starts."""

import os
import socket
import subprocess

import pytest

from apexline.orchestration.commands import servers


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
