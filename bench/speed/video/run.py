"""Speed and memory of the whole line on video, decode to answers, on one core, against named peers.

Every measurement runs in a process of its own that is bound to one core, and the line and its peers alternate clip by
clip. Code is warmed by one clip beforehand: loading machine code belongs to starting, not to the rate.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from apexline.bench.page import Rows, line_plot, write_speed
from apexline.bench.speed.video.asked import LINE, Method, installed_peers, line, missing_peers, rate
from apexline.bench.speed.video.clips import expressive_clip, single_face_clips
from apexline.bench.speed.video.curves import by_faces, by_processes, by_size, laws

_PEER_FRAMES = 60  # per clip: a peer takes a tenth of a second for each
_TO_ANSWERS = Method("the line, decode to answers")
_TO_SEGMENTS = Method("the line, decode to segments", task="segments")

_WORDS = """Speed of the whole line on video.

On one core: decode to answers is what `apexline score` does once it has started, crops kept in a temporary folder and
segments named by the shipped model; where nothing else is said, it is that. Decode to segments (`features.spot_clip`)
keeps and names nothing. Every measurement runs in a process bound to one core; the line and its peers alternate clip by
clip on the same core. Code is warmed by one clip beforehand. Peers go frame by frame: `fer` by its MTCNN and its
network, decoding included; `face-api` by SSD, landmarks and expressions in WebAssembly, from frames that are decoded
for it. Py-Feat (2.1.5) is not among them: it installs, but fetches its weights from Hugging Face when it starts, and
this was measured without internet.

Clips of 320x240 show one face and are morphed (synthetic in motion); faces are multiplied by tiling one clip that
shows an expression; pictures are made larger by a still border about the face. Peers get 60 frames of each clip, 12
where something grows. *Faces found*: in a frame; what a method misses costs it nothing. CPU time is that of the
process and of those that work for it. Laws, constant x size^exponent, are fitted to what stands above them by least
squares of logarithms. [Lengths](speed_length.md) have a page of their own; clips a run and stored days stand with
[the platform](speed_platform.md)."""


def bench_video(data: Path) -> Rows:
    """Return frames per second of the line and of its peers, and what a face, a size and a second process cost.

    Parameters
    ----------
    data : Path
        Folder of the benchmark data.
    """
    clips, clip = single_face_clips(data / "expression_clips"), expressive_clip(data / "expression_clips")
    methods = [LINE, *installed_peers()]
    with TemporaryDirectory() as name:
        folder = Path(name)
        return [
            *_against_peers(clips, folder),
            _street(data / "real_clips" / "street_crowd_1080p.mp4"),
            *_stages(clips),
            *(processes := by_processes(methods, clips, folder)),
            *(faces := by_faces(methods, clip, folder)),
            *(sizes := by_size(methods, clip, folder)),
            *laws(processes, x="processes", y="frames/s"),
            *laws(faces, x="faces", y="ms a frame"),
            *laws(sizes, x="megapixels", y="ms a frame"),
        ]


def write_video_page(rows: Rows, out: Path) -> None:
    """Write ``speed_video.md`` and its plots into `out`."""
    figures = [
        line_plot(rows, x="faces", y="frames/s", by="method", title="Faces in the frame"),
        line_plot(rows, x="megapixels", y="frames/s", by="method", title="Size of the picture, one face"),
    ]
    write_speed(out, "speed_video", _WORDS, rows, figures)


def _against_peers(clips: list[Path], folder: Path) -> Rows:
    """The line to segments and to answers, and its peers, in turns clip by clip."""
    task = "single face, 320x240"
    methods = [_TO_ANSWERS, _TO_SEGMENTS, *installed_peers()]
    rates: dict[str, list[float]] = {method.name: [] for method in methods}
    with ExitStack() as stack:
        runners = [(method, stack.enter_context(method.start())) for method in methods]
        for method, runner in runners:
            method.run(runner, clips[0], folder, peer_frames=2)
        for clip in clips:
            for method, runner in runners:
                rates[method.name].append(rate(method.run(runner, clip, folder, peer_frames=_PEER_FRAMES)))
    answers = rates[_TO_ANSWERS.name]
    return [
        *(
            {"task": task, "method": name, "frames/s": median(own)}
            | {"to answers / this": median(a / b for a, b in zip(answers, own, strict=True))}
            for name, own in rates.items()
        ),
        *({"task": task, **row} for row in missing_peers()),
    ]


def _street(clip: Path) -> dict[str, Any]:
    with line() as runner:
        runner.run(clip)
        answer = runner.run(clip)
    return {
        "task": "street, 1080p",
        "method": _TO_SEGMENTS.name,
        "frames/s": rate(answer),
        "peak MiB": answer["peak_mib"],
    }


def _stages(clips: list[Path]) -> Rows:
    with line() as runner:
        runner.run(clips[0])
        answers = [runner.run(clip, task="stages") for clip in clips]
    return [
        {
            "task": "stage, single face",
            "method": stage,
            "ms a frame": median(1e3 * answer[stage] / answer["frames"] for answer in answers),
        }
        for stage in ("decode", "track and align", "texture", "flow", "words")
    ]
