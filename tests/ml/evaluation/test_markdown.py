import jinja2
import pandas as pd
import pytest

from apexline.ml.evaluation.markdown import markdown_pages, markdown_table


def number(value: float) -> str:
    return f"{value:.1f}" if isinstance(value, float) else f"{value} exactly"


def test_tables_from_frames_keep_whole_numbers_and_mark_what_is_missing():
    table = pd.DataFrame({"name": ["a", "b"], "value": [0.12, None], "count": [3, 4]})
    assert markdown_table(table, number, missing="–").splitlines() == [
        "| name | value | count |",
        "|---|---|---|",
        "| a | 0.1 | 3 exactly |",
        "| b | – | 4 exactly |",
    ]


def test_tables_from_rows_have_every_column_in_the_order_of_appearance():
    rows = [{"b": 1, "a": "x"}, {"c": float("nan"), "a": "y", "b": 2}]
    assert markdown_table(rows, number).splitlines() == [
        "| b | a | c |",
        "|---|---|---|",
        "| 1 exactly | x |  |",
        "| 2 exactly | y |  |",
    ]


def test_templates_show_numbers_and_tables_as_they_are_told_and_escape_nothing():
    pages = markdown_pages("apexline.ml", number)
    assert pages.from_string("{{ 2.0 | number }} & {{ rows | table }}").render(rows=[{"<": 1}]) == (
        "2.0 & | < |\n|---|\n| 1 exactly |"
    )
    with pytest.raises(jinja2.UndefinedError, match="'absent' is undefined"):
        pages.from_string("{{ absent }}").render()
