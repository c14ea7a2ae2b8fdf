"""Runs that start warm: forked from a process that has imported what they need.

Belongs here: how a code server starts the process of a run, and what that process finds imported. Stays out: runs of
commands, which share one process (``line``), and the processes of clips (``assets.lake.workers``).

Dagster starts a fresh interpreter for each run, which imports everything anew: seconds of a core, for a run that may
find nothing to do. A fork server imports it once. It starts soon after the code server and ends with that and its last
run; a reload of the code begins with another, so that runs have the code that the UI shows.
"""

import multiprocessing
import sys
from multiprocessing import forkserver
from threading import Timer

from dagster._grpc.server import DagsterApiServer

# Neither they nor the definitions start a thread of Python's, whose locks a fork would copy.
_LATER_S = 20.0  # the servers of `apexline ui` start first; a run that comes before does not wait for it
_PRELOADED = ("apexline.orchestration.preloaded", "dagster._grpc.impl")


def start_runs_warm(definitions: str) -> None:
    """Let this process fork its runs, should it be a code server; to any other it means nothing.

    Parameters
    ----------
    definitions : str
        Module that the runs load.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*_PRELOADED, definitions])
    # There is no setting for it, and the server has made a context of its own before it loads this code.
    DagsterApiServer._mp_ctx = property(lambda _: context)  # type: ignore[assignment]
    if (
        "grpc" in sys.argv
    ):  # as Dagster calls every code server: the first clip is not to wait for the imports
        later = Timer(_LATER_S, forkserver.ensure_running)
        later.daemon = True
        later.start()
