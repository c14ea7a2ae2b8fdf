"""What Dagster loads: the definitions built from this machine's settings."""

import dagster as dg

from orchestration.build import build_definitions
from orchestration.settings import Settings


@dg.definitions
def definitions() -> dg.Definitions:
    """Return assets, jobs, schedules, sensors and resources."""
    return build_definitions(Settings())
