"""FER+, stills, clips, Table 3; makes the shipped model (`ship.py`)."""

from apexline.bench.recognition.trainings import read_plan

__all__ = ["read_plan"]
