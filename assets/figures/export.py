"""Figures as bytes, pages and Markdown.

Belongs here: how a drawing leaves as PNG, ``data:`` URI or Markdown. Stays out: drawing.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MARKDOWN_LIMIT = 100_000  # bytes: metadata is stored in the event log and sent whole to the UI
_DPI = 110


def figure_png(figure: Figure, *, dpi: int = _DPI) -> bytes:
    """Draw a figure as PNG; the same figure gives the same bytes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    buffer = io.BytesIO()
    FigureCanvasAgg(figure)
    # Without the software's version in it, the file depends on the numbers alone.
    figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return _with_palette(buffer.getvalue())


@dataclass(frozen=True)
class TimeAxis:
    """Where the first panel's axis of time lies in a picture, so that a page can lay something over it.

    Attributes
    ----------
    left, right : float
        Its ends, shares of the picture's width.
    top, bottom : float
        Of all panels, shares of the picture's height from above.
    from_s, to_s : float
        What stands at its ends, s.
    """

    left: float
    right: float
    top: float
    bottom: float
    from_s: float
    to_s: float


def time_axis(figure: Figure) -> TimeAxis:
    """Return where the axis of time lies in a figure that `figure_png` has drawn."""
    places = [axes.get_position() for axes in figure.axes]
    from_s, to_s = figure.axes[0].get_xlim()
    return TimeAxis(
        left=places[0].x0,
        right=places[0].x1,
        top=1 - max(place.y1 for place in places),
        bottom=1 - min(place.y0 for place in places),
        from_s=float(from_s),
        to_s=float(to_s),
    )


def stacked_png(figures: Sequence[Figure], *, dpi: int = _DPI) -> bytes:
    """Draw figures below each other, left-aligned, as one PNG."""
    pages = [Image.open(io.BytesIO(figure_png(each, dpi=dpi))).convert("RGB") for each in figures]
    whole = Image.new("RGB", (max(each.width for each in pages), sum(each.height for each in pages)), "white")
    top = 0
    for page in pages:
        whole.paste(page, (0, top))
        top += page.height
    buffer = io.BytesIO()
    whole.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def figure_data_uri(figure: Figure, *, dpi: int = _DPI) -> str:
    """Draw a figure as a ``data:`` URI that a page can embed."""
    return png_data_uri(figure_png(figure, dpi=dpi))


def png_data_uri(picture: bytes) -> str:
    """Return a picture (PNG) as a ``data:`` URI that a page can embed."""
    return "data:image/png;base64," + base64.b64encode(picture).decode("ascii")


def figure_markdown(figure: Figure, *, title: str = "figure") -> str:
    """Draw a figure as Markdown of at most 100 kB, for ``MetadataValue.md``.

    Raises
    ------
    ValueError
        Where even a coarse drawing is larger.
    """
    text = ""
    for dpi in (_DPI, 90, 72, 54, 40):
        text = f"![{title}]({figure_data_uri(figure, dpi=dpi)})"
        if len(text) <= MARKDOWN_LIMIT:
            return text
    msg = f"{title!r} takes {len(text)} bytes at 40 dpi, expected at most {MARKDOWN_LIMIT}; draw less in it"
    raise ValueError(msg)


def _with_palette(png: bytes) -> bytes:
    """Store line art with 256 colours: a third of the bytes, and no difference that one could see."""
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(png)) as image:
        image.convert("RGB").quantize(256).save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()
