"""What the line and its peers take, by number of faces, size of the picture and number of processes.

Belongs here: clips that grow in one respect, run by all methods in turns. Stays out: lengths (``length``), clips as
they were filmed (``run``).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from apexline.bench.page import Rows, law
from apexline.bench.speed.video.asked import Method, rate
from apexline.bench.speed.video.clips import enlarged, tiled

_NUM_FACES = (1, 4, 16, 64)
_SIZES = ((320, 240), (640, 480), (1280, 720), (1920, 1080), (3840, 2160))  # columns, rows, px
_PEER_FRAMES = 12  # of a clip: 64 faces or a large picture take a peer seconds a frame
_PROCESSES = (1, 2)

# What tells a clip apart in a table, and the clip.
Sized = tuple[dict[str, Any], Path]


def by_faces(methods: Sequence[Method], clip: Path, folder: Path) -> Rows:
    """Return what the same face costs, again and again in a frame that grows with them."""
    clips = [({"faces": count}, tiled(clip, count, folder)) for count in _NUM_FACES]
    rows = in_turns("number of faces", methods, clips, folder, peer_frames=_PEER_FRAMES)
    return [row | {"ms a face-frame": row["ms a frame"] / row["faces"]} for row in rows]


def by_size(methods: Sequence[Method], clip: Path, folder: Path) -> Rows:
    """Return what the rest of a picture costs: one face in the middle of ever larger ones."""
    clips = [
        ({"size": f"{cols}x{rows}", "megapixels": cols * rows / 1e6}, enlarged(clip, cols, rows, folder))
        for cols, rows in _SIZES
    ]
    return in_turns("size of the picture", methods, clips, folder, peer_frames=_PEER_FRAMES)


def by_processes(methods: Sequence[Method], clips: Sequence[Path], folder: Path) -> Rows:
    """Return frames per second of several processes, each on a core of its own, clip by clip in turns."""
    rows: Rows = []
    for method in methods:
        answers = side_by_side(method, clips, folder, counts=_PROCESSES)
        alone = median(answers[1])
        rows += [
            {"task": "processes", "method": method.name, "processes": count}
            | {"frames/s": median(rates), "x one process": median(rates) / alone}
            for count, rates in answers.items()
        ]
    return rows


def side_by_side(
    method: Method, clips: Sequence[Path], folder: Path, *, counts: Sequence[int]
) -> dict[int, list[float]]:
    """Return frames per second of all processes together for each clip, by their number."""
    rates: dict[int, list[float]] = {count: [] for count in counts}
    cores = sorted(os.sched_getaffinity(0))[: max(counts)]
    with ExitStack() as stack:
        runners = [stack.enter_context(method.start(core)) for core in cores]
        for runner in runners:
            method.run(runner, clips[0], folder, peer_frames=2)
        for clip in clips:
            for count, found in rates.items():
                for runner in runners[:count]:
                    method.ask(runner, clip, folder, peer_frames=_PEER_FRAMES)
                answers = [runner.answer() for runner in runners[:count]]
                slowest = max(answer["seconds"] for answer in answers)
                found.append(sum(answer["frames"] for answer in answers) / slowest)
    return rates


def in_turns(
    task: str, methods: Sequence[Method], clips: Iterable[Sized], folder: Path, *, peer_frames: int
) -> Rows:
    """Return what each clip costs by each method: one process of each on the same core, clip by clip in turns."""
    rows: Rows = []
    with ExitStack() as stack:
        runners = [(method, stack.enter_context(method.start())) for method in methods]
        warm: set[str] = set()
        for size, clip in clips:
            for method, runner in runners:
                if method.name not in warm:
                    method.run(runner, clip, folder, peer_frames=2)
                    warm.add(method.name)
                answer = method.run(runner, clip, folder, peer_frames=peer_frames)
                rows.append({"task": task, "method": method.name, **size, **costs(answer)})
    return rows


def costs(answer: dict[str, float]) -> dict[str, float]:
    """Rate, wall and CPU time of a frame, and faces found in it."""
    frames = answer["frames"]
    return {
        "frames/s": rate(answer),
        "ms a frame": 1e3 / rate(answer),
        "cpu ms a frame": 1e3 * answer["cpu_s"] / frames,
        "faces found": answer["faces"] / frames,
    }


def laws(rows: Rows, *, x: str, y: str) -> Rows:
    """Fit the law of each method."""
    names = list(dict.fromkeys(row["method"] for row in rows))
    return [
        {"task": "laws", "method": name} | law([row for row in rows if row["method"] == name], x=x, y=y)
        for name in names
    ]
