"""What makes two crops of one track comparable: regions, gain, ECC."""

from apexline.features.registration.regions import face_regions, region_window, rigid_window
from apexline.features.registration.registrar import Motion, Registrar, match_gain

__all__ = ["Motion", "Registrar", "face_regions", "match_gain", "region_window", "rigid_window"]
