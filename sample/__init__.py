"""The synthetic sample of `make demo` and the tests: plan, portrait, marks, clips. Never a result."""

from apexline.sample.clips import make_sample
from apexline.sample.plan import SampleConfig

__all__ = ["SampleConfig", "make_sample"]
