"""The paper's tables, its values beside ours."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from apexline.assets.figures.paper_tables import table_2, table_3
from tests.assets.results import AREAS, result_of


def test_table_2_keeps_the_papers_order_and_appends_further_methods() -> None:
    table = table_2(AREAS)
    assert list(table["name"]) == ["SL + optical flow", "SR + optical flow", "DCP", "HOG", "LBP", "spectral"]
    assert list(table["paper"][:5]) == [0.931, 0.915, 0.568, 0.537, 0.592]
    assert np.isnan(table["paper"][5])
    assert list(table.loc[0, ["value", "low", "high", "synthetic"]]) == [0.9, 0.85, 0.94, True]
    assert table.loc[1:4, "value"].isna().all()


def test_table_3_takes_the_latest_model_of_each_version() -> None:
    rows = [result_of("semantic", 7, 0.9), result_of("semantic", 5, 0.1), result_of("baseline", 2, 0.6)]
    table = table_3(pd.DataFrame(rows))
    assert list(table["recognition_paper"]) == [0.9111, 0.9253, 0.9537]
    assert list(table["classification_paper"]) == [0.9008, 0.9143, 0.9632]
    assert list(table["loss_paper"]) == [0.315, 0.307, 0.322]
    assert table["recognition"].tolist() == pytest.approx([0.6, np.nan, 0.9], nan_ok=True)
    assert table["model_version"].tolist() == pytest.approx([2, np.nan, 7], nan_ok=True)
