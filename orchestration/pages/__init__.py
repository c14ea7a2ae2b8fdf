"""Our own pages over this installation's lake: what is shown, and where it comes from."""

from apexline.orchestration.pages.rating_page import create_rating_page
from apexline.orchestration.pages.review_page import create_review_page

__all__ = ["create_rating_page", "create_review_page"]
