"""What a worker of Celery loads, by ``celery --app``; the whole command stands in ``deploy/compose.yaml``."""

from functools import cache
from typing import Any

from apexline.orchestration.engines.executor import build_worker_app
from apexline.orchestration.settings import Settings, keep_private


def __getattr__(name: str) -> Any:
    """Make the application where Celery asks for it: without a broker this module can still be imported and read."""
    if name != "app":
        raise AttributeError(name)
    return _build_app()


@cache
def _build_app() -> Any:
    keep_private()
    return build_worker_app(Settings())
