"""Servers a person opens in a browser; all of them listen on 127.0.0.1 only.

The Dagster webserver has no authentication: to reach it from elsewhere, put a proxy with authentication in front.
"""

import errno
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from importlib.resources import files
from pathlib import Path
from textwrap import shorten

from apexline.assets.lake import Lake
from apexline.orchestration.resources import build_registry
from apexline.orchestration.settings import Settings

_HOST = "127.0.0.1"
_PROC, _LISTENING = Path("/proc"), "0A"  # proc(5): state of a listening socket in net/tcp
_WORKSPACE = files("apexline") / "workspace.yaml"


def serve_uis(settings: Settings, *, port: int, mlflow_port: int) -> int:
    """Run ``dg dev`` and ``mlflow server`` until one ends or the user interrupts; return the exit code.

    Raises
    ------
    OSError
        Where one of the ports is taken; nothing is started then.
    """
    _require_free({"--port": port, "--mlflow-port": mlflow_port})
    settings.prepare()
    build_registry(
        settings
    )  # MLflow's server reads the paths of artifacts, which follow a home that was moved
    environment = {
        **os.environ,
        "APEXLINE_HOME": str(settings.home_path),
        "DAGSTER_HOME": str(settings.dagster_home),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # workers for a feature that is not used here
    }
    tools = Path(sys.executable).parent
    commands = [
        [tools / "dg", "dev", "--workspace", _WORKSPACE, "--host", _HOST, "--port", str(port)],
        [
            *(tools / "mlflow", "server", "--backend-store-uri", settings.tracking_uri),
            *(
                "--artifacts-destination",
                settings.artifact_root,
                "--host",
                _HOST,
                "--port",
                str(mlflow_port),
                "--workers",
                "1",
            ),
        ],
    ]
    print(
        f"Dagster  http://{_HOST}:{port}\nMLflow   http://{_HOST}:{mlflow_port}\nCtrl-C ends both.",
        flush=True,
    )
    # A service manager ends us with SIGTERM: the servers must go too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with ExitStack() as stack:
        servers = [
            subprocess.Popen([str(part) for part in command], env=environment, start_new_session=True)
            for command in commands
        ]
        for server in servers:
            stack.callback(_stop, server)
        try:
            return _wait_for_any(servers)
        except KeyboardInterrupt:
            return 0


def serve_survey(settings: Settings, *, port: int) -> None:
    """Serve the rating page until the user interrupts; raises ``OSError`` where the port is taken."""
    _require_free({"--port": port})
    import uvicorn

    from apexline.orchestration.commands.rating_page import create_rating_page

    print(f"Rating page  http://{_HOST}:{port}\nCtrl-C ends it.", flush=True)
    uvicorn.run(create_rating_page(Lake(settings.home_path)), host=_HOST, port=port, log_level="warning")


def _require_free(ports: Mapping[str, int]) -> None:
    """Refuse ports, given by the option that names each, on which nothing can listen."""
    taken: dict[int, str] = {}
    for option, port in ports.items():
        remedy = f"choose another by {option}"
        if port in taken:
            msg = f"port {port} is wanted by {taken[port]} and {option}; {remedy}"
            raise OSError(msg)
        taken[port] = option
        with socket.socket() as trial:
            trial.setsockopt(
                socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
            )  # as servers do: no wait for old connections
            try:
                trial.bind((_HOST, port))
                trial.listen()
            except (OSError, OverflowError) as error:
                if getattr(error, "errno", None) == errno.EADDRINUSE:
                    msg = f"port {port} is taken on {_HOST}: {_listener(port)} listens there; end it, or {remedy}"
                else:
                    msg = f"nothing can listen on port {port} of {_HOST} ({error}); {remedy}"
                raise OSError(msg) from error


def _listener(port: int) -> str:
    """Say what listens on a port, as far as the kernel tells this user."""
    tables = [table for table in (_PROC / "net" / "tcp", _PROC / "net" / "tcp6") if table.exists()]
    inodes = {
        f"socket:[{fields[9]}]"
        for table in tables
        for fields in map(str.split, table.read_text().splitlines()[1:])
        if fields[3] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == port
    }
    for process in _PROC.glob("[0-9]*"):
        # Processes end while they are looked at, and those of other users do not show what they hold.
        with suppress(OSError):
            if any(str(handle.readlink()) in inodes for handle in (process / "fd").iterdir()):
                words = (
                    (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
                )
                return f"process {process.name} ({shorten(words, 80)})"
    return "a process of another user"


def _wait_for_any(servers: list[subprocess.Popen[bytes]]) -> int:
    while True:
        for server in servers:
            try:
                return server.wait(timeout=0.5)
            except subprocess.TimeoutExpired:
                continue


def _stop(server: subprocess.Popen[bytes]) -> None:
    """End a server and what it started: each is the leader of a process group of its own."""
    if server.poll() is None:
        os.killpg(server.pid, signal.SIGINT)
        try:
            server.wait(timeout=15)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
