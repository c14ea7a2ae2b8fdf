"""The executor of all jobs, by the settings.

Belongs here: which of Dagster's executors runs the steps, and how its workers find the queue. Stays out: which process
launches a run (``orchestration.settings``).
"""

from multiprocessing import process
from typing import Any

import dagster as dg

from apexline.orchestration.settings import Settings

_RECORD = process.current_process()
_BROKER = {"env": "APEXLINE_CELERY_BROKER"}  # the address may hold a password: no record of a run shows it
# One step at a time for each process: a step that waits behind another would wait for hours.
_WORKERS = {"worker_prefetch_multiplier": 1, "broker_connection_retry_on_startup": True}


def build_executor(settings: Settings) -> dg.ExecutorDefinition:
    """Return Celery's executor where a broker is set, and else the one that computes in the run's own process.

    Raises
    ------
    ModuleNotFoundError
        Where a broker is set and ``apexline[celery]`` is not installed.
    """
    if settings.celery_broker is None:
        return dg.in_process_executor
    from dagster_celery import celery_executor  # an extra

    return celery_executor.configured(
        {"broker": _BROKER, "backend": _BROKER, "config_source": _WORKERS}, name="celery"
    )


def build_worker_app(settings: Settings) -> Any:
    """Return the application that Celery's workers run.

    Raises
    ------
    ValueError
        Where no broker is set.
    """
    if settings.celery_broker is None:
        msg = "saw no APEXLINE_CELERY_BROKER, expected where the queue is, as redis://redis:6379/0"
        raise ValueError(msg)
    from celery.signals import worker_process_init
    from dagster_celery.make_app import make_app
    from dagster_celery.tasks import create_task

    broker = settings.celery_broker.get_secret_value()
    app = make_app({"broker": broker, "backend": broker})
    app.conf.update(_WORKERS)
    create_task(app)
    worker_process_init.connect(allow_children, weak=False)
    return app


def allow_children(**_: object) -> None:
    """Let this process start others, as a step does that computes several clips at once.

    Celery starts its processes by billiard, which enters itself as Python's own record of the current process: a
    daemon, which may have no children, with a key that Python can't hand on. What they start ends with them, see
    `ClipWorkers`.
    """
    process._current_process = _RECORD  # pyright: ignore[reportAttributeAccessIssue]
