"""What columns are described by."""

import pytest

from apexline.assets.lake.schemas import TABLES


@pytest.mark.parametrize("table", TABLES)
def test_descriptions_hold_nothing_that_a_page_takes_for_a_tag(table):
    """Dagster shows them as Markdown, and leaves out what looks like HTML."""
    texts = [(field.metadata or {}).get(b"description", b"").decode() for field in TABLES[table]]
    assert all(texts)
    assert [text for text in texts if "<" in text] == []
