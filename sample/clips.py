"""The embedded sample: clips of one animated portrait, with exact truth and sidecar manifests.

Belongs here: drawing the planned clips and writing them. Stays out: what happens in them (``plan``), the face
itself (``face``) and tables of the truth (``truth``).

The "subjects" ``v00``, ``v01``, ... are variants of one portrait (mirrored, re-proportioned, re-lit). A split
by variant shows that the machinery works and nothing more: every number from these clips is synthetic.

Truth. An expression follows an intensity curve: a smooth rise to its peak, a hold in which it relaxes by 6 %,
a smooth fall. The apex is the frame of the peak; onset and offset are the first and the last frame at or
above 5 % of the peak.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage import data

from apexline.features.video import write_video
from apexline.sample.face import FacePuppet, Pose
from apexline.sample.life import Event
from apexline.sample.plan import SEED, SampleConfig, plan_sample
from apexline.sample.shapes import FaceShape
from apexline.sample.stage import Actor, ClipPlan, Look
from apexline.sample.truth import write_truth
from apexline.sample.warp import turn_map

MAX_WRITERS = 4  # clips drawn at once; each holds a few megabytes
_GRAIN_MARGIN = 32  # px by which the noise is larger than the frame
_LIGHT_WIDTH = 0.3  # of the frame: sigma of a passing lamp or shadow
_LIGHT_GAINS = {"lamp": 0.45, "shadow": -0.35}


class Puppet(Protocol):
    """A face that takes poses."""

    @property
    def matte(self) -> NDArray[np.floating[Any]]:
        """Share of the face and what belongs to it in each pixel of the canvas, 0..1."""
        ...

    def render(self, pose: Pose) -> NDArray[np.uint8]:
        """Draw the canvas, BGR."""
        ...


def make_sample(folder: str | Path, *, seed: int = SEED, config: SampleConfig | None = None) -> list[Path]:
    """Write the sample's clips, each with its sidecar manifest; life-like ones with tables of the truth too.

    Parameters
    ----------
    folder : str or Path
        Made if missing; files of the same names are replaced.
    seed : int, optional
        The same seed and configuration give the same bytes.
    config : SampleConfig, optional
        Defaults to the whole sample: 36 clips, 12 variants.

    Returns
    -------
    list of Path
        The clips (``.mp4``); each manifest lies beside as ``.json``.
    """
    plans = plan_sample(seed=seed, config=config)
    puppets = make_puppets(plans)
    # NumPy, OpenCV and the encoder release the interpreter lock; every clip has random numbers of its own.
    with ThreadPoolExecutor(max_workers=min(MAX_WRITERS, os.cpu_count() or 1)) as pool:
        clips = list(pool.map(lambda plan: write_clip(folder, plan, puppets=puppets), plans))
    if config is not None and config.lifelike:
        write_truth(folder, plans)
    return clips


def make_puppets(plans: Iterable[ClipPlan]) -> dict[Look, Puppet]:
    """Make the faces of some clips, each once.

    Parameters
    ----------
    plans : iterable of ClipPlan

    Returns
    -------
    dict
        Puppet by look; hand it to `write_clip` and `render_frames`.
    """
    looks = {actor.look for plan in plans for actor in plan.actors}
    return {look: FacePuppet(look) for look in looks if isinstance(look, FaceShape)}


def write_clip(folder: str | Path, plan: ClipPlan, *, puppets: Mapping[Look, Puppet]) -> Path:
    """Render one clip and write it with its manifest.

    Parameters
    ----------
    folder : str or Path
        Made if missing.
    plan : ClipPlan
    puppets : mapping
        The faces, from `make_puppets`.

    Returns
    -------
    Path
        The clip.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{plan.name}.mp4"
    write_video(path, render_frames(plan, puppets=puppets), fps=plan.fps, crf=plan.crf)
    path.with_suffix(".json").write_text(json.dumps(manifest(plan), indent=2) + "\n")
    return path


def manifest(plan: ClipPlan) -> dict[str, Any]:
    """Sidecar manifest of a clip, with the truth of every face as annotations."""
    return {
        "camera": plan.camera,
        "captured_at": plan.captured_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "purpose": "demonstration",
        "legal_basis": "synthetic sample, no person recorded",
        "synthetic": True,
        "annotations": [
            {
                "subject": actor.subject,
                "emotion": episode.emotion,
                "onset": onset,
                "apex": apex,
                "offset": offset,
                "box": actor.box(apex / plan.fps),
            }
            for actor in plan.actors
            for episode in actor.episodes
            for onset, apex, offset in [episode.seen]
        ],
    }


