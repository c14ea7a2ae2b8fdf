"""Segments are found anew when what they are found from or by is another."""

import pytest

from apexline.assets.spotting import expression_segments as module
from apexline.assets.spotting.expression_segments import expression_segments
from apexline.features.pipeline import DECIDING_COLUMNS

DAY, CLIP = "2026-03-02_gate-03", "aaaa000011112222"


@pytest.fixture
def computed(materialise, lake):
    """Say how many clips a run computed; their tracks were too short for any row."""
    for table in (*DECIDING_COLUMNS, "face_tracks"):
        lake.write(table, CLIP, [], stamp="first", camera_day=DAY)

    def run():
        found = materialise(expression_segments, camera_day=DAY, lake=lake)
        return found.metadata["clips_computed"].value

    return run


def test_another_forest_finds_anew(computed, monkeypatch, other_file):
    assert [computed(), computed()] == [1, 0]
    monkeypatch.setattr(module, "SHIPPED_FOREST", other_file)
    assert [computed(), computed()] == [1, 0]


@pytest.mark.parametrize("table", DECIDING_COLUMNS)
def test_other_rows_of_texture_motion_or_words_find_anew(computed, lake, table):
    computed()
    lake.write(table, CLIP, [], stamp="second", camera_day=DAY)
    assert [computed(), computed()] == [1, 0]
