"""``apexline register``, ``notice``, ``audit``, ``hold`` and the like: what the officer of an installation gives.

What is heavy is imported where it is first needed, since every command waits for this room.
"""

from apexline.orchestration.commands.governing import records
from apexline.orchestration.commands.governing.fairness import consented, fairness
from apexline.orchestration.commands.governing.keeping import evidence, export, purge
from apexline.orchestration.commands.governing.notices import dpia, notice
from apexline.orchestration.commands.governing.records import audit_app, people_app
from apexline.orchestration.commands.governing.registering import register, registered

COMMANDS = (
    register,
    registered,
    notice,
    dpia,
    purge,
    export,
    consented,
    fairness,
    evidence,
    *records.ENTRIES,
)
APPS = {"audit": audit_app, "people": people_app}

__all__ = ["APPS", "COMMANDS"]
