"""Morphed clips: planned like the sample's life-like clips, drawn from stills, with tables of the truth.

Belongs here: who is shown in which clip, and writing. Stays out: the course of a clip (``sample.plan``).

The form is that of other collections of clips: ``clips.csv``, ``segments.csv`` and ``distractors.csv`` beside the
clips. There are no manifests: whose faces the stills show, and what allows them to be used, only their owner knows.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from apexline.features.faces import FaceConfig, make_detector
from apexline.features.video import write_video
from apexline.sample.clips import MAX_WRITERS, render_frames
from apexline.sample.life import draw_emotions, write_life
from apexline.sample.morphs.puppet import MorphPuppet
from apexline.sample.morphs.stills import Stills, draw_stills, find_people
from apexline.sample.plan import Role, SampleConfig, film
from apexline.sample.stage import ClipPlan
from apexline.sample.truth import write_truth

_CONFIG = SampleConfig(lifelike=True, face_px=(75.0, 125.0), noise=(1.0, 3.0), crf=(18, 26))
_FPS = (25, 30)


def make_morphs(stills: str | Path, folder: str | Path, *, num_clips: int, seed: int) -> list[ClipPlan]:
    """Write clips that are morphed from stills, and the tables of their truth.

    Parameters
    ----------
    stills : str or Path
        Folder of stills ``PERSON_EMOTION_anything.jpg``, see `sample.morphs.stills.find_people`.
    folder : str or Path
        Made if missing; files of the same names are replaced.
    num_clips : int
        People take turns.
    seed : int
        The same seed and stills give the same bytes.

    Returns
    -------
    list of ClipPlan

    Raises
    ------
    ValueError
        If the stills show nobody in calm and another emotion.
    """
    plans = plan_morphs(stills, num_clips=num_clips, seed=seed)
    Path(folder).mkdir(parents=True, exist_ok=True)
    write_truth(folder, plans)
    with ThreadPoolExecutor(max_workers=min(MAX_WRITERS, os.cpu_count() or 1)) as pool:
        list(pool.map(lambda plan: _write(Path(folder), plan), plans))
    return plans


def plan_morphs(
    stills: str | Path, *, num_clips: int, seed: int, config: SampleConfig = _CONFIG
) -> list[ClipPlan]:
    """Decide everything about morphed clips before a pixel is drawn.

    Parameters
    ----------
    stills : str or Path
    num_clips, seed : int
        As in `make_morphs`.
    config : SampleConfig, optional
        Looks of the clips; their frame rate is drawn.
    """
    people, detector = find_people(stills), make_detector(FaceConfig())
    names = sorted(people)
    plans: list[ClipPlan] = []
    for index in range(num_clips):
        name, take = names[index % len(names)], index // len(names)
        rng = np.random.default_rng([seed, 4, index])
        drawn = replace(config, fps=int(rng.choice(_FPS)))
        look = draw_stills(people[name], detector, rng)
        emotions = draw_emotions(list(look.emotional), rng)
        role = Role(name, look, write_life(emotions, drawn.fps, rng))
        plans.append(film(f"{name}_{take:02d}", [role], index=index, config=drawn, rng=rng))
    return plans


def _write(folder: Path, plan: ClipPlan) -> None:
    puppets = {actor.look: MorphPuppet(actor.look) for actor in plan.actors if isinstance(actor.look, Stills)}
    write_video(folder / f"{plan.name}.mp4", render_frames(plan, puppets=puppets), fps=plan.fps, crf=plan.crf)
