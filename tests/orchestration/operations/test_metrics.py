"""Numbers that Prometheus can read."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from apexline.orchestration.operations.metrics import metrics_text
from apexline.orchestration.operations.recording.ledger import Ledger
from apexline.orchestration.settings import Settings


@pytest.fixture
def values(tmp_path, tracking_uri):
    """The metrics of a home with one clip that waits and a recorder."""
    settings = Settings(home=str(tmp_path / "home"), mlflow_tracking_uri=tracking_uri)
    settings.prepare()
    folder = settings.home_path / "clips" / "2026-03-02_gate-03"
    folder.mkdir(parents=True)
    (folder / f"{'0' * 16}.json").write_text("{}")
    ledger = Ledger(settings.state_path / "recordings" / "gate-03")
    ledger.counts.received, ledger.counts.written = 9, 7
    ledger.counts.dropped["no_room"] = 2
    ledger.note("clip", 1_772_438_400.0, **ledger.counts.as_dict())
    families = text_string_to_metric_families(metrics_text(settings).decode())
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
    }


def test_a_home_is_told_in_numbers(values):
    assert values["apexline_clips",] == 1
    assert values["apexline_camera_days_unprocessed",] == 1
    assert values["apexline_clips_failed",] == values["apexline_files_quarantined",] == 0
    assert values["apexline_disk_free_bytes",] > 0


def test_a_recorder_is_told_in_numbers(values):
    frames = {key[1]: value for key, value in values.items() if key[0] == "apexline_recorder_frames"}
    assert frames == {"received": 9, "written": 7, "missing": 0, "dropped": 2}
