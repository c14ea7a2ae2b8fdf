"""Tells somebody that something is the matter: once when it begins, again each day, and when it is over.

Belongs here: what was told already, and how it is told: to the log always, and to the addresses in the settings. Stays
out: what is the matter (``health``).
"""

import json
import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from apexline.orchestration.settings import Settings
from apexline.orchestration.watching.health import Problem

_AGAIN = timedelta(days=1)
_FILE = "alerts.json"


class NotDelivered(OSError):  # noqa: N818  (it says what is the matter)
    """An address took no message."""


def tell(settings: Settings, problems: Sequence[Problem], log: logging.Logger) -> list[str]:
    """Tell of problems that are new, of those told a day ago, and of those that are over; returns the messages.

    What was told stands in ``alerts.json`` in the state folder. It is written after the telling: what could not be
    delivered is told again.

    Raises
    ------
    NotDelivered
        Where an address took no message, after the log got all of them.
    """
    path = settings.state_path / _FILE
    told: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    now = datetime.now(UTC)
    current = {f"{each.kind}: {each.key}": each for each in problems}
    due = {
        key: each
        for key, each in current.items()
        if key not in told or now - datetime.fromisoformat(told[key]) >= _AGAIN
    }
    over = sorted(told.keys() - current.keys())
    messages = [f"{each.kind}: {each.detail}" for each in due.values()] + [f"over: {key}" for key in over]
    if not messages:
        return []
    for message in messages:
        log.warning(message)
    send(settings, messages)
    kept = {key: moment for key, moment in told.items() if key in current}
    _write(path, kept | dict.fromkeys(due, now.isoformat()))
    return messages


def send(settings: Settings, messages: Sequence[str]) -> None:
    """Send messages, as one, to each address in the settings; raises `NotDelivered`."""
    if not settings.alert_urls:
        return
    from apprise import Apprise  # takes a while, and is needed where there is an address only

    failed = 0
    for url in settings.alert_urls:
        target = Apprise()
        is_known = target.add(url.get_secret_value())
        body = "\n\n".join(messages)
        if not (is_known and target.notify(title=f"Apexline: {len(messages)} alerts", body=body)):
            failed += 1
    if failed:
        # The addresses hold passwords.
        msg = (
            f"{failed} of {len(settings.alert_urls)} addresses in APEXLINE_ALERT_URLS took no message; mend them, and "
            "try by `apexline alert`"
        )
        raise NotDelivered(msg)


def _write(path: Path, told: dict[str, str]) -> None:
    aside = path.with_suffix(".part")
    aside.write_text(json.dumps(told, indent=1))
    aside.replace(path)
