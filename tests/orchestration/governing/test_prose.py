"""Numbers in prose: each is a fact, or it is told apart."""

import pytest

from apexline.ml.deepid.pretrained import load_pretrained
from apexline.ml.evaluation import shipped_card, shipped_sheet
from apexline.orchestration.governing.prose import printed_numbers


def orphans(page, facts):
    return [(each.line, each.text) for each in printed_numbers(page, facts) if not each.key]


@pytest.mark.parametrize(
    ("said", "fact"),
    [
        ("right of 0.727", 0.72699),
        ("limit | 32.000 |", 32.0),
        ("coverage is 0.8,", 0.8),
        ("temperature 1.25, fitted", 1.2468),
        ("17% with soft labels", 0.1666),
        ("26,228 weights", 26228),
        ("26228 faces", 26228),
        ("between -0.5 and", -0.5),
        ("dark (< 80) faces", "light dark (< 80)"),
    ],
)
def test_a_fact_is_found_however_it_is_printed(said, fact):
    [found] = printed_numbers(said, {"page": {"fact": fact}})
    assert found.key == "page/fact"


@pytest.mark.parametrize("said", ["right of 0.728", "of 12 faces", "9% of them", "-0.727"])
def test_another_number_is_nobodys(said):
    assert len(orphans(said, {"accuracy": 0.72699, "known": True, "none": None})) == 1


@pytest.mark.parametrize("said", ["FER2013's faces", "hash `01234567`", "eq. 25-27", "(article 5(1)(f))"])
def test_names_hashes_and_sources_are_no_figures(said):
    assert printed_numbers(said, {}) == []


def test_of_facts_that_read_alike_the_one_counts_that_the_line_names():
    facts = {"recall": {"happy": 0.5, "calm": 0.5}}
    assert [each.key for each in printed_numbers("calm 0.500", facts)] == ["recall/calm"]


def test_every_number_of_the_shipped_pages_is_a_fact():
    card = load_pretrained().card
    facts = {"card": card, "split_hash": "0123456789abcdef"}
    for page in (shipped_card(card), shipped_sheet(card, split_hash=facts["split_hash"])):
        assert printed_numbers(page, facts)
        assert orphans(page, facts) == []
