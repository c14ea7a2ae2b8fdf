from datetime import UTC, datetime

import pytest

from apexline.governance.audit import audit_lines
from apexline.governance.incidents import incidents_of, note_incident

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


def test_notes_on_an_incident_tell_one_story(tmp_path):
    first = note_incident(tmp_path, by="Ada", what="a wrong person was asked", severity="major", now=NOW)
    note_incident(
        tmp_path,
        by="Grace",
        what="she was told",
        severity="major",
        now=NOW,
        told=("the person", "authority"),
        follows=first.incident,
        closed=True,
    )
    assert [(each.incident == first.incident, each.closed) for each in incidents_of(tmp_path)] == [
        (True, False),
        (True, True),
    ]
    assert len(audit_lines(tmp_path, actions=["incident"])) == 2


def test_what_is_no_incident_is_refused(tmp_path):
    with pytest.raises(ValueError, match="'huge'"):
        note_incident(tmp_path, by="Ada", what="something", severity="huge", now=NOW)
    with pytest.raises(ValueError, match="what happened"):
        note_incident(tmp_path, by="Ada", what=" ", severity="minor", now=NOW)
    with pytest.raises(LookupError, match="no incident"):
        note_incident(tmp_path, by="Ada", what="more", severity="minor", now=NOW, follows="none")
    assert incidents_of(tmp_path) == []
