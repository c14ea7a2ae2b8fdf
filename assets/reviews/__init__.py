"""What people look at, and what they said of it: a camera's day."""

from apexline.assets.reviews.days import Days, Row, versions_of

__all__ = ["Days", "Row", "versions_of"]
