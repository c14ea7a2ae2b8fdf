"""Every SQL file is a relation that is built, in the form of the house."""

from __future__ import annotations

import pytest

from apexline.assets.publishing.relations import MARTS, PARAMETERS, SCHEMA, read_sql, sql_names
from apexline.bench.paths import CONFIGS
from apexline.features import load_config
from apexline.features.spotting import SegmentConfig
from apexline.ml.spotting_metrics import MICRO_S


def test_a_missing_sql_file_names_those_there_are() -> None:
    with pytest.raises(KeyError, match="sql/marts holds no 'nothing'.*segments"):
        read_sql("marts", "nothing")


def test_every_sql_file_is_run_and_keeps_the_house_form() -> None:
    assert set(sql_names("marts")) == {*MARTS, "scores_as_of"}
    assert set(sql_names("schema")) == set(SCHEMA)
    assert set(sql_names("staging")) == {"table", "quarantine_records", "clip_pictures"}
    for folder in ("staging", "marts", "checks", "drift"):
        for name in sql_names(folder):
            text = read_sql(folder, name)
            assert text.startswith("-- "), name
            assert "final as (" in text, name
            assert text.endswith("\n)\n\nselect * from final\n"), name
            code = "\n".join(line.split("--")[0] for line in text.splitlines())
            assert "select *" in code
            keywords = ("SELECT", "FROM", "WHERE", "JOIN", "GROUP BY")
            assert not any(word in code for word in keywords), name


def test_micro_is_one_length_everywhere():
    assert PARAMETERS["micro_s"] == SegmentConfig().micro_s == MICRO_S
    assert load_config(CONFIGS / "default.yaml").segments.micro_s == MICRO_S
