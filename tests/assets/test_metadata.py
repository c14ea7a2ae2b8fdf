import pytest

from apexline.assets.lake.schemas import TABLES
from apexline.assets.metadata import OWNER, asset_attributes, column_schema, table_preview


def test_about_gives_group_kinds_and_owner():
    assert asset_attributes("faces", "opencv", "parquet") == {
        "group_name": "faces",
        "kinds": {"opencv", "parquet"},
        "owners": [OWNER],
    }


@pytest.mark.parametrize("table", TABLES)
def test_every_column_is_described(table):
    columns = column_schema(table)["dagster/column_schema"].schema.columns
    assert [column.name for column in columns] == TABLES[table].names
    assert all(column.description for column in columns)


def test_units_stand_behind_the_description():
    [column] = [
        c for c in column_schema("flow_features")["dagster/column_schema"].schema.columns if c.name == "speed"
    ]
    assert column.description.endswith("[px/s]")
    assert column.type == "float"


def test_preview_shows_the_first_rows_and_writes_nested_values_out():
    rows = [{"name": "a", "values": [1, 2], "n": number, "none": None} for number in range(30)]
    shown = table_preview(rows, limit=3).records
    assert len(shown) == 3
    assert shown[1].data == {"name": "a", "values": "[1, 2]", "n": 1, "none": "None"}


def test_preview_of_nothing_says_so():
    assert table_preview([]).text == "no rows"


def test_column_schemas_carry_units():
    from apexline.assets.metadata import column_schema

    columns = {
        column.name: column for column in column_schema("face_tracks")["dagster/column_schema"].value.columns
    }
    assert set(columns) == set(TABLES["face_tracks"].names)
    assert columns["time_s"].description.endswith("[s]")
    assert columns["time_s"].type == "double"
    assert "[" not in columns["track_id"].description
