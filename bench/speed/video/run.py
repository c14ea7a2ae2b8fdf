"""Speed and memory of the whole line on video, decode to segments, on one core, against the `fer` package.

Every measurement runs in a process of its own that is bound to one core, and the line and its peer alternate clip by
clip. Code is warmed by one clip beforehand: loading machine code belongs to starting, not to the rate.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Self

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from apexline.bench.page import Rows, law, line_plot, write_speed
from apexline.bench.paths import ROOT
from apexline.bench.peers import FER_PYTHON
from apexline.features.video import read_frames, write_video

_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")

_NUM_CLIPS = 6
_PEER_FRAMES = 60  # per clip: the peer takes a tenth of a second for each
_NUM_FACES = (1, 4, 16, 64)
_LENGTHS = (300, 1000, 3000, 10_000)  # frames
_FACES_FRAMES = 120
_SIZES = ((320, 240), (640, 480), (1280, 720), (1920, 1080), (3840, 2160))  # columns, rows, px
_TO_ANSWERS, _TO_SEGMENTS = "the line, decode to answers", "the line, decode to segments"
_PEER = "fer 25.10.3, mtcnn=True"

_WORDS = """Speed of the whole line on video.

On one core: decode to answers is what `apexline score` does once it has started, crops kept in a temporary folder and
segments named by the shipped model; decode to segments (`features.spot_clip`), where nothing else is said, keeps and
names nothing. Every measurement runs in a process bound to one core; the line and the `fer` package (its MTCNN and its
network, frame by frame, decoding included) alternate clip by clip on the same core. Code is warmed by one clip
beforehand. Clips of 320x240 show one face; faces are multiplied by tiling one clip, lengths by playing one forth and
back; pictures are made larger by a still border about the face. Laws, constant x size^exponent, are fitted to what
stands above them by least squares of logarithms."""


def bench_video(data: Path) -> Rows:
    """Return frames per second of the line and of its peer, and what a face, a frame and a second process cost.

    Parameters
    ----------
    data : Path
        Folder of the benchmark data.
    """
    clips = _single_face_clips(data / "expression_clips")
    with TemporaryDirectory() as folder:
        return [
            *_against_peer(clips),
            _street(data / "real_clips" / "street_crowd_1080p.mp4"),
            _two_processes(clips),
            *_stages(clips),
            *(faces := _by_faces(clips[0], Path(folder))),
            *(sizes := _by_size(clips[0], Path(folder))),
            *(lengths := _by_length(clips[0], Path(folder))),
            law(faces, x="faces", y="ms a frame"),
            law(sizes, x="megapixels", y="ms a frame"),
            law(lengths, x="frames", y="s"),
        ]


def write_video_page(rows: Rows, out: Path) -> None:
    """Write ``speed_video.md`` and its plots into `out`."""
    figures = [
        line_plot(rows, x="faces", y="frames/s", title="Faces in the frame"),
        line_plot(rows, x="megapixels", y="frames/s", title="Size of the picture, one face"),
        line_plot(rows, x="frames", y="peak MiB", log=False, title="Memory and the length of a clip"),
    ]
    write_speed(out, "speed_video", _WORDS, rows, figures)


class Runner:
    """A process bound to one core that runs clips on request, each answered by seconds, frames and peak memory.

    Parameters
    ----------
    command : sequence of str
        Program that reads lines of JSON (``clip``, ``limit``, ``task``) and answers each by a line of JSON.
    core : int
        Core that it is bound to.
    checkout : Path
        Whose code it imports.
    """

    def __init__(self, command: Sequence[str], core: int, *, checkout: Path = ROOT) -> None:
        environment = {**os.environ, **dict.fromkeys(_ONE_THREAD, "1"), "PYTHONPATH": str(checkout / "src")}
        self._process = subprocess.Popen(
            ["taskset", "-c", str(core), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=checkout,
            env=environment,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def ask(self, clip: Path, *, limit: int | None = None, task: str = "segments") -> None:
        """Send a clip, of which `limit` frames count at most, to be run to ``segments``, ``answers``, by ``stages``."""
        assert self._process.stdin is not None
        request = {"clip": str(clip), "limit": limit, "task": task}
        print(json.dumps(request), file=self._process.stdin, flush=True)

    def answer(self) -> dict[str, float]:
        """Wait for the answer to the oldest open request: ``frames``, ``peak_mib``, ``seconds`` or those by stage.

        Raises
        ------
        RuntimeError
            If the process ended instead.
        """
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        message = f"{self._process.args} ended with code {self._process.wait()}; run it by hand to see why"
        raise RuntimeError(message)

    def run(self, clip: Path, *, limit: int | None = None, task: str = "segments") -> dict[str, float]:
        """Send a clip and wait."""
        self.ask(clip, limit=limit, task=task)
        return self.answer()


def _line(core: int = 0, checkout: Path = ROOT) -> Runner:
    return Runner([sys.executable, "-m", "apexline.bench.speed.video.runner"], core, checkout=checkout)


def bench_against(checkout: Path, data: Path) -> Rows:
    """Return how many times as fast the line is as that of another checkout, both on one core, clip by clip in turns.

    Parameters
    ----------
    checkout : Path
        Of this repository at another commit, ``git worktree add PATH COMMIT``; this environment runs its code.
    data : Path
        Folder of the benchmark data.
    """
    clips = _single_face_clips(data / "expression_clips")
    rows: Rows = []
    with TemporaryDirectory() as folder, _line() as ours, _line(checkout=checkout) as theirs:
        tiled = [_tiled(clip, 16, Path(folder)) for clip in clips]
        for faces, asked in {1: clips, 16: tiled}.items():
            for task in ("segments", "answers"):
                for line in (ours, theirs):
                    line.run(asked[0], task=task)
                pairs = [(_rate(ours.run(c, task=task)), _rate(theirs.run(c, task=task))) for c in asked]
                ratios = [own / other for own, other in pairs]
                rows.append(
                    {"task": f"{faces} faces, decode to {task}", "method": f"x {checkout.name}"}
                    | {"median": median(ratios), "least": min(ratios), "most": max(ratios)}
                    | {"frames/s": median(own for own, _ in pairs)}
                )
    return rows


def _single_face_clips(folder: Path) -> list[Path]:
    """Clips of different performers, in a fixed order."""
    clips = pd.read_csv(folder / "clips.csv").drop_duplicates("performer", keep="last")
    return [folder / name for name in clips["clip"].head(_NUM_CLIPS)]


def _rate(answer: dict[str, float]) -> float:
    return answer["frames"] / answer["seconds"]


def _against_peer(clips: list[Path]) -> Rows:
    """The line to segments and to answers, and the peer, in turns clip by clip."""
    task = "single face, 320x240"
    rates: dict[str, list[float]] = {method: [] for method in (_TO_ANSWERS, _TO_SEGMENTS, _PEER)}
    with ExitStack() as stack:
        line = stack.enter_context(_line())
        line.run(clips[0], task="answers")
        peer = None
        if FER_PYTHON.exists():
            peer = stack.enter_context(Runner([str(FER_PYTHON), "bench/peers/fer_video.py"], 0))
            peer.run(clips[0], limit=2)
        for clip in clips:
            rates[_TO_SEGMENTS].append(_rate(line.run(clip)))
            rates[_TO_ANSWERS].append(_rate(line.run(clip, task="answers")))
            if peer is not None:
                rates[_PEER].append(_rate(peer.run(clip, limit=_PEER_FRAMES)))
    rows: Rows = [
        {
            "task": task,
            "method": method,
            "frames/s": median(own),
            "to answers / this": median(a / b for a, b in zip(rates[_TO_ANSWERS], own, strict=True)),
        }
        for method, own in rates.items()
        if own
    ]
    return (
        rows
        if rates[_PEER]
        else [*rows, {"task": task, "method": f"{_PEER}: not installed, run `make fer-env`"}]
    )


def _street(clip: Path) -> dict[str, Any]:
    with _line() as line:
        line.run(clip)
        answer = line.run(clip)
    return {
        "task": "street, 1080p",
        "method": "the line",
        "frames/s": _rate(answer),
        "peak MiB": answer["peak_mib"],
    }


def _two_processes(clips: list[Path]) -> dict[str, Any]:
    """Clips per second of two processes on two cores against one on one core, in turns."""
    with ExitStack() as stack:
        lines = [stack.enter_context(_line(core)) for core in (0, 1)]
        for line in lines:
            line.run(clips[0])
        ratios: list[float] = []
        for clip in clips:
            alone = lines[0].run(clip)["seconds"]
            for line in lines:
                line.ask(clip)
            together = max([line.answer() for line in lines], key=lambda answer: answer["seconds"])
            ratios.append(2 * alone / together["seconds"])
    return {"task": "two processes, two cores", "method": "the line", "x one process": median(ratios)}


def _stages(clips: list[Path]) -> Rows:
    with _line() as line:
        line.run(clips[0])
        answers = [line.run(clip, task="stages") for clip in clips]
    return [
        {
            "task": "stage, single face",
            "method": stage,
            "ms a frame": median(1e3 * answer[stage] / answer["frames"] for answer in answers),
        }
        for stage in ("decode", "track and align", "texture", "flow", "words")
    ]


def _by_faces(clip: Path, folder: Path) -> Rows:
    """The same face again and again in a frame that grows with them."""
    rows: Rows = []
    with _line() as line:
        line.run(clip)
        for faces in _NUM_FACES:
            answer = line.run(_tiled(clip, faces, folder))
            rows.append(
                {"task": "number of faces", "faces": faces, **_costs(answer)}
                | {"ms a face-frame": 1e3 / _rate(answer) / faces}
            )
    return rows


def _tiled(clip: Path, faces: int, folder: Path) -> Path:
    """Write a clip that shows the face of another one in rows and columns."""
    side = round(faces**0.5)
    path = folder / f"{clip.stem}-{faces}.mp4"
    images = (frame.image for frame in islice(cycle_frames(clip), _FACES_FRAMES))
    write_video(path, (np.tile(image, (side, side, 1)) for image in images), fps=25)
    return path


def _by_size(clip: Path, folder: Path) -> Rows:
    """One face in the middle of ever larger pictures: what the rest of a picture costs."""
    images = [frame.image for frame in islice(cycle_frames(clip), _FACES_FRAMES)]
    rows: Rows = []
    with _line() as line:
        line.run(clip)
        for width, height in _SIZES:
            path = folder / f"size{width}.mp4"
            write_video(path, (_with_border(image, width, height) for image in images), fps=25)
            size = {"size": f"{width}x{height}", "megapixels": width * height / 1e6}
            rows.append({"task": "size of the picture", **size, **_costs(line.run(path))})
    return rows


def _with_border(image: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """A picture in the middle of a larger one, whose border goes on with the picture's own."""
    down, right = height - image.shape[0], width - image.shape[1]
    edges = (down // 2, down - down // 2, right // 2, right - right // 2)
    return cv2.copyMakeBorder(image, *edges, cv2.BORDER_REPLICATE).astype(np.uint8, copy=False)


def _by_length(clip: Path, folder: Path) -> Rows:
    """The same clip over and over, each length in a process of its own: memory must not follow it."""
    rows: Rows = []
    for frames in _LENGTHS:
        path = folder / f"long{frames}.mp4"
        write_video(path, (frame.image for frame in islice(cycle_frames(clip), frames)), fps=25)
        with _line() as line:
            answer = line.run(path)
        rows.append(
            {"task": "length", "frames": frames, "s": answer["seconds"], **_costs(answer)}
            | {"peak MiB": answer["peak_mib"]}
        )
    return rows


def _costs(answer: dict[str, float]) -> dict[str, float]:
    return {"frames/s": _rate(answer), "ms a frame": 1e3 / _rate(answer)}


def cycle_frames(clip: Path) -> Iterator[Any]:
    """Frames of a clip, again and again, forth and back, so that nothing jumps."""
    frames = list(read_frames(clip))
    return cycle([*frames, *frames[-2:0:-1]])
