"""Processes that compute clips side by side, and whose fault it is when one can't be computed.

Belongs here: the pool, how its processes start, end and die. Stays out: which clips (``camera_days``), what is
computed, the records of what failed (``failures``).
"""

import errno
import multiprocessing
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.context import BaseContext
from typing import TypeAlias

import cv2
from threadpoolctl import threadpool_limits

from apexline.features import DeviceUnavailable
from apexline.features.video import DecodingUnavailable, UnreadableVideo

# ``compute(camera_day, clip_id, stamp)`` writes a clip's files with the fingerprint `stamp`.
Compute = Callable[[str, str, str], None]
Job: TypeAlias = tuple[str, str, str]
_KILLED = "decoder_crashed"  # a clip that kills its decoder does so again
_SAID = 1000  # characters of an exception's message
# Where every file has one of these, all clips fail alike, and the run with them.
_OF_ONE_FILE = frozenset(
    {
        errno.ENOENT,
        errno.EACCES,
        errno.EPERM,
        errno.EISDIR,
        errno.ENOTDIR,
        errno.ENOTEMPTY,
        errno.EEXIST,
        errno.ELOOP,
        errno.ENXIO,
        errno.EIO,
    }
)


@dataclass(frozen=True)
class Fault:
    """Why a clip can't be computed: class and message of the exception."""

    reason: str
    detail: str


@dataclass(frozen=True)
class ClipWorkers:
    """Processes that compute clips side by side, each on one thread, so that `count` bounds the cores in use.

    Parameters
    ----------
    count : int
        Clips at once; with 1 no process is started.
    """

    count: int = 1

    def run(self, compute: Compute, jobs: Sequence[Job]) -> dict[Job, Fault]:
        """Call `compute` for each (camera_day, clip_id, stamp); with several workers it must be picklable.

        A clip that fails stops no other. One under way when a worker process died, or one that ran out of memory, is
        computed once more without any beside it, since another may have been the cause.

        Returns
        -------
        dict
            The jobs that failed by a fault of their clip.

        Raises
        ------
        Exception
            What is the machine's fault and not a clip's: ``OSError`` with an error number (a full disk, too many open
            files), except those that one file can have for itself: it is missing, may not be read, is a folder, lies
            on a bad block; an object store that does not answer; ``ImportError``; ``DeviceUnavailable``;
            ``DecodingUnavailable``. A note names the clip; clips under way are finished, the others are left out.
        """
        if min(self.count, len(jobs)) <= 1:
            found = [(job, _in_this_process(compute, job)) for job in jobs]
            return {job: fault for job, fault in found if fault is not None}
        waiting = deque(jobs)
        faults: dict[Job, Fault] = {}
        while waiting:
            for job in self._side_by_side(compute, waiting, faults):
                fault = _in_a_process_of_its_own(compute, job)
                if fault is not None:
                    faults[job] = fault
        return faults

    def _side_by_side(self, compute: Compute, waiting: deque[Job], faults: dict[Job, Fault]) -> list[Job]:
        """Work off `waiting` until it is empty or a worker died; return the jobs that may be to blame for a death."""
        suspects: list[Job] = []
        under_way: dict[Future[Fault | None], Job] = {}
        pool = _start_pool(compute, min(self.count, len(waiting)))
        try:
            while waiting or under_way:
                # No more than there are workers, so that only these can be to blame.
                while waiting and len(under_way) < self.count:
                    future = pool.submit(_attempt, compute, waiting[0])
                    under_way[future] = waiting.popleft()
                for done in wait(under_way, return_when=FIRST_COMPLETED).done:
                    try:
                        fault = done.result()
                    except MemoryError:
                        suspects.append(under_way[done])
                    else:
                        if fault is not None:
                            faults[under_way[done]] = fault
                    del under_way[done]
        except BrokenProcessPool:
            suspects += under_way.values()
        finally:
            pool.shutdown(cancel_futures=True)
        return suspects


def is_of_the_machine(error: Exception) -> bool:
    """Tell whether an exception would meet any clip (see `ClipWorkers.run`), and so must end the run."""
    # Arrow raises OSError without a number for a Parquet file that is damaged.
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno not in _OF_ONE_FILE
    return isinstance(error, ImportError | DeviceUnavailable | DecodingUnavailable) or _is_of_the_store(error)


def may_pass(error: Exception) -> bool:
    """Tell whether what ended a run may be over in a moment: a full disk, a store that is away."""
    return (isinstance(error, OSError) and error.errno is not None) or _is_of_the_store(error)


def _is_of_the_store(error: Exception) -> bool:
    """Tell whether an object store did not answer; what it answers is an ``OSError``."""
    exceptions = sys.modules.get("botocore.exceptions")  # an extra, which has been imported if it raised
    return exceptions is not None and isinstance(error, exceptions.BotoCoreError)


def _attempt(compute: Compute, job: Job) -> Fault | None:
    """Compute a clip; raise what is not its own fault. Not every exception could be pickled, a `Fault` can."""
    try:
        _compute_despite_a_kill(compute, job)
    except Exception as error:
        if is_of_the_machine(error) or isinstance(error, MemoryError):
            error.add_note(f"while computing clip {job[1]} of {job[0]}")
            raise
        return Fault(type(error).__name__, str(error)[:_SAID])
    return None


def _compute_despite_a_kill(compute: Compute, job: Job) -> None:
    """Compute a clip, once more where its decoder was killed: the kernel may have been short of memory."""
    try:
        compute(*job)
    except UnreadableVideo as error:
        if error.reason != _KILLED:
            raise
        compute(*job)


def _in_this_process(compute: Compute, job: Job) -> Fault | None:
    try:
        return _attempt(compute, job)
    except MemoryError as error:
        return Fault("MemoryError", f"out of memory with no clip beside it: {error}")


def _in_a_process_of_its_own(compute: Compute, job: Job) -> Fault | None:
    pool = _start_pool(compute, 1)
    try:
        return pool.submit(_in_this_process, compute, job).result()
    except BrokenProcessPool as error:
        detail = (
            "its process died twice, the second time with no clip beside it: killed for memory, or a crash"
        )
        return Fault(type(error).__name__, detail)
    finally:
        pool.shutdown()


def _start_pool(compute: Compute, count: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(count, mp_context=_workers_context(compute), initializer=_start_worker)


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
