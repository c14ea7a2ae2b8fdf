"""Steps are computed in the run's own process, or by Celery where a queue is set; its password is on no record."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import dagster as dg
import pytest
from pydantic import ValidationError

from apexline.orchestration.engines.executor import build_executor, build_worker_app
from apexline.orchestration.settings import Settings

BROKER = "redis://:secret-word@127.0.0.1:6379/0"


@pytest.fixture
def broker(monkeypatch):
    pytest.importorskip("dagster_celery")
    monkeypatch.setenv("APEXLINE_CELERY_BROKER", BROKER)


def test_without_a_queue_a_run_computes_its_own_steps(tmp_path):
    assert build_executor(Settings(home=str(tmp_path))) is dg.in_process_executor
    with pytest.raises(ValueError, match="saw no APEXLINE_CELERY_BROKER"):
        build_worker_app(Settings(home=str(tmp_path)))


@pytest.mark.usefixtures("broker")
def test_one_setting_hands_steps_to_celery():
    assert build_executor(Settings()).name == "celery"
    worker = build_worker_app(Settings())
    assert worker.conf.broker_url == worker.conf.result_backend == BROKER
    assert worker.conf.worker_prefetch_multiplier == 1
    assert "execute_plan" in worker.tasks


def start_a_child(allowed, path):
    """Do in a process of Celery's what a step does that computes several clips at once."""
    if allowed:
        from celery.signals import worker_process_init

        worker_process_init.send(sender=None)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("forkserver")) as pool:
        path.write_text(pool.submit(str, "computed").result())


@pytest.mark.usefixtures("broker")
@pytest.mark.parametrize("allowed", [False, True])
def test_a_process_of_celery_may_compute_clips_side_by_side(allowed, tmp_path):
    billiard = pytest.importorskip("billiard")
    build_worker_app(Settings())
    path = tmp_path / "answer"
    worker = billiard.get_context("fork").Process(target=start_a_child, args=(allowed, path))
    worker.daemon = True
    worker.start()
    worker.join()
    assert path.exists() == allowed


def test_a_queue_that_can_not_bring_results_back_is_refused(monkeypatch):
    monkeypatch.setenv("APEXLINE_CELERY_BROKER", "amqp://guest@localhost//")
    with pytest.raises(ValidationError, match="no Redis"):
        Settings()
