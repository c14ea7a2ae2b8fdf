"""What a process and all below it have taken so far, seen from outside; proc(5).

Belongs here: CPU time and memory of processes, those that decode among them, and what keeps one on a single thread.
Stays out: starting them.
"""

from __future__ import annotations

import os
from pathlib import Path

# Settings of an environment, each a number of threads.
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def children_cpu_s() -> float:
    """CPU time of all processes that this one has started and waited for, s."""
    times = os.times()
    return times.children_user + times.children_system


def cpu_s(root: int) -> float:
    """CPU time of a process and all below it, with what those that ended there took, s."""
    stats = _stats()
    # user and system time, its own and that of children it has waited for
    ticks = sum(sum(map(int, stats[pid][11:15])) for pid in _below(root, stats))
    return ticks / os.sysconf("SC_CLK_TCK")


def peak_mib(root: int) -> float:
    """Largest resident memory of a process and of each that lives below it, added, MiB.

    ``getrusage`` would count the program that started them.
    """
    return sum(_peak_kib(pid) for pid in _below(root, _stats())) / 1024


def _stats() -> dict[int, list[str]]:
    """Fields of ``/proc/<pid>/stat`` behind the name, which may hold anything, by process."""
    found: dict[int, list[str]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            found[int(stat.parent.name)] = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended: its parent has its time
            continue
    return found


def _below(root: int, stats: dict[int, list[str]]) -> set[int]:
    """Return a process and its children's children, those that live."""
    below = {root} & stats.keys()
    while more := {pid for pid, fields in stats.items() if int(fields[1]) in below} - below:
        below |= more
    return below


def _peak_kib(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:  # it has just ended
        return 0
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")), 0)
