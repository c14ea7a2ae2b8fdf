"""The finished warehouse is read with UTC times; a missing one names the remedy."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path

import pytest

from apexline.assets.publishing.warehouse_read import open_warehouse, read_relation
from tests.assets.small_lake import at


def test_read_relation_gives_frames_with_utc_times(small_warehouse: Path) -> None:
    with open_warehouse(small_warehouse) as connection:
        frame = read_relation(connection, "promotions")
        assert len(read_relation(connection, "staging.face_tracks")) == 200
        with pytest.raises(KeyError, match="no relation 'nothing'.*segments"):
            read_relation(connection, "nothing")
    assert frame["decided_at"].iloc[0].to_pydatetime() == at("10:00")
    assert frame["decided_at"].iloc[0].utcoffset() == at("10:00").astimezone(UTC).utcoffset()


def test_a_missing_warehouse_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="materialise the asset warehouse"):
        open_warehouse(tmp_path / "warehouse.duckdb")
