"""Bytes and Markdown of figures keep their promises."""

from __future__ import annotations

import base64
import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

from apexline.assets.explain.wording import explain_track
from apexline.assets.figures import export
from apexline.assets.figures.curves import face_strip, flow_curves
from apexline.assets.figures.export import MARKDOWN_LIMIT, figure_markdown, figure_png, stacked_png, time_axis
from apexline.assets.figures.style import text_block
from apexline.features.spotting.decisions import Decision
from tests.assets.decided_track import TRACK, view
from tests.assets.figures.drawn import TRUTH


def test_figures_are_small_enough_for_the_ui(
    smile: Decision, crops: dict[tuple[str, int], np.ndarray]
) -> None:
    track = explain_track(TRACK, view(smile), crops)
    drawn: list[Figure] = [track.explanations[0].figure]
    if track.curves is not None:
        drawn.append(track.curves)
    assert len(drawn) == 2
    for figure in drawn:
        assert len(figure_markdown(figure)) <= MARKDOWN_LIMIT


def test_the_same_figure_gives_the_same_bytes(flow: pd.DataFrame) -> None:
    def draw(_: int) -> bytes:
        return figure_png(flow_curves(flow, roi="left_brow", truth=TRUTH, synthetic=True))

    with ThreadPoolExecutor(2) as pool:  # two threads at once: nothing is shared
        first, second = pool.map(draw, range(2))
    assert first == second
    with Image.open(io.BytesIO(first)) as image:
        assert image.format == "PNG"
        assert image.size == (round(8.4 * 110), round(4.9 * 110))


def test_figures_are_stacked_below_each_other() -> None:
    blocks = [text_block("one", ["a line"]), text_block("two", ["a line " * 40], size=12)]
    with Image.open(io.BytesIO(stacked_png(blocks))) as image:
        heights = [Image.open(io.BytesIO(figure_png(each))).height for each in blocks]
        assert image.size == (round(8.4 * 110), sum(heights))
    assert heights[1] > heights[0]  # a long line is wrapped, not cut


def test_markdown_is_an_embedded_image_of_at_most_100_kb() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (400, 400))
    text = figure_markdown(face_strip([("noise", noise)] * 4, synthetic=True), title="faces")
    assert text.startswith("![faces](data:image/png;base64,")
    assert len(text) <= MARKDOWN_LIMIT
    with Image.open(io.BytesIO(base64.b64decode(text.partition("base64,")[2].rstrip(")")))) as image:
        assert image.format == "PNG"


def test_a_figure_too_large_for_markdown_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "MARKDOWN_LIMIT", 300)
    strip = face_strip([("grey", np.zeros((8, 8)))], synthetic=True)
    with pytest.raises(ValueError, match="'wall' takes .* at 40 dpi, expected at most 300; draw less"):
        figure_markdown(strip, title="wall")


def test_the_axis_of_time_lies_where_the_picture_shows_it() -> None:
    figure = Figure(figsize=(4, 2), layout="constrained", facecolor="white")
    axes = figure.add_subplot()
    axes.plot([2.0, 4.0], [0.0, 1.0], color="none")
    axes.set_xlim(1.0, 5.0)
    axes.axvline(4.0, color="red", linewidth=3)
    picture = np.asarray(Image.open(io.BytesIO(figure_png(figure))).convert("RGB"), dtype=int)
    rows, cols = np.nonzero((picture[..., 0] > 200) & (picture[..., 1] < 60))
    axis = time_axis(figure)
    share = axis.left + (4.0 - axis.from_s) / (axis.to_s - axis.from_s) * (axis.right - axis.left)
    assert (axis.from_s, axis.to_s) == (1.0, 5.0)
    assert share * picture.shape[1] == pytest.approx(cols.mean(), abs=2)
    assert [axis.top * picture.shape[0], axis.bottom * picture.shape[0]] == pytest.approx(
        [rows.min(), rows.max()], abs=4
    )
