"""A run's process has what it needs imported when it begins."""

import json
import multiprocessing
import os
import subprocess
import sys
import time

from dagster._grpc.server import DagsterApiServer

from apexline.orchestration import definitions
from apexline.orchestration.warm_runs import start_runs_warm


def _tell(queue):
    heavy = ("torch", "mlflow.store.tracking.sqlalchemy_store", definitions.__name__)
    queue.put(([name in sys.modules for name in heavy], time.process_time(), os.getppid()))


def test_a_code_server_forks_its_runs_from_a_process_that_imported_once():
    # A process of its own, as the code server is: that of the tests may have begun to fork from another one.
    told = subprocess.run([sys.executable, "-m", __name__], check=True, capture_output=True, text=True)
    found = json.loads(told.stdout)
    assert [imported for imported, _, _ in found] == [[True] * 3] * 2
    assert len({parent for _, _, parent in found}) == 1
    assert found[1][1] < 0.5  # s of CPU: nothing was imported


def test_a_run_that_is_forked_imports_no_stage(tmp_path):
    code = (
        "import sys, apexline.orchestration.preloaded, apexline.orchestration.definitions as found\n"
        "from apexline.orchestration.settings import Settings\n"
        "before = set(sys.modules)\n"
        f"found.build_definitions(Settings(home={str(tmp_path)!r})).get_repository_def()\n"
        "late = {name for name in set(sys.modules) - before if name.startswith('apexline')}\n"
        "assert not late, late\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_fork_server_that_is_interrupted_ends_without_a_word():
    code = "import apexline.orchestration.preloaded; raise {}"
    said = [
        subprocess.run(
            [sys.executable, "-c", code.format(error)], capture_output=True, text=True, check=False
        )
        for error in ("KeyboardInterrupt", "ValueError")
    ]
    assert [each.returncode != 0 for each in said] == [True, True]
    assert [("Traceback" in each.stderr) for each in said] == [False, True]


def _ask():
    start_runs_warm(definitions.__name__)
    server = object.__new__(DagsterApiServer)
    server.__dict__["_mp_ctx"] = multiprocessing.get_context(
        "spawn"
    )  # as it sets it before it loads the code
    context = server._mp_ctx
    found = []
    for _ in range(2):
        queue = context.Queue()
        process = context.Process(target=_tell, args=(queue,))
        process.start()
        found.append(queue.get(timeout=300))
        process.join()
    return found


if __name__ == "__main__":
    print(json.dumps(_ask()))
