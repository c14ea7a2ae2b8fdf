"""Servers a person opens in a browser; all of them listen on 127.0.0.1 only, behind the guard.

Belongs here: starting and ending them, their ports. Stays out: who may reach them (``orchestration.web``).
"""

import errno
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import shorten

import yaml
from pydantic import SecretStr

from apexline.orchestration.settings import Settings
from apexline.orchestration.web import LOOPBACK, Keys, serve

_PROC, _LISTENING = Path("/proc"), "0A"  # proc(5): state of a listening socket in net/tcp
_WORKSPACE = files("apexline") / "workspace.yaml"
_LOOK_S = 0.5
_WEB = "apexline.orchestration.web"


def serve_uis(settings: Settings, *, port: int, mlflow_port: int) -> int:
    """Run Dagster's daemon, its UI and MLflow's until one ends or the user interrupts; return the exit code.

    Raises
    ------
    OSError
        Where one of the ports is taken; nothing is started then.
    """
    _require_free({"--port": port, "--mlflow-port": mlflow_port})
    settings.make_folders()
    token = settings.server_token or SecretStr(secrets.token_urlsafe())
    environment = {
        **os.environ,
        "APEXLINE_HOME": str(settings.home_path),
        "DAGSTER_HOME": str(settings.dagster_home),
    }
    guarded = {**environment, "APEXLINE_SERVER_TOKEN": token.get_secret_value()}
    print(
        _addresses({"Dagster": port, "MLflow": mlflow_port}, token, drawn=settings.server_token is None),
        flush=True,
    )
    # A service manager ends us with SIGTERM: the servers must go too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        code, workspace = _code_server(folder)
        logged = ["--log-format", settings.log_format]
        # Sensors, schedules and the queue.
        daemon = ["dagster._daemon", "run", "--workspace", str(workspace), *logged]
        try:
            ui = [_WEB, "dagster", str(port), str(workspace)]
            servers = [
                _start(stack, [*code, *logged], environment),
                _start(stack, ui, guarded),
                _start(stack, [_WEB, "mlflow", str(mlflow_port)], guarded),
            ]
            waits = True
            while (ended := _first_end(servers)) is None:
                if waits and _listens(port):  # nobody waits for the daemon: the pages come first
                    servers.append(_start(stack, daemon, environment))
                    waits = False
                time.sleep(_LOOK_S)
            return ended
        except KeyboardInterrupt:
            return 0


def serve_survey(settings: Settings, *, port: int, contact: str) -> None:
    """Serve the rating page until the user interrupts; raises ``OSError`` where the port is taken."""
    _require_free({"--port": port})
    from apexline.orchestration.pages import create_rating_page

    print(f"Rating page  http://{LOOPBACK}:{port}\nCtrl-C ends it.", flush=True)
    app = Keys(
        create_rating_page(settings, contact=contact),
        home=settings.home_path,
        port=port,
        action_of=lambda _: "rate",
    )
    serve(app, port=port, origins=settings.server_origins)


def serve_review(settings: Settings, *, port: int) -> None:
    """Serve the review pages until the user interrupts; raises ``OSError`` where the port is taken."""
    _require_free({"--port": port})
    from apexline.orchestration.pages import create_review_page

    token = settings.server_token or SecretStr(secrets.token_urlsafe())
    app = Keys(create_review_page(settings), home=settings.home_path, port=port, action_of=_reviewing)
    print(_addresses({"Review": port}, token, drawn=settings.server_token is None), flush=True)
    serve(app, port=port, origins=settings.server_origins, token=token.get_secret_value())


def _reviewing(method: str) -> str:
    return "view" if method in ("GET", "HEAD") else "review"


def _addresses(ports: Mapping[str, int], token: SecretStr, *, drawn: bool) -> str:
    """Say where to look. A token that was set stays out of what may be a service's log."""
    query = f"/?token={token.get_secret_value()}" if drawn else "/?token=$APEXLINE_SERVER_TOKEN"
    lines = [f"{name:<8} http://{LOOPBACK}:{port}{query}" for name, port in ports.items()]
    return "\n".join([*lines, "Open these links, which hold the key to the servers. Ctrl-C ends them."])


def _code_server(folder: Path) -> tuple[list[str], Path]:
    """Return what loads the code of ``workspace.yaml``, and a workspace for the others that names its socket.

    Daemon and UI would each load the code for themselves, the daemon anew every minute. The file opens for its owner
    alone: a port would answer every user of the machine, and web pages.
    """
    module = yaml.safe_load(_WORKSPACE.read_text())["load_from"][0]["python_module"]
    named, opened = module["location_name"], folder / "code.sock"
    workspace = folder / "workspace.yaml"
    workspace.write_text(
        yaml.safe_dump({"load_from": [{"grpc_server": {"socket": str(opened), "location_name": named}}]})
    )
    command = ["dagster", "code-server", "start", "--socket", str(opened), "--log-level", "warning"]
    command += ["--use-python-environment-entry-point"]  # runs are started by this very Python
    return [*command, "--module-name", module["module_name"], "--location-name", named], workspace


def _start(
    stack: ExitStack, module: Sequence[str], environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Start a module as a program, which the stack ends; ``-P``: the folder it is started in may hold its names."""
    command = [sys.executable, "-P", "-m", *module]
    server = subprocess.Popen(command, env=environment, start_new_session=True)
    stack.callback(_stop, server)
    return server


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
                trial.bind((LOOPBACK, port))
                trial.listen()
            except (OSError, OverflowError) as error:
                if getattr(error, "errno", None) == errno.EADDRINUSE:
                    msg = f"port {port} is taken on {LOOPBACK}: {_listener(port)} listens there; end it, or {remedy}"
                else:
                    msg = f"nothing can listen on port {port} of {LOOPBACK} ({error}); {remedy}"
                raise OSError(msg) from error


def _listens(port: int) -> bool:
    with socket.socket() as trial:
        return trial.connect_ex((LOOPBACK, port)) == 0


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


def _first_end(servers: Sequence[subprocess.Popen[bytes]]) -> int | None:
    """Return the exit code of a server that has ended, None where all run."""
    return next((code for code in (server.poll() for server in servers) if code is not None), None)


def _stop(server: subprocess.Popen[bytes]) -> None:
    """End a server and what it started: each is the leader of a process group of its own."""
    if server.poll() is None:
        os.killpg(server.pid, signal.SIGINT)
        try:
            server.wait(timeout=15)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
