"""Make the challenger champion if it wins, in the name of a person: `apexline approve`."""

from typing import Any

from apexline.assets.training import CHALLENGER, CHAMPION, latest_decision
from apexline.orchestration.line import open_line
from apexline.orchestration.settings import Settings


def approve_challenger(settings: Settings, *, by: str) -> dict[str, Any]:
    """Compare challenger and champion on the frozen test split, and promote the challenger if it wins.

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
        if line.registry.get_alias(CHALLENGER) in (None, line.registry.get_alias(CHAMPION)):
            msg = (
                "there is no challenger to approve that is not champion already; run the job `retrain` first"
            )
            raise ValueError(msg)
        line.run("promote", config={"ops": {"champion": {"config": {"approved_by": by}}}})
        return latest_decision(line.lake)
