"""Alerts by hand: to see that they arrive.

Belongs here: looking now and telling all of it. Stays out: what is looked at, and what the sensor tells by itself
(``orchestration.watching``).
"""

import dagster as dg

from apexline.assets.lake import Lake
from apexline.orchestration.resources import build_registry
from apexline.orchestration.settings import Settings
from apexline.orchestration.watching import send, watched


def alert_now(settings: Settings) -> list[dict[str, str]]:
    """Send all that is the matter, whether it was told before or not; returns it.

    Raises
    ------
    NotDelivered
        Where an address took no message.
    """
    settings.prepare()
    lake, registry = Lake(settings.home_path), build_registry(settings)
    with dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance:
        problems = watched(settings, lake, registry, instance)
    send(settings, [f"{each.kind}: {each.detail}" for each in problems] or ["nothing is the matter"])
    return [{"kind": each.kind, "detail": each.detail} for each in problems]
