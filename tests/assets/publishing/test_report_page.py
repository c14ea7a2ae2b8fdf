"""The report: well-formed, self-contained, honest about synthetic numbers and about what is missing."""

from __future__ import annotations

import base64
import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import pandas as pd

from apexline.assets.publishing.report_page import (
    MAX_SEGMENTS,
    ChampionSummary,
    ReportContext,
    render_report,
)
from tests.assets.results import AREAS, result_of

NOW = datetime(2026, 3, 4, 12, 30, tzinfo=UTC)
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


class Page(HTMLParser):
    """Reads a page strictly: every element is closed in order; collects text, images and addresses."""

    def __init__(self, html: str):
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: Counter[str] = Counter()
        self.images: list[dict[str, str | None]] = []
        self.addresses: list[str] = []
        self.texts: list[str] = []
        self.feed(html)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        values = dict(attrs)
        self.addresses += [value or "" for key, value in attrs if key in {"src", "href"}]
        if tag == "img":
            self.images.append(values)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in VOID, f"{tag} may not close itself"
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> in the wrong place"

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.texts.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.texts))


def test_the_page_is_well_formed_and_loads_nothing_from_elsewhere(full: ReportContext) -> None:
    page = Page(render_report(full))
    assert page.tags["html"] == page.tags["body"] == page.tags["h1"] == 1
    assert page.tags["script"] == 1  # sorts and filters; its own
    own = ("data:image/png;base64,", "#", "http://127.0.0.1:8010/days/")
    assert all(address.startswith(own) for address in page.addresses)


def test_contents_lead_to_every_section_and_times_to_the_timeline(full: ReportContext) -> None:
    html = render_report(full)
    page = Page(html)
    anchors = {address[1:] for address in page.addresses if address.startswith("#")}
    assert anchors == set(re.findall(r'<section id="([\w-]+)">', html)) - {"more-figures"}
    timeline = "http://127.0.0.1:8010/days/2026-03-02_gate-01/segments/111111111111-10"
    assert timeline in page.addresses


def test_an_abstention_is_no_answer(full: ReportContext) -> None:
    silent = full.segments.head(1).assign(abstained=True, reasons=[["low confidence", "blurred face"]])
    html = render_report(replace(full, segments=silent))
    row = next(each for each in html.split("<tr>") if "111111111111-10" in each)
    assert "no answer: low confidence, blurred face" in row
    assert not re.search(r"happy|0\.75|0\.61|glad", row)
    old = render_report(replace(full, segments=full.segments.head(1).assign(abstained=None)))
    assert "no answer:" not in old  # scored before models abstained


TRUTH = pd.DataFrame(
    [("angry", "happy", 6, True), ("angry", "no answer", 2, True),
     ("happy", "happy", 5, True), ("scared", "scared", 1, True)],
    columns=["truth", "said", "segments", "synthetic"],
)  # fmt: skip


def test_the_champions_words_stand_against_the_truth(full: ReportContext) -> None:
    text = Page(render_report(replace(full, against_truth=TRUTH))).text
    assert "Labelled says happy says scared says no answer Right of those answered" in text
    assert "angry 6 0 2 0 of 6 happy 5 0 0 5 of 5 scared 0 1 0 1 of 1" in text
    assert "14 annotated expressions were found and scored, 12 answered, 6 of those as labelled" in text
    assert "It is not among the versions that were tested" in text
    tested = replace(full, champion=ChampionSummary(4, "baseline", "demo", NOW))
    assert "it recognises 81.0 % and classifies 81.0 % rightly" in Page(render_report(tested)).text
    assert "there is no truth to hold it against" in Page(render_report(full)).text


def test_an_answer_that_is_given_to_nearly_all_faces_is_said_at_the_top(full: ReportContext) -> None:
    def said(rows: pd.DataFrame) -> bool:
        text = Page(render_report(replace(full, against_truth=rows))).text
        return (
            "The champion says “happy” of 11 of 12 annotated expressions, 5 of which are labelled so." in text
        )

    assert said(TRUTH)
    assert not said(TRUTH.assign(said=TRUTH["truth"]))
    assert not said(TRUTH.head(1))  # too few to tell


def test_every_figure_is_embedded_with_words_for_those_who_cannot_see_it(full: ReportContext) -> None:
    page = Page(render_report(full))
    assert len(page.images) == len(full.figures) + 2  # and the plots beside Tables 2 and 3
    for image in page.images:
        assert base64.b64decode((image["src"] or "").partition(",")[2]).startswith(b"\x89PNG")
        assert image["alt"]


def test_figures_stand_in_the_papers_order_and_missing_ones_are_named(full: ReportContext) -> None:
    text = Page(render_report(full)).text
    assert text.index("Figure 5: title") < text.index("Figure 10: title")
    assert "for lack of data: Figure 6, Figure 7, Figure 8, Figure 9, Figure 11." in text


def test_header_says_what_when_and_by_what(full: ReportContext) -> None:
    text = Page(render_report(full)).text
    assert "2026-03-04 12:30:00 UTC" in text
    assert "version 3 (semantic), approved by demo & co" in text
    assert "configs/default.yaml, hash cafe" in text
    assert "run-1" in text


