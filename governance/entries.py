"""An entry of the purpose register: a camera at a site, and why what it records may be processed.

Belongs here: what an entry holds, what makes one impossible. Stays out: keeping entries and asking them
(``register``).

Law is cited from secondary sources and may have changed: check with counsel.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Literal, get_args

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

SiteType = Literal[
    "public",
    "retail",
    "transport",
    "healthcare",
    "research",
    "workplace",
    "education",
    "own_recordings",
    "synthetic",
]
SITE_TYPES: tuple[str, ...] = get_args(SiteType)
PROHIBITED = ("workplace", "education")
# Nobody is drawn into these who has not been told: the person who enters them answers for it.
WITHOUT_NOTICE = ("own_recordings", "synthetic")
ARTICLE_5 = (
    "emotion recognition at workplaces and in education is prohibited, but for medical or safety reasons "
    "(Regulation (EU) 2024/1689, Art. 5(1)(f), in force since 2025-02-02)"
)
ARTICLE_50 = "people must be told (Regulation (EU) 2024/1689, Art. 50(3), applicable from 2026-08-02)"
_NO_BASIS = {"", "-", "none", "no", "n/a", "na", "nil", "null", "unknown", "keine", "无"}
# Who is watched there is an employee or a pupil, whatever the site is called.
_AT_WORK = re.compile(
    r"employ|staff|worker|workplace|personnel|colleague|mitarbeit|beschäftigt|angestellt|arbeitsplatz|员工|工作场所",
    re.IGNORECASE,
)
_AT_SCHOOL = re.compile(
    r"pupil|student|school|classroom|lesson|exam(s|inee|ination)|schül|schule|unterricht|studierend|学生|课堂",
    re.IGNORECASE,
)


class Notice(BaseModel):
    """The notice that people can read beside a camera, as it was last printed."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    version: int = Field(ge=1)
    since: date
    languages: tuple[str, ...] = Field(min_length=1)
    says: str


class Exemption(BaseModel):
    """Why a workplace or a place of education may be processed all the same, and the second person who signed it."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    grounds: Literal["medical", "safety"]
    reason: str = Field(min_length=1)
    signed_by: str = Field(min_length=2)
    expires: AwareDatetime


class Entry(BaseModel):
    """A version of what the register says of one camera.

    Parameters
    ----------
    camera, site : str
    site_type : str
        One of `SITE_TYPES`.
    purposes : tuple of str
        Why clips may be processed; each clip states one of them.
    legal_basis : str
    responsible : str
        Person and contact, as the notice prints them.
    impact_assessment : str
        Reference of the data protection impact assessment.
    expires : datetime
        From then on nothing of the camera is processed until it is registered anew.
    notice : Notice, optional
    exemption : Exemption, optional
        For workplaces and education alone.
    withdrawn : bool
        The registration was ended by a person.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    camera: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]*$", max_length=100)
    site: str = Field(min_length=1)
    site_type: SiteType
    purposes: tuple[str, ...] = Field(min_length=1)
    legal_basis: str
    responsible: str = Field(min_length=2)
    impact_assessment: str = ""
    expires: AwareDatetime
    notice: Notice | None = None
    exemption: Exemption | None = None
    withdrawn: bool = False

    @model_validator(mode="after")
    def _check(self) -> Entry:
        if plain(self.legal_basis) in _NO_BASIS:
            msg = f"legal basis: saw {self.legal_basis!r}, expected one of GDPR Art. 6(1), such as consent"
            raise ValueError(msg)
        if not all(plain(each) for each in self.purposes):
            msg = "purpose: saw an empty one, expected why the clips are processed"
            raise ValueError(msg)
        if self.exemption is not None and self.site_type not in PROHIBITED:
            msg = f"saw an exemption for a site of type {self.site_type}, expected one of {PROHIBITED}"
            raise ValueError(msg)
        return self

    @property
    def statement(self) -> str:
        """Digest of what a notice has to say: another purpose, basis or person makes the printed one void."""
        said = [
            self.site,
            self.site_type,
            sorted(map(plain, self.purposes)),
            self.legal_basis,
            self.responsible,
        ]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]

    @property
    def kind(self) -> str:
        """The site's type, or what its purposes show it to be."""
        return self.site_type if self.site_type in PROHIBITED else meant_by(self.purposes) or self.site_type

    def is_exempt(self, now: datetime) -> bool:
        """Tell whether a signed exemption holds at a moment."""
        return self.exemption is not None and now < self.exemption.expires

    def has_notice(self, now: datetime) -> bool:
        """Tell whether people were told what holds now, or need not be."""
        if self.site_type in WITHOUT_NOTICE:
            return True
        notice = self.notice
        today = now.astimezone(UTC).date()
        return notice is not None and notice.since <= today and notice.says == self.statement


def meant_by(purposes: Sequence[str]) -> str:
    """Return ``workplace`` or ``education`` where the words of a purpose mean it; empty otherwise."""
    text = " ".join(purposes)
    return "workplace" if _AT_WORK.search(text) else "education" if _AT_SCHOOL.search(text) else ""


def plain(text: str) -> str:
    """Return a text as it is compared: in lower case, each run of blanks as one."""
    return " ".join(text.split()).casefold()
