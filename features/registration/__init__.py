"""What makes two crops of one track comparable: regions, gain, ECC."""

from apexline.features.registration.regions import face_regions, region_window, rigid_window
from apexline.features.registration.registrar import Motion, Registrar, matching_gains

__all__ = ["Motion", "Registrar", "face_regions", "matching_gains", "region_window", "rigid_window"]
