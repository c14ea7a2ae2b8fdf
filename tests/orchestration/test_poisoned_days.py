"""Poisoned clips on many camera-days: all others are processed, and doctor names each with its reason."""

import pytest

from apexline.orchestration.settings import Settings
from tests.orchestration.poisoned import KINDS, run_days

pytestmark = pytest.mark.slow


def test_every_kind_of_poison_is_named_and_stops_nobody(tmp_path, fast_parameters, tracking_uri):
    settings = Settings(
        home=str(tmp_path / "home"), config=fast_parameters, mlflow_tracking_uri=tracking_uri, num_workers=2
    )
    made = run_days(settings, days=len(KINDS) + 4, poisoned=len(KINDS))
    assert made.unprocessed() == []
    assert made.unnamed() == []
    assert len(made.poisoned) == len(KINDS) + 1