def render_frames(plan: ClipPlan, *, puppets: Mapping[Look, Puppet]) -> Iterator[NDArray[np.uint8]]:
    """Draw a clip frame by frame.

    Parameters
    ----------
    plan : ClipPlan
    puppets : mapping
        The faces, from `make_puppets`.

    Yields
    ------
    ndarray, shape (M, N, 3), uint8
        BGR frame.
    """
    rng = np.random.default_rng(plan.seed)
    backdrop = _backdrop(plan, rng)
    grain = _grain(plan, rng)
    drift_phase = rng.uniform(0, 2 * np.pi)
    for frame in range(plan.num_frames):
        time_s = frame / plan.fps
        image = backdrop.copy()
        for actor in plan.actors:
            _draw_actor(image, puppets[actor.look], actor, frame, time_s)
        if plan.blur > 0:
            image = cv2.GaussianBlur(image, (0, 0), plan.blur)
        image *= np.float32(1 + plan.light_drift * np.sin(2 * np.pi * time_s / 4.0 + drift_phase))
        for light in plan.lights:
            _shine(image, light, frame)
        row, col = rng.integers(0, _GRAIN_MARGIN, size=2)
        image += grain[row : row + image.shape[0], col : col + image.shape[1]]
        yield np.clip(np.rint(image), 0, 255).astype(np.uint8)


def _draw_actor(image: NDArray[np.float32], puppet: Puppet, actor: Actor, frame: int, time_s: float) -> None:
    """Lay a posed puppet over the image, in place."""
    matrix = actor.placement(time_s)
    size = image.shape[1::-1]
    canvas, matte = puppet.render(actor.pose(frame)), puppet.matte
    head = actor.amount("turn", frame), actor.amount("nod", frame)
    if any(head):
        turned = turn_map(canvas.shape[:2], actor.look.pivot, actor.look.face_px, head)
        canvas, matte = (cv2.remap(each, turned, None, cv2.INTER_LINEAR) for each in (canvas, matte))
    if actor.canvas_scale < 0.5:
        # Bilinear sampling alone would alias below half size and shimmer when the head sways.
        canvas = cv2.blur(canvas, (3, 3))
    person = cv2.warpAffine(canvas, matrix, size, flags=cv2.INTER_LINEAR)
    matte = cv2.warpAffine(matte, matrix, size, flags=cv2.INTER_LINEAR)[..., None]
    image += matte * (person - image)


def _shine(image: NDArray[np.float32], light: Event, frame: int) -> None:
    """Lay a passing lamp or shadow over the image, in place."""
    if light.first <= frame <= light.last:
        across = np.linspace(0, 1, image.shape[1]) - light.at(frame)
        gain = 1 + _LIGHT_GAINS[light.kind] * np.exp(-((across / _LIGHT_WIDTH) ** 2) / 2)
        image *= gain.astype(np.float32)[None, :, None]


def _backdrop(plan: ClipPlan, rng: np.random.Generator) -> NDArray[np.float32]:
    """Part of a picture, blurred and dulled so that it neither draws the eye nor looks like a face."""
    picture: NDArray[Any] = getattr(data, plan.backdrop)()
    if picture.ndim == 2:
        picture = np.stack([picture] * 3, axis=-1)
    width, height = plan.size
    rows = round(picture.shape[0] * 0.6)
    cols = min(picture.shape[1], round(rows * width / height))
    top, left = rng.integers(picture.shape[0] - rows + 1), rng.integers(picture.shape[1] - cols + 1)
    part = cv2.resize(picture[top : top + rows, left : left + cols, ::-1].astype(np.float32), plan.size)
    part = cv2.GaussianBlur(part, (0, 0), 2.5)
    part = rng.uniform(70, 130) + 0.45 * (part - part.mean())
    falloff = 1 + rng.uniform(-0.25, 0.25) * np.linspace(-1, 1, width)
    return (part * falloff[None, :, None]).astype(np.float32)


def _grain(plan: ClipPlan, rng: np.random.Generator) -> NDArray[np.float32]:
    """Sensor noise, larger than the frame: every frame looks through another window of it."""
    shape = (plan.size[1] + _GRAIN_MARGIN, plan.size[0] + _GRAIN_MARGIN, 3)
    return np.float32(plan.noise) * rng.standard_normal(shape, dtype=np.float32)
