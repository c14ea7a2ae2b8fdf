"""A register that lets in what it does not know, for the tests of everything else."""

from datetime import UTC, datetime
from pathlib import Path

from pydantic_settings import SettingsConfigDict

from apexline.governance import folder, register
from apexline.governance.entries import Entry

FOUND, CHECK_STATEMENT = register._found, register._check_statement
_SITE = "wherever a test is"


def found(home, camera, door):
    try:
        return FOUND(home, camera, door)
    except register.Refused as error:
        if error.reason != "unregistered":
            raise
    return Entry(
        camera=camera or "one-that-no-test-named",
        site=_SITE,
        site_type="synthetic",
        purposes=("test",),
        legal_basis="consent",
        responsible="a test",
        expires=datetime(2999, 1, 1, tzinfo=UTC),
    )


def check_statement(entry, purpose, legal_basis):
    if entry.site != _SITE:
        CHECK_STATEMENT(entry, purpose, legal_basis)


def state_below(tmp: Path):
    class State(folder._State):
        model_config = SettingsConfigDict(env_prefix="APEXLINE_")
        home: str = str(tmp)

    return State
