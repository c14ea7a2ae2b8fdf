"""Networks as they are run, wherever they were learned: what ``features`` and ``ml`` share."""

from apexline.networks.session import Session
from apexline.networks.trunk import Trunk, standardise

__all__ = ["Session", "Trunk", "standardise"]
