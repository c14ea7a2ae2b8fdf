"""The purge as the schedule starts it: ``python -m apexline.orchestration.governing``, in a process of its own."""

from datetime import UTC, datetime

from apexline.orchestration.governing.purging import purge
from apexline.orchestration.settings import Settings, keep_private


def main() -> None:
    """Purge this installation, now."""
    keep_private()
    report = purge(Settings(), now=datetime.now(UTC), by="schedule", on_step=lambda *_: None)
    print(report)


if __name__ == "__main__":
    main()