def test_text_is_escaped(full: ReportContext) -> None:
    html = render_report(full)
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;.mp4" in html
    assert "glad, &lt;excited&gt;" in html


def test_it_never_claims_feelings_or_identity(full: ReportContext, bare: ReportContext) -> None:
    for context in (full, bare):
        text = Page(render_report(context)).text
        assert "apparent expression, never what a person feels; never identity" in text


def blocks(html: str) -> dict[str, str]:
    return dict(re.findall(r'<section id="([\w-]+)">(.*?)</section>', html, flags=re.DOTALL))


def test_synthetic_stands_once_in_a_block_or_beside_each_number_of_a_mixed_one(full: ReportContext) -> None:
    html = render_report(full)
    assert "Synthetic data." in html
    badge = '<span class="badge">synthetic</span>'
    for name in ("table-3", "spotting", "camera-days", "segments", "semantic-space", "promotions", "figures"):
        block = blocks(html)[name]
        assert block.count(badge) == 1, name
        assert badge in block.partition("</h2>")[0], name
    rows = blocks(html)["table-2"].split("<tr>")
    assert [badge in row for row in rows if "SL + optical" in row or "spectral" in row] == [True, False]
    mixed = pd.concat([full.segments.head(1), full.segments.head(1).assign(synthetic=False)])
    block = blocks(render_report(replace(full, segments=mixed)))["segments"]
    assert [badge in row for row in block.split("<tr ") if "111111111111-10" in row] == [True, False]


def test_real_data_carries_no_banner(bare: ReportContext) -> None:
    real = replace(
        bare,
        areas=AREAS.assign(synthetic=False),
        comparison=pd.DataFrame([result_of("semantic", 2, 0.8, synthetic=False)]),
    )
    assert "synthetic" not in Page(render_report(real)).text.lower()


def test_a_listed_segment_says_why(full: ReportContext) -> None:
    html = render_report(full)
    assert html.count("<summary>why</summary>") == 1  # the other has no reason
    assert "found by &lt;motion&gt;. Moved far enough." in html


def test_an_empty_platform_says_what_is_missing(bare: ReportContext) -> None:
    text = Page(render_report(bare)).text
    for sentence in (
        "none yet: nothing has been promoted",
        "No clip has been taken in.",
        "No expression segment was found.",
        "No ratings yet",
        "No clip carries annotations",
        "No model has been put forward yet.",
        "Nothing was refused.",
        "Figure 5, Figure 6, Figure 7, Figure 8, Figure 9, Figure 10, Figure 11.",
    ):
        assert sentence in text


def test_the_papers_values_stand_even_without_ours(bare: ReportContext) -> None:
    text = Page(render_report(bare)).text
    for value in ("0.931", "0.915", "0.568", "0.537", "0.592", "0.315", "0.307", "0.322"):
        assert value in text
    for value in ("91.11 %", "92.53 %", "95.37 %", "90.08 %", "91.43 %", "96.32 %"):
        assert value in text


def test_tables_show_intervals_beside_the_papers_values(full: ReportContext) -> None:
    text = Page(render_report(full)).text
    assert "SL + optical flow 0.931 0.900 [0.850, 0.940]" in text
    assert (
        "Original DeepID CNN v4 0.315 0.500 91.11 % 81.0 % [76.0, 86.0] 90.08 % 81.0 % [76.0, 86.0]" in text
    )
    assert "+ expression features 0.307 – 92.53 % – 91.43 % –" in text


def test_unsupported_axes_are_named(full: ReportContext) -> None:
    text = Page(render_report(full)).text
    assert "pleasure 0.970 good 0.500 0.900 1.500" in text
    assert "arousal 0.900 fair 0.550 0.800 1.100" in text
    assert "dominance 0.400 unsupported 0.600 0.200 1.600" in text
    assert "The data does not support: dominance." in text
    assert "Reliability of the raters' mean (ICC) –" in text  # it could not be estimated
    assert "Sphericity (Bartlett), p < 0.001" in text


def test_totals_segments_spotting_and_checks_are_shown(full: ReportContext) -> None:
    text = Page(render_report(full)).text
    assert "1,097 kept frames" in text
    assert "2026-03-02 gate-01 2 2 1,097 / 1,100 0.900 140 2 1" in text
    assert "1 quarantined" in text
    assert "overall 1 3 1 0.250 0.500 0.333 22.50" in text
    assert "micro 0 0 1 – 0.000 0.000 0.00" in text
    reason = "why found by <motion>. Moved far enough."
    assert f"2026-03-02 08:15:00 gate-01 111111111111-10 {reason} 0.40 micro happy 0.75 0.50 0.61 –" in text
    assert "222222222222-12 0.40 micro not scored by the champion yet" in text
    assert "misplaced clips 0 orphans 1" in text


def test_long_segment_lists_are_cut_and_say_so(full: ReportContext) -> None:
    many = pd.concat([full.segments.head(1)] * (MAX_SEGMENTS + 5))
    text = Page(render_report(replace(full, segments=many))).text
    assert text.count("111111111111-10") == MAX_SEGMENTS
    assert f"The first {MAX_SEGMENTS} of {MAX_SEGMENTS + 5}" in text
