"""Answers to surveys, as files."""

import numpy as np
import pytest
from upath import UPath

from apexline.assets.lake.storage import Lake
from apexline.assets.semantics.rating_surveys import import_scale_table
from tests.assets.semantics.surveyed import HEADER


@pytest.fixture
def lake(tmp_path):
    return Lake(UPath(tmp_path / "home"))


@pytest.fixture
def answers(tmp_path):
    def write(name, *rows):
        path = tmp_path / name
        path.write_text(HEADER + "".join(f"{row}\n" for row in rows))
        return path

    return write


@pytest.fixture
def voices(lake, tmp_path):
    """Import a survey of 12 scales on sliders by 6 raters of 40 stimuli; the form is called "voices"."""

    def write(name, lines):
        path = tmp_path / name
        path.write_text("".join(f"{line}\n" for line in lines))
        return path

    rng = np.random.default_rng(0)
    axes = rng.normal(size=(12, 3))
    scales = [f"w{i}" for i in range(12)]
    poles = write("voices.csv", ["left_en,right_en", *(f"v{i},w{i}" for i in range(12))])
    norms = write(
        "norms.csv",
        ["term,component,E_mean,P_mean,A_mean"]
        + [f"w{i},modifier,{-p},{-d},{-a}" for i, (p, a, d) in enumerate(axes)]
        + [f"v{i},modifier,{p},{d},{a}" for i, (p, a, d) in enumerate(axes)],
    )
    points = rng.normal(size=(40, 3))
    rows = []
    for rater in range(6):
        values = np.clip(50 - 8 * points @ axes.T + 5 * rng.normal(size=(40, 12)), 0, 100).round()
        rows += [f"r{rater},s{k}," + ",".join(f"{v:g}" for v in row) for k, row in enumerate(values)]
    table = write("table.csv", ["rater,segment," + ",".join(scales), *rows])
    return import_scale_table(lake, table, poles=poles, norms=norms, rater="rater", stimulus="segment")
