"""``python -m apexline.sample``: life-like clips of the sample's portrait, or morphed from a folder of stills."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from apexline.sample.clips import make_sample
from apexline.sample.morphs import make_morphs
from apexline.sample.plan import SEED, SampleConfig, plan_sample
from apexline.sample.stage import ClipPlan


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the clips with their truth, and print what they hold."""
    parser = argparse.ArgumentParser(prog="python -m apexline.sample", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for clips and tables")
    parser.add_argument("--clips", type=int, default=12, help="how many")
    parser.add_argument("--seed", type=int, default=SEED, help="the same seed gives the same clips")
    parser.add_argument("--stills", type=Path, help="folder of stills PERSON_EMOTION_anything.jpg to morph")
    given = parser.parse_args(arguments)
    if given.stills is not None:
        plans = make_morphs(given.stills, given.out, num_clips=given.clips, seed=given.seed)
    else:
        config = SampleConfig(variants=given.clips, group_clips=0, lifelike=True)
        make_sample(given.out, seed=given.seed, config=config)
        plans = plan_sample(seed=given.seed, config=config)
    print(json.dumps(summarise(plans), indent=1))


def summarise(plans: Sequence[ClipPlan]) -> dict[str, float]:
    """Count what clips hold."""
    faces = [(plan, actor) for plan in plans for actor in plan.actors]
    gaps_s = [
        (after.onset - before.offset - 1) / plan.fps
        for plan, actor in faces
        for before, after in zip(actor.episodes[:-1], actor.episodes[1:], strict=True)
    ]
    return {
        "clips": len(plans),
        "minutes": round(sum(plan.num_frames / plan.fps for plan in plans) / 60, 1),
        "expressions": sum(len(actor.episodes) for _, actor in faces),
        "median gap, s": round(float(np.median(gaps_s)), 2),
        "clips that start inside an expression": sum(actor.episodes[0].onset < 0 for _, actor in faces),
    }


if __name__ == "__main__":
    main()
