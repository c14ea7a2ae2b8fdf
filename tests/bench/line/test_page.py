"""The page shows every table, and nothing where a value is not known."""

import re

import pytest

from apexline.bench.line.clips import Distractor, Truth
from apexline.bench.line.measure import (
    alarm_rows,
    loss_of_f1,
    loss_row,
    naming_row,
    naming_rows,
    spotting_row,
    tally,
    version_row,
)
from apexline.bench.line.page import readable, write_report
from apexline.bench.line.run import LineResults
from tests.bench.line.made_faces import find, make_face


@pytest.fixture
def page(tmp_path):
    """Of one face whose only change is happy, a false alarm where nothing was marked, and one that is never seen."""
    faces = [
        make_face(truth=[Truth(20, 30, 39, "happy")], distractors=[Distractor("talk", 50, 60)]),
        make_face("b", seen=()),
    ]
    seen, unseen = tally(faces[0], [find(20, 39), find(100, 120)]), tally(faces[1], [])
    tables = {
        "spotting": [spotting_row("real", [seen]), spotting_row("unseen", [unseen])],
        "alarms": alarm_rows([seen]),
        "naming": [naming_row("real", [seen]), naming_row("unseen", [unseen])],
        "confusion": naming_rows([seen], "real"),
        "versions": [version_row("real", [[find(20, 39)]], {"mirrored": [(1, [find(20, 39)])]})],
        "evidence": [{"without": "words", "real, F1 lost (95 %)": loss_of_f1([seen], [unseen])}],
        "losses": [loss_row("real", faces, [seen, unseen], 1)],
    }
    write_report(LineResults(tables, 57), tmp_path / "new")
    return (tmp_path / "new" / "line.md").read_text(encoding="utf-8")


def test_every_table_is_there(page):
    headings = [
        line.split(" | ")[0] for line in page.splitlines() if re.match(r"\| (on|while|without) ", line)
    ]
    assert headings == ["| on", "| while", "| on", "| without", "| on", "| on", "| on"]
    assert page.startswith("# What the line gives")
    assert "57 people in 10 folds" in re.sub(r"\s+", " ", page)
    assert "| real | 1 | 1.00 |" in page
    assert "| words | +0.667 (+0.67..+0.67) |" in page
    assert "| talk | 0 | .007 | 0.00..503.03 |" in page
    assert "| real | happy | 1 | 1 | 0 | 0 | 0 | 0 |" in page
    assert "| real | 1 | 1 | 1 | 1 | 1 |" in page


def test_what_is_not_known_is_an_empty_cell(page):
    cells = {cell.strip() for line in page.splitlines() if line.startswith("|") for cell in line.split("|")}
    assert [cell for cell in cells if re.search(r"nan|none|inf", cell, re.IGNORECASE)] == []
    assert "| real | 1 | .667 | 1.00 | 1.00 |  | .000 | .100 |" in page
    assert "| unseen | 0 | .000 |  |  |  |  |  |" in page
    assert "| unmarked | 1 | .000 |  |" in page
    assert re.search(
        r"\| unseen \| 0 \| .000 \| 0.00..0.00 \| 0/0 \| 0/0 \| 0 \| .000 \|  \|  \|  \|  \|  \|", page
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0625, ".062"), (-0.5, "-.500"), (1.0, "1.00"), (20.386, "20.39"), (12, "12"), ("a", "a")],
)
def test_numbers_are_short(value, text):
    assert readable(value) == text
