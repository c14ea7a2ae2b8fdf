import dagster as dg
import pytest
from matplotlib.figure import Figure

from apexline.assets import metadata
from apexline.assets.lake.schemas import TABLES
from apexline.assets.metadata import OWNER, asset_attributes, column_schema, figures, table_preview


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


@pytest.fixture
def drawn(tmp_path):
    """Materialise an asset that draws and explains, and say what it was asked to make and what it shows."""
    days = dg.StaticPartitionsDefinition(["monday", "tuesday"])
    made, changed = [], [True]

    def make(name, value):
        made.append(name)
        return value

    @dg.asset(partitions_def=days, backfill_policy=dg.BackfillPolicy.single_run())
    def explained(context):
        shown = figures(
            context,
            changed=changed[0],
            draw=lambda: [("curves", make("curves", Figure()))],
            tables={"why": lambda: make("why", table_preview([{"n": len(made)}]))},
        )
        return dg.MaterializeResult(metadata={**shown, "preview": table_preview([{"n": 0}])})

    with dg.DagsterInstance.ephemeral(tempdir=str(tmp_path)) as instance:

        def run(*, change, sensor=False, days=("monday",)):
            made.clear()
            changed[0] = change
            tags = {"dagster/sensor_name": "landing_sensor"} if sensor else {}
            if len(days) > 1:
                tags |= {
                    "dagster/asset_partition_range_start": days[0],
                    "dagster/asset_partition_range_end": days[-1],
                }
            result = dg.materialize(
                [explained], instance=instance, partition_key=days[0] if len(days) == 1 else None, tags=tags
            )
            return list(made), result.asset_materializations_for_node("explained")[0].metadata

        yield run


def test_what_did_not_change_is_neither_drawn_nor_explained_again(drawn):
    made, first = drawn(change=True)
    assert made == ["curves", "why"]
    made, second = drawn(change=False)
    assert made == []
    assert {name: second[name] for name in ("curves", "why", "drawn_at")} == {
        name: first[name] for name in ("curves", "why", "drawn_at")
    }
    assert drawn(change=True)[0] == ["curves", "why"]
    assert drawn(change=False, days=("tuesday",))[0] == ["curves", "why"]  # nothing of it was drawn yet


def test_what_a_sensor_asks_for_is_drawn_once_an_hour(drawn, monkeypatch):
    for after_s, made in [(0, ["curves", "why"]), (3540, []), (3660, ["curves", "why"])]:
        monkeypatch.setattr(metadata, "time", lambda after_s=after_s: 1_000_000.0 + after_s)
        assert drawn(change=True, sensor=True)[0] == made


def test_a_run_over_several_camera_days_draws_nothing(drawn):
    made, shown = drawn(change=True, days=("monday", "tuesday"))
    assert made == []
    assert set(shown) & {"curves", "why"} == set()
