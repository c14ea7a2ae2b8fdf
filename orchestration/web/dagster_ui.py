"""Dagster's webserver as an application, over the instance and the workspace that it is given.

Belongs here: what ``dagster-webserver`` settles before it serves. Stays out: who may reach it
(``orchestration.web.guard``), the daemon, which is a process of its own.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster_webserver.app import create_app_from_workspace_process_context
from dagster_webserver.cli import (
    DEFAULT_DB_STATEMENT_TIMEOUT,
    DEFAULT_POOL_MAX_OVERFLOW,
    DEFAULT_POOL_RECYCLE,
)
from dagster_webserver.version import __version__
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_POLL_MS = 2000


@contextmanager
def dagster_ui(dagster_home: Path, workspace: Path) -> Iterator[ASGIApp]:
    """Give the application over the code servers that a workspace file names; they are there as long as it is."""
    with (
        dg.DagsterInstance.from_config(str(dagster_home)) as instance,
        WorkspaceProcessContext(
            instance,
            workspace_load_target=WorkspaceFileTarget([str(workspace)]),
            version=__version__,
        ) as context,
    ):
        instance.optimize_for_webserver(
            DEFAULT_DB_STATEMENT_TIMEOUT, DEFAULT_POOL_RECYCLE, DEFAULT_POOL_MAX_OVERFLOW
        )
        yield _queries_by_post(create_app_from_workspace_process_context(context, "", _POLL_MS))


def _queries_by_post(app: ASGIApp) -> ASGIApp:
    """Refuse GraphQL in an address: Dagster would run a mutation there too, and opening a link must change nothing."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        asked = (scope["type"], scope.get("path"), scope.get("method"))
        page = "text/html" in Headers(scope=scope).get("accept", "") if scope["type"] == "http" else False
        if asked in {("http", "/graphql", "GET"), ("http", "/graphql", "HEAD")} and not page:
            refusal = PlainTextResponse("Saw a GraphQL query by GET, expected a POST of JSON.\n", 405)
            await refusal(scope, receive, send)
        else:
            await app(scope, receive, send)

    return answer
