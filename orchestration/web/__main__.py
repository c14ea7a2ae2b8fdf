"""One guarded server, as `apexline ui` starts it: ``python -m apexline.orchestration.web mlflow 5000``.

Belongs here: which application goes behind the guard. Stays out: the guard, the applications, starting them all
(``orchestration.commands.servers``).
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep

import yaml
from starlette.types import ASGIApp

from apexline.orchestration.settings import Settings, keep_private
from apexline.orchestration.web.guard import own_origins, serve

_LOOK_S = 0.1


def main(name: str, port: int, *files: Path) -> None:
    """Serve ``dagster`` or ``mlflow`` on 127.0.0.1 until interrupted.

    Dagster's pages want a workspace file; where it names the socket of a code server, they come once that is there.

    Raises
    ------
    ValueError
        Without ``APEXLINE_SERVER_TOKEN``.
    """
    keep_private()
    settings = Settings()
    if settings.server_token is None:
        msg = "saw no APEXLINE_SERVER_TOKEN, without which nobody could come in: start the servers by `apexline ui`"
        raise ValueError(msg)
    with _SERVERS[name](settings, port, *files) as app:
        serve(app, port=port, origins=settings.server_origins, token=settings.server_token.get_secret_value())


@contextmanager
def _dagster(settings: Settings, port: int, workspace: Path) -> Iterator[ASGIApp]:
    from apexline.orchestration.web.dagster_ui import dagster_ui

    while not all(socket.exists() for socket in _sockets(workspace)):  # the code is loaded while this imports
        sleep(_LOOK_S)
    with dagster_ui(settings.dagster_home, workspace) as app:
        yield app


def _sockets(workspace: Path) -> list[Path]:
    """Sockets on which code servers of a workspace will listen; those on hosts and ports are waited for by Dagster."""
    places = yaml.safe_load(workspace.read_text(encoding="utf-8")).get("load_from", [])
    named = (place.get("grpc_server", {}).get("socket") for place in places)
    return [Path(socket) for socket in named if socket]


@contextmanager
def _mlflow(settings: Settings, port: int) -> Iterator[ASGIApp]:
    from apexline.ml.registry import create_ui, follow_artifacts

    if settings.has_own_mlflow:  # it reads the paths of artifacts, which follow a home that was moved
        follow_artifacts(settings.mlflow_file, Path(settings.artifact_root))
    origins = own_origins(port, settings.server_origins)
    yield create_ui(settings.tracking_uri, settings.artifact_root, origins=origins)


_SERVERS = {"dagster": _dagster, "mlflow": _mlflow}

if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *map(Path, sys.argv[3:]))
