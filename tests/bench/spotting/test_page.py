"""The page of the benchmark of spotting."""

from apexline.bench.spotting import page as spotting_report
from apexline.ml.evaluation.markdown import markdown_table


def test_the_verdict_names_those_it_does_not_hold_against():
    rows = [
        {"one": "sl + flow, or", "other": peer, "AUC difference": 0.1, "intervals apart": apart}
        for peer, apart in (("dcp", "yes"), ("hog", "no"), ("lbp", "yes"))
    ]
    assert spotting_report.verdicts(rows) == [("sl + flow, or", ["dcp", "lbp"], ["hog"])]


def test_tables_keep_small_and_large_numbers_readable():
    rows = [{"a": 0.5, "b": 120.0}, {"a": float("nan"), "c": "x"}]
    text = markdown_table(rows, spotting_report.readable)
    assert text.splitlines()[2:] == ["| 0.500 | 120.0 |  |", "|  |  | x |"]
