"""Processes that run clips on request: the line, and its peers.

Belongs here: how each is started, bound to a core and asked, and what it took. Stays out: which clips it is asked for.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from apexline.bench.paths import ROOT
from apexline.bench.peers import VIDEO_PEERS, Peer
from apexline.bench.speed.processes import ONE_THREAD, cpu_s, peak_mib
from apexline.bench.speed.video.clips import as_frames
from apexline.features import Device


class Runner:
    """A process bound to one core that runs clips on request.

    Parameters
    ----------
    command : sequence of str
        Program that reads lines of JSON (``clip``, ``limit``, ``task``) and answers each by a line of JSON.
    core : int
        Core that it is bound to.
    checkout : Path
        Whose code it imports.
    """

    def __init__(self, command: Sequence[str], core: int = 0, *, checkout: Path = ROOT) -> None:
        environment = {**os.environ, **dict.fromkeys(ONE_THREAD, "1"), "PYTHONPATH": str(checkout / "src")}
        self._process = subprocess.Popen(
            ["taskset", "-c", str(core), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=checkout,
            env=environment,
        )
        self._cpu_s = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def ask(
        self, clip: Path, *, limit: int | None = None, task: str = "segments", device: Device = "cpu"
    ) -> None:
        """Send a clip, of which `limit` frames count at most, to be run to ``segments``, ``answers``, by ``stages``."""
        assert self._process.stdin is not None
        self._cpu_s = cpu_s(self._process.pid)
        request = {"clip": str(clip), "limit": limit, "task": task, "device": device}
        print(json.dumps(request), file=self._process.stdin, flush=True)

    def has_answered(self) -> bool:
        """Whether `answer` has not to wait."""
        return bool(select.select([self._process.stdout], [], [], 0)[0])

    def answer(self) -> dict[str, float]:
        """Wait for the answer to the open request: ``frames``, ``seconds`` or those by stage, ``faces`` where counted.

        ``cpu_s`` comes to these, of the process and all that work for it, and ``peak_mib``, their peaks so far, added.

        Raises
        ------
        RuntimeError
            If the process ended instead.
        """
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):
                pid = self._process.pid
                return {**json.loads(line), "cpu_s": cpu_s(pid) - self._cpu_s, "peak_mib": peak_mib(pid)}
        message = f"{self._process.args} ended with code {self._process.wait()}; run it by hand to see why"
        raise RuntimeError(message)

    def run(self, clip: Path, *, limit: int | None = None, task: str = "segments") -> dict[str, float]:
        """Send a clip and wait."""
        self.ask(clip, limit=limit, task=task)
        return self.answer()


def line(core: int = 0, *, checkout: Path = ROOT) -> Runner:
    """Start the line of a checkout; what it is asked for is this one's ``runner``, wherever that one's may lie."""
    command = [sys.executable, "-P", str(Path(__file__).with_name("runner.py"))]
    return Runner(command, core, checkout=checkout)


@dataclass(frozen=True)
class Method:
    """The line, or a peer, which gets few frames of a clip: it takes a tenth of a second and more for each.

    Attributes
    ----------
    name : str
    task : str
        What the line is asked for.
    peer : Peer, optional
    device : {"cpu", "cuda"}
        Where the line describes crops.
    """

    name: str
    task: str = "answers"
    peer: Peer | None = None
    device: Device = "cpu"

    def start(self, core: int = 0) -> Runner:
        """Start a process of it."""
        return line(core) if self.peer is None else Runner(self.peer.command, core)

    def ask(self, runner: Runner, clip: Path, folder: Path, *, peer_frames: int) -> None:
        """Ask a process of it for a clip; a peer gets so many frames, written into `folder` where it reads no video."""
        if self.peer is None:
            runner.ask(clip, task=self.task, device=self.device)
        else:
            readable = as_frames(clip, peer_frames, folder) if self.peer.takes_frames else clip
            runner.ask(readable, limit=peer_frames)

    def run(self, runner: Runner, clip: Path, folder: Path, *, peer_frames: int) -> dict[str, float]:
        """Ask and wait."""
        self.ask(runner, clip, folder, peer_frames=peer_frames)
        return runner.answer()


LINE = Method("the line")


def installed_peers() -> list[Method]:
    """Peers whose environments are made."""
    return [Method(peer.name, peer=peer) for peer in VIDEO_PEERS if peer.installed.exists()]


def missing_peers() -> list[dict[str, str]]:
    """Rows that name the peers which are not there, and what installs them."""
    return [
        {"method": f"{peer.name}: not installed, run `make {peer.target}`"}
        for peer in VIDEO_PEERS
        if not peer.installed.exists()
    ]


def rate(answer: dict[str, float]) -> float:
    """Frames a second of an answer."""
    return answer["frames"] / answer["seconds"]
