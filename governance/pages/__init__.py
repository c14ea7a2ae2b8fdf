"""What people read: notices as page and PDF, the impact assessment's form."""

from apexline.governance.pages.filling import impact_assessment, issue_notice, languages_of, notice_page
from apexline.governance.pages.printing import has_letters_of_reader, notice_pdf

__all__ = [
    "has_letters_of_reader",
    "impact_assessment",
    "issue_notice",
    "languages_of",
    "notice_page",
    "notice_pdf",
]
