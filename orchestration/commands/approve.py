"""Make the challenger champion if it wins, in the name of a person: `apexline approve`."""

from typing import Any

from apexline.assets.training import CHALLENGER, CHAMPION, latest_decision, promoted_version
from apexline.orchestration.line import open_line
from apexline.orchestration.settings import Settings


def approve_challenger(settings: Settings, *, by: str) -> dict[str, Any]:
    """Compare challenger and champion on the frozen test split, and promote the challenger if it wins.

    Where somebody moved the alias `champion` in MLflow, it is put back instead, and nothing is compared.

    Returns
    -------
    dict
        The decision, as it is kept.

    Raises
    ------
    ValueError
        Where there is no challenger, or it is champion already.
    """
    with open_line(settings) as line:
        current = line.registry.get_alias(CHAMPION)
        is_moved = promoted_version(line.lake) not in (None, current)
        if not is_moved and line.registry.get_alias(CHALLENGER) in (None, current):
            msg = (
                "there is no challenger to approve that is not champion already; run the job `retrain` first"
            )
            raise ValueError(msg)
        line.run("promote", config={"ops": {"champion": {"config": {"approved_by": by}}}})
        return latest_decision(line.lake)
