"""How good the faces of a track are."""

from apexline.assets.lake.face_quality import measures_at

DAY, CLIP = "2026-03-02_gate-03", "aaaa000011112222"


def test_a_track_that_was_not_kept_has_no_measures(measured_lake):
    assert measures_at(measured_lake, DAY, CLIP, [("another", 1)]) == {}
