"""The notice as PDF says what its page says, or why there is none."""

import io
from datetime import UTC, datetime, timedelta
from importlib.resources import files

import pypdf
import pytest

from apexline.governance.entries import Entry
from apexline.governance.pages.filling import issue_notice, notice_layers
from apexline.governance.pages.printing import has_letters_of_reader, notice_pdf
from apexline.governance.register import enter

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


def noticed(home, languages, **changes):
    made = {
        "camera": "gate-01",
        "site": "North gate <b>",
        "site_type": "public",
        "purposes": ("visitor survey",),
        "legal_basis": "consent",
        "responsible": "Ada Lovelace, ada@example.org",
        "expires": NOW + timedelta(days=300),
    }
    enter(home, Entry(**{**made, **changes}), by="Ada", now=NOW)
    return issue_notice(home, "gate-01", by="Ada", since=NOW.date(), languages=languages, now=NOW)[0]


def said_by(pdf):
    return [each.extract_text() for each in pypdf.PdfReader(io.BytesIO(pdf)).pages]


def squeezed(text):
    return "".join(text.split())


@pytest.mark.parametrize("languages", [("en",), ("de", "en"), ("zh",), ("en", "de", "zh")])
def test_the_pdf_says_all_that_the_page_says(tmp_path, languages):
    entry = noticed(tmp_path, languages)
    pdf = notice_pdf(tmp_path, entry)
    printed = squeezed("".join(said_by(pdf)))
    for layer in notice_layers(tmp_path, entry):
        for kind, said in layer.blocks:
            for text in [each for pair in said for each in pair] if kind == "dl" else [said]:
                assert squeezed(text) in printed
    assert has_letters_of_reader(pdf) is ("zh" in languages)


def test_it_is_for_a4_and_names_its_language(tmp_path):
    found = pypdf.PdfReader(io.BytesIO(notice_pdf(tmp_path, noticed(tmp_path, ("de",)))))
    assert [round(float(side)) for side in found.pages[0].mediabox[2:]] == [595, 842]
    assert found.root_object["/Lang"] == "de"
    assert found.metadata.title.startswith("gate-01: Video mit")


def test_letters_of_all_fonts_stand_in_one_line(tmp_path):
    pdf = notice_pdf(tmp_path, noticed(tmp_path, ("en",), responsible="Ada Ловлейс, 李娜"))
    assert "Ada Ловлейс, 李娜" in "".join(said_by(pdf))


@pytest.mark.parametrize("letters", ["إشعار", "הודעה", "सूचना", "お知らせ"])
def test_letters_that_cannot_be_printed_are_named(tmp_path, letters):
    with pytest.raises(ValueError, match="no PDF: saw .* a browser prints the page"):
        notice_pdf(tmp_path, noticed(tmp_path, ("en",), site=letters))


def test_an_entry_without_a_notice_has_no_pdf(tmp_path):
    entry = noticed(tmp_path, ("en",)).model_copy(update={"notice": None})
    with pytest.raises(ValueError, match="no notice yet"):
        notice_pdf(tmp_path, entry)


def test_a_long_entry_goes_on_over_pages(tmp_path):
    text = (files("apexline.governance") / "texts" / "en.yaml").read_text(encoding="utf-8")
    own = tmp_path / "governance" / "texts"
    own.mkdir(parents=True)
    (own / "xx.yaml").write_text(text.replace("Access, ", "Access, " * 2000))
    pages = said_by(notice_pdf(tmp_path, noticed(tmp_path, ("xx",))))
    assert len(pages) > 3
    assert squeezed("".join(pages)).count("Access,") == 2000
