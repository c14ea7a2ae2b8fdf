"""MLflow's own server as an application: its pages and its REST API over a registry.

Belongs here: what ``mlflow server`` settles before its application can be imported. Stays out: who may reach it
(``orchestration.web``), runs and versions (``ml.registry.client``).
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from apexline.ml.registry.lazy import import_mlflow, mlflow_warnings_ignored

# Where MLflow's pages keep which of their two views a person chose; the experiment's own tag does not count there.
_CHOICE = (
    "<script>localStorage.getItem('mlflow.workflowType_v1') ?? "
    "localStorage.setItem('mlflow.workflowType_v1', '\"machine_learning\"')</script>"
)


def create_ui(tracking_uri: str, artifact_root: str, *, origins: Sequence[str]) -> Any:
    """Build the application that ``mlflow server`` would serve; once in a process, for MLflow builds it once.

    Parameters
    ----------
    tracking_uri : str
        Backend of runs and registry, such as ``sqlite:////data/mlflow.db``.
    artifact_root : str
        Folder or URL from which artifacts are served.
    origins : sequence of str
        Where a browser reaches it; MLflow's own checks of Host and Origin know loopback addresses only.

    Returns
    -------
    ASGI application
    """
    # MLflow hands these to its workers itself; its application reads them when it is imported.
    os.environ |= {
        "_MLFLOW_SERVER_FILE_STORE": tracking_uri,
        "_MLFLOW_SERVER_REGISTRY_STORE": tracking_uri,
        "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
        "_MLFLOW_SERVER_ARTIFACT_DESTINATION": artifact_root,
        "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
        "_MLFLOW_SGI_NAME": "uvicorn",
        "MLFLOW_SERVER_ALLOWED_HOSTS": ",".join(urlsplit(origin).netloc for origin in origins),
        "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS": ",".join(origins),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # workers for a feature that is not used here
    }
    import_mlflow()
    with mlflow_warnings_ignored():
        handlers = importlib.import_module("mlflow.server.handlers")
        application = importlib.import_module("mlflow.server.fastapi_app")
    handlers.initialize_backend_stores(tracking_uri, tracking_uri, "mlflow-artifacts:/")
    page = files("mlflow.server") / "js" / "build" / "index.html"
    return opening_at_trainings(application.app, page.read_text(encoding="utf-8"))


def opening_at_trainings(app: ASGIApp, page: str) -> ASGIApp:
    """Let a browser that has not chosen see experiments as trainings; MLflow shows prompts and traces first.

    Parameters
    ----------
    app : ASGI application
    page : str
        What the application answers at ``/``, HTML with a ``<head>``.
    """
    opening = HTMLResponse(page.replace("<head>", f"<head>{_CHOICE}", 1))

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        asked = (scope["type"], scope.get("path"), scope.get("method"))
        await (opening if asked == ("http", "/", "GET") else app)(scope, receive, send)

    return answer
