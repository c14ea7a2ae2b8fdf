"""Clips morphed from stills of real people: calm to emotional, with the life of the sample's clips; never a result."""

from apexline.sample.morphs.clips import make_morphs, plan_morphs

__all__ = ["make_morphs", "plan_morphs"]
