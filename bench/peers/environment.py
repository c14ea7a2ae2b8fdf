"""Where the peers' own programs lie.

Belongs here: environments and how each peer is started. Stays out: the scripts that they run.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from apexline.bench.paths import ROOT

FER_PYTHON = ROOT / ".venv-fer" / "bin" / "python"
_FACEX_PYTHON = ROOT / ".venv-facex" / "bin" / "python"
_FACE_API = ROOT / ".npm-face-api" / "node_modules" / "@vladmandic" / "face-api"


@dataclass(frozen=True)
class Peer:
    """A package that names expressions, run in an environment of its own.

    Parameters
    ----------
    name : str
        Package and version.
    command : tuple of str
        Program and script, run in the checkout's root; what takes images is told their path behind that.
    installed : Path
        There once the environment is made.
    target : str
        What `make` makes it by.
    takes_frames : bool
        In place of a video, which it can't read.
    """

    name: str
    command: tuple[str, ...]
    installed: Path
    target: str
    takes_frames: bool = False


PEERS = (
    Peer("fer 25.10.3", (str(FER_PYTHON), "bench/peers/fer_images.py"), FER_PYTHON, "fer-env"),
    Peer("facex 1.1.0", (str(_FACEX_PYTHON), "bench/peers/facex_images.py"), _FACEX_PYTHON, "facex-env"),
    Peer("face-api 1.7.15", ("node", "bench/peers/face_api.js"), _FACE_API, "face-api-env"),
)
# The same on video, asked and answering line by line.
VIDEO_PEERS = (
    Peer("fer 25.10.3, mtcnn=True", (str(FER_PYTHON), "bench/peers/fer_video.py"), FER_PYTHON, "fer-env"),
    Peer(
        "face-api 1.7.15, SSD",
        ("node", "bench/peers/face_api_video.js"),
        _FACE_API,
        "face-api-env",
        takes_frames=True,
    ),
)
