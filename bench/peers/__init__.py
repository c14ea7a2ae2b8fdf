"""Scripts run by the peer's own Python (``.venv-fer``)."""

from apexline.bench.peers.environment import FER_PYTHON

__all__ = ["FER_PYTHON"]
