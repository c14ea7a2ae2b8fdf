"""The synthetic sample of `make demo` and the tests: plan, portrait, marks, clips. Never a result."""

from apexline.sample.clips import make_puppets, make_sample, write_clip
from apexline.sample.plan import SampleConfig, plan_clip

__all__ = ["SampleConfig", "make_puppets", "make_sample", "plan_clip", "write_clip"]
