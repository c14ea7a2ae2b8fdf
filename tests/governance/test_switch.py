from datetime import UTC, datetime

import pytest

from apexline.governance.audit import audit_lines
from apexline.governance.switch import resume, stop, stopped

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


def test_who_stopped_first_stays_on_record_until_it_goes_on(tmp_path):
    assert stopped(tmp_path) is None
    stop(tmp_path, by="Ada", why="faces look wrong", now=NOW)
    assert stop(tmp_path, by="Grace", why="me too", now=NOW).by == "Ada"
    found = stopped(tmp_path)
    assert found is not None
    assert found.why == "faces look wrong"
    resume(tmp_path, by="Grace", why="mended", now=NOW)
    assert stopped(tmp_path) is None
    assert [each["action"] for each in audit_lines(tmp_path)] == ["stop", "resume"]


def test_what_goes_on_already_cannot_be_resumed(tmp_path):
    with pytest.raises(LookupError, match="nothing is stopped"):
        resume(tmp_path, by="Ada", why="", now=NOW)


def test_a_damaged_switch_stops(tmp_path):
    (tmp_path / "governance").mkdir()
    (tmp_path / "governance" / "stopped.json").write_text("{")
    assert stopped(tmp_path) is not None
