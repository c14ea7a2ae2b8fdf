"""Processes that compute clips side by side.

Belongs here: the pool, and how its processes start and end. Stays out: which clips (``camera_days``), what is computed.
"""

import multiprocessing
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing.context import BaseContext

import cv2
from threadpoolctl import threadpool_limits

# ``compute(camera_day, clip_id, stamp)`` writes a clip's files with the fingerprint `stamp`.
Compute = Callable[[str, str, str], None]


@dataclass(frozen=True)
class ClipWorkers:
    """Processes that compute clips side by side, each on one thread, so that `count` bounds the cores in use.

    Parameters
    ----------
    count : int
        Clips at once; with 1 no process is started.
    """

    count: int = 1

    def run(self, compute: Compute, jobs: Sequence[tuple[str, str, str]]) -> None:
        """Call `compute` for each (camera_day, clip_id, stamp); with several workers it must be picklable.

        Raises
        ------
        Exception
            What `compute` raised first, with a note that names the clip; clips under way are finished, the others
            are left out.
        """
        if min(self.count, len(jobs)) <= 1:
            for job in jobs:
                _run_job(compute, job)
            return
        pool = ProcessPoolExecutor(
            min(self.count, len(jobs)), mp_context=_workers_context(compute), initializer=_start_worker
        )
        try:
            for done in as_completed([pool.submit(_run_job, compute, job) for job in jobs]):
                done.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _run_job(compute: Compute, job: tuple[str, str, str]) -> None:
    try:
        compute(*job)
    except Exception as error:
        error.add_note(f"while computing clip {job[1]} of {job[0]}")
        raise


def _workers_context(compute: Compute) -> BaseContext:
    # Forking this process would copy the locks of threads that Dagster, OpenCV and Arrow run in it.
    context = multiprocessing.get_context("forkserver")
    # What workers need is imported once, in the process that they are forked from; a partial stands for its function.
    context.set_forkserver_preload([getattr(compute, "func", compute).__module__])
    return context


def _start_worker() -> None:
    cv2.setNumThreads(1)
    threadpool_limits(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A pool's worker waits for work forever if the process that made it was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
