"""Steps are computed in the run's own process, or by Celery where a queue is set; its password is on no record."""

import subprocess
import sys

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


# What a step does that computes several clips at once, in a process of Celery's. In an interpreter of its own: that of
# the tests may have a fork server, which a process that it forks can't ask.
STEP = """
import multiprocessing, sys
from concurrent.futures import ProcessPoolExecutor
import billiard
from celery.signals import worker_process_init
from apexline.orchestration.engines.executor import build_worker_app
from apexline.orchestration.settings import Settings

def step():
    if sys.argv[1] == "True":
        worker_process_init.send(sender=None)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("forkserver")) as pool:
        print(pool.submit(str, "computed").result(), flush=True)

if __name__ == "__main__":
    build_worker_app(Settings())
    worker = billiard.get_context("fork").Process(target=step)
    worker.daemon = True
    worker.start()
    worker.join()
"""


@pytest.mark.usefixtures("broker")
@pytest.mark.parametrize("allowed", [False, True])
def test_a_process_of_celery_may_compute_clips_side_by_side(allowed, tmp_path):
    pytest.importorskip("billiard")
    program = tmp_path / "step.py"
    program.write_text(STEP)
    told = subprocess.run([sys.executable, program, str(allowed)], capture_output=True, text=True, check=True)
    assert (told.stdout == "computed\n") == allowed, told.stderr


def test_a_queue_that_can_not_bring_results_back_is_refused(monkeypatch):
    monkeypatch.setenv("APEXLINE_CELERY_BROKER", "amqp://guest@localhost//")
    with pytest.raises(ValidationError, match="no Redis"):
        Settings()
