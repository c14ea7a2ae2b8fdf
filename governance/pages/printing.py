"""The notice as PDF: the same layers as its page, on A4.

Belongs here: fonts, and how each block of a layer looks on paper. Stays out: what a notice says (``filling``).

Letters are those of DejaVu, which lies inside matplotlib and goes into the file. Chinese ones would need a font of
megabytes: the file names one that programs for PDF bring along or take from the system, and where neither has one they
stay blank, so that whoever prints it has to look (`has_letters_of_reader`). Scripts that run from right to left or join
their letters need more than that: who prints those takes the page, in a browser.
"""

from __future__ import annotations

import html
import io
import unicodedata
from itertools import groupby
from pathlib import Path
from typing import Any

from upath import UPath

from apexline.governance.entries import Entry
from apexline.governance.pages.filling import Layer, notice_layers

_PLAIN, _BOLD, _CHINESE = "DejaVuSans", "DejaVuSans-Bold", "STSong-Light"
_SIZES = {"h1": 20, "h2": 12, "p": 11, "dl": 11, "footer": 8}  # pt, of a short layer
_SIZES_OF_LONG = {"h1": 14, "h2": 10, "p": 9, "dl": 9, "footer": 8}
_BORDER = {False: 3, True: 1}  # pt, of a short layer and of a long one
_PADDING, _TERM_WIDTH = 14, 130  # pt


def notice_pdf(home: UPath | Path, entry: Entry) -> bytes:
    """Return an entry's present notice as PDF; each language begins with its short layer.

    Raises
    ------
    ValueError
        For letters that no font here has, or as `filling.notice_page`.
    """
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.units import mm
    from reportlab.platypus import KeepTogether, SimpleDocTemplate, Spacer, Table, TableStyle

    layers = notice_layers(home, entry)
    letters = _register_fonts()
    file = io.BytesIO()
    title = f"{entry.camera}: {layers[0].blocks[0][1]}"
    sides = dict.fromkeys(("leftMargin", "rightMargin", "topMargin", "bottomMargin"), 15 * mm)
    make: Any = SimpleDocTemplate
    document = make(file, pagesize=A4, title=title, lang=layers[0].code, invariant=1, **sides)
    story: list[Any] = []
    for layer in layers:
        look = TableStyle(
            [
                ("BOX", (0, 0), (-1, -1), _BORDER[layer.is_long], "black"),
                *((f"{side}PADDING", (0, 0), (-1, -1), _PADDING) for side in ("LEFT", "RIGHT")),
                ("BOTTOMPADDING", (0, -1), (-1, -1), _PADDING),
            ]
        )
        rows = [[each] for each in _flowables(layer, letters, document.width)]
        story += [
            KeepTogether([Table(rows, colWidths=[document.width], style=look, splitInRow=1)]),
            Spacer(0, 8 * mm),
        ]
    document.build(story)
    return file.getvalue()


def has_letters_of_reader(pdf: bytes) -> bool:
    """Tell whether a notice has letters whose font is not in the file."""
    return _CHINESE.encode() in pdf


def _register_fonts() -> frozenset[int]:
    """Make the fonts known, and return the code points that DejaVu has."""
    import matplotlib
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.pdfbase.ttfonts import TTFont

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    for name in (_PLAIN, _BOLD):
        pdfmetrics.registerFont(TTFont(name, str(folder / f"{name}.ttf")))
    pdfmetrics.registerFont(UnicodeCIDFont(_CHINESE))
    found: Any = pdfmetrics.getFont(_PLAIN)
    return frozenset(found.face.charToGlyph)


def _flowables(layer: Layer, letters: frozenset[int], width: float) -> list[Any]:
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.platypus import Paragraph, Table

    sizes = _SIZES_OF_LONG if layer.is_long else _SIZES

    def paragraph(kind: str, text: str, *, bold: bool = False) -> Any:
        size = sizes[kind]
        style = ParagraphStyle(
            kind,
            fontName=_BOLD if bold else _PLAIN,
            fontSize=size,
            leading=1.35 * size,
            spaceAfter=size / 2,
            wordWrap="CJK" if layer.code.startswith("zh") else None,
        )
        return Paragraph(_marked(text, letters), style)

    found: list[Any] = []
    for kind, said in layer.blocks:
        if kind == "dl":
            rows = [[paragraph(kind, term, bold=True), paragraph(kind, str(value))] for term, value in said]
            widths = [_TERM_WIDTH, width - _TERM_WIDTH - 2 * _PADDING]
            found.append(
                Table(rows, colWidths=widths, style=[("LEFTPADDING", (0, 0), (0, -1), 0)], splitInRow=1)
            )
        else:
            found.append(paragraph(kind, said, bold=kind in ("h1", "h2")))
    return found


def _marked(text: str, letters: frozenset[int]) -> str:
    """Return a text as markup that names the font of its Chinese letters.

    Raises
    ------
    ValueError
        For letters that no font here has, or that have to be joined or turned.
    """
    text = unicodedata.normalize("NFC", text)
    lacking = {each for each in text if not _is_chinese(each) and not _is_drawn_alone(each, letters)}
    if lacking:
        seen = f"{''.join(sorted(lacking))!r} in {text[:40]!r}"
        msg = f"no PDF: saw {seen}, expected letters that a font here has; a browser prints the page"
        raise ValueError(msg)
    return "".join(
        f'<font name="{_CHINESE}">{run}</font>' if chinese else run
        for chinese, each in groupby(text, key=_is_chinese)
        for run in [html.escape("".join(each))]
    )


def _is_chinese(letter: str) -> bool:
    # Signs of Chinese text, ideographs, and forms of full width; less the kana between them.
    return "\u3000" <= letter <= "\u303f" or "\u3400" <= letter <= "\u9fff" or "\uff00" <= letter <= "\uff65"


def _is_drawn_alone(letter: str, letters: frozenset[int]) -> bool:
    is_turned = unicodedata.bidirectional(letter) in ("R", "AL")
    is_joined = unicodedata.category(letter) in ("Mn", "Mc")
    return letter.isspace() or (ord(letter) in letters and not is_turned and not is_joined)
