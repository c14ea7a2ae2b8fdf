"""Figures hold the numbers they were given; bytes and Markdown keep their promises."""

from __future__ import annotations

import base64
import io
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from apexline.assets import figures

FRAMES = np.arange(40)
TRUTH = pd.DataFrame({"onset": [11], "offset": [24]})


def bump(centre: float, height: float) -> np.ndarray:
    return height * np.exp(-(((FRAMES - centre) / 4) ** 2))


@pytest.fixture
def texture() -> pd.DataFrame:
    left = pd.DataFrame({"frame": FRAMES, "kind": "sl", "difference": 0.1 + bump(15, 0.4)})
    right = pd.DataFrame({"frame": FRAMES, "kind": "sr", "difference": 0.2 + bump(16, 0.3)})
    # The order of the rows must not matter.
    return pd.concat([left, right]).sample(frac=1, random_state=0)


@pytest.fixture
def flow() -> pd.DataFrame:
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    brow = pd.DataFrame({"frame": FRAMES, "roi": "left_brow", "magnitude": bump(15, 2.0), "angle": angle})
    mouth = pd.DataFrame({"frame": FRAMES, "roi": "left_mouth", "magnitude": bump(30, 1.0), "angle": angle})
    return pd.concat([mouth, brow])


def line(axes: Axes, label: str) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y of the one line with this label."""
    found = [each for each in axes.lines if each.get_label() == label]
    assert len(found) == 1, f"{label!r} is not one of {[each.get_label() for each in axes.lines]}"
    return np.asarray(found[0].get_xdata()), np.asarray(found[0].get_ydata())


def words(figure: Figure) -> str:
    return " ".join(text.get_text() for text in figure.findobj(lambda each: hasattr(each, "get_text")))  # type: ignore[attr-defined]


def test_texture_curves_show_both_descriptors_threshold_and_truth(texture: pd.DataFrame) -> None:
    figure = figures.texture_curves(texture, thresholds={"sl": 0.3}, truth=TRUTH, synthetic=False)
    panels = {axes.get_title(loc="left"): axes for axes in figure.axes}
    left, right = panels["left SL"], panels["right SR"]
    x, y = line(left, "difference Q")
    np.testing.assert_array_equal(x, FRAMES)
    np.testing.assert_allclose(y, 0.1 + bump(15, 0.4))
    np.testing.assert_allclose(line(right, "difference Q")[1], 0.2 + bump(16, 0.3))
    assert list(line(left, "threshold VE (eq. 21)")[1]) == [0.3, 0.3]
    assert "threshold VE (eq. 21)" not in [each.get_label() for each in right.lines]
    annotated = next(patch for patch in left.patches if patch.get_label() == "annotated")
    assert annotated.get_extents().transformed(left.transData.inverted()).intervalx == pytest.approx([11, 24])
    assert right.get_xlabel() == "frame"


def test_flow_curves_show_one_region_with_its_angle_in_degrees(flow: pd.DataFrame) -> None:
    figure = figures.flow_curves(flow, roi="left_brow", truth=TRUTH, synthetic=False)
    module, angle = figure.axes
    np.testing.assert_allclose(line(module, "module OV (eq. 19)")[1], bump(15, 2.0))
    np.testing.assert_allclose(line(angle, "angle")[1], np.linspace(0, 360, 40, endpoint=False))
    assert module.get_title(loc="left") == "left brow: module"
    assert "px" in module.get_ylabel()
    assert "deg" in angle.get_ylabel()


def test_face_strip_shows_the_crops_with_their_captions() -> None:
    crops = [("onset 10", np.zeros((8, 8), np.uint8)), ("apex 15", np.full((8, 8), 200, np.uint8))]
    figure = figures.face_strip(crops, synthetic=True)
    assert [axes.get_title() for axes in figure.axes] == ["onset 10", "apex 15"]
    assert np.asarray(figure.axes[1].images[0].get_array()).max() == 200
    assert figure.axes[0].images[0].get_clim() == (0, 255)


def test_a_face_strip_without_crops_says_what_is_missing() -> None:
    with pytest.raises(ValueError, match="at least one crop, saw none; keep frames"):
        figures.face_strip([], synthetic=True)


def test_roc_curves_name_each_method_with_its_area_and_interval() -> None:
    points = pd.DataFrame(
        {
            "method": ["sl+flow"] * 3 + ["ours"] * 2,
            "false_positive_rate": [0.0, 1.0, 0.2, 0.0, 1.0],
            "true_positive_rate": [0.0, 1.0, 0.9, 0.0, 1.0],
        }
    )
    areas = pd.DataFrame({"method": ["sl+flow"], "auc": [0.85], "low": [0.8], "high": [0.9]})
    axes = figures.roc_curves(points, areas, synthetic=False).axes[0]
    x, y = line(axes, "SL + optical flow: 0.850 [0.800, 0.900]")
    assert list(x) == [0.0, 0.2, 1.0]
    assert list(y) == [0.0, 0.9, 1.0]
    line(axes, "ours")  # a method without an area is drawn too


def test_learning_curves_show_one_version_in_percent() -> None:
    rows = pd.DataFrame(
        [
            ("baseline", 1, "train", 0.5, 0.8, 0.7),
            ("baseline", 0, "train", 1.0, 0.4, 0.3),
            ("baseline", 0, "valid", 1.1, 0.35, 0.25),
            ("semantic", 0, "train", 9.0, 0.9, 0.9),
        ],
        columns=["version", "epoch", "fold", "loss", "recognition", "classification"],
    )
    loss, accuracy = figures.learning_curves(rows, version="baseline", synthetic=False).axes
    assert [list(values) for values in line(loss, "train")] == [[0, 1], [1.0, 0.5]]
    assert list(line(accuracy, "recognition, train")[1]) == pytest.approx([40, 80])
    assert list(line(accuracy, "classification, valid")[1]) == pytest.approx([25])
    assert "nat" in loss.get_ylabel()


def test_comparison_plot_sets_value_interval_and_paper_side_by_side() -> None:
    rows = pd.DataFrame({"name": ["a", "b"], "paper": [0.9, np.nan], "value": [0.8, np.nan]})
    rows["low"], rows["high"] = [0.7, np.nan], [0.85, np.nan]
    axes = figures.comparison_plot(rows, x="area", synthetic=False).axes[0]
    assert line(axes, "here, 95 % interval")[0][0] == 0.8
    assert line(axes, "paper")[0][0] == 0.9
    interval = axes.collections[0].get_segments()[0]  # type: ignore[attr-defined]
    assert sorted(interval[:, 0]) == [0.7, 0.85]


def test_confusion_matrix_shows_counts_and_row_shares() -> None:
    figure = figures.confusion_matrix([[3, 1], [0, 0]], labels=["happy", "calm"], title="t", synthetic=False)
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts == ["3\n75%", "1\n25%", "0\n0%", "0\n0%"]
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["happy", "calm"]


def test_confusion_matrix_refuses_counts_that_do_not_fit_the_labels() -> None:
    with pytest.raises(ValueError, match=r"expected counts of shape \(2, 2\).*saw \(1, 2\)"):
        figures.confusion_matrix([[3, 1]], labels=["happy", "calm"], title="t", synthetic=False)


def test_reliability_plot_leaves_empty_bins_out() -> None:
    bins = pd.DataFrame(
        {"confidence": [0.1, np.nan, 0.9], "accuracy": [0.2, np.nan, 0.8], "count": [1, 0, 3]}
    )
    axes = figures.reliability_plot(bins, ece=0.05, synthetic=False).axes[0]
    assert [list(values) for values in line(axes, "measured")] == [[0.1, 0.9], [0.2, 0.8]]
    assert [bar.get_height() for bar in axes.patches] == [0.25, 0.75]
    assert "0.050" in axes.get_title(loc="left")


def test_pad_cube_holds_anchors_and_cloud_in_the_unit_cube() -> None:
    columns = ["emotion", "pleasure", "arousal", "dominance"]
    anchors = pd.DataFrame([("happy", 0.8, 0.5, 0.4), ("calm", 0.6, -0.5, 0.2)], columns=columns)
    cloud = pd.DataFrame([("happy", 0.7, 0.4, 0.3), ("happy", 0.6, 0.3, 0.2)], columns=columns)
    axes = figures.pad_cube(anchors, cloud, synthetic=True).axes[0]
    clouds = [each._offsets3d for each in axes.collections]  # type: ignore[attr-defined]
    np.testing.assert_allclose(np.asarray(clouds[0]).T, cloud[columns[1:]])
    np.testing.assert_allclose(np.asarray(clouds[1]).T, anchors[columns[1:]][:1])
    assert axes.get_xlabel() == "pleasure"
    assert axes.get_zlim() == (-1, 1)  # type: ignore[attr-defined]


def test_loadings_and_scree_hold_their_numbers() -> None:
    loadings = pd.DataFrame(
        [[0.9, -0.2], [0.1, -0.7]], index=["a - b", "c - d"], columns=["pleasure", "arousal"]
    )
    axes = figures.loadings_plot(loadings, synthetic=True).axes[0]
    np.testing.assert_array_equal(np.asarray(axes.images[0].get_array()), loadings.to_numpy())
    assert [text.get_text() for text in axes.texts] == ["+0.90", "-0.20", "+0.10", "-0.70"]
    values = np.linspace(9, 0.1, 20)
    scree = figures.scree_plot(values, np.full(20, 1.5), n_factors=3, n_parallel=2, synthetic=True).axes[0]
    np.testing.assert_array_equal(line(scree, "ratings")[1], values[:15])
    assert list(line(scree, "extracted: 3")[0]) == [3.5, 3.5]
    assert "supports 2" in scree.get_title(loc="left")


def test_synthetic_stands_in_the_figure_exactly_where_it_is_said(flow: pd.DataFrame) -> None:
    for synthetic in (True, False):
        figure = figures.flow_curves(flow, roi="left_brow", truth=TRUTH, synthetic=synthetic)
        assert ("synthetic" in words(figure)) is synthetic


def test_the_same_figure_gives_the_same_bytes(flow: pd.DataFrame) -> None:
    def draw(_: int) -> bytes:
        return figures.figure_png(figures.flow_curves(flow, roi="left_brow", truth=TRUTH, synthetic=True))

    with ThreadPoolExecutor(2) as pool:  # two threads at once: nothing is shared
        first, second = pool.map(draw, range(2))
    assert first == second
    with Image.open(io.BytesIO(first)) as image:
        assert image.format == "PNG"
        assert image.size == (round(8.4 * 110), round(4.9 * 110))


def test_figures_are_stacked_below_each_other() -> None:
    blocks = [figures.text_block("one", ["a line"]), figures.text_block("two", ["a line " * 40], size=12)]
    with Image.open(io.BytesIO(figures.stacked_png(blocks))) as image:
        heights = [Image.open(io.BytesIO(figures.figure_png(each))).height for each in blocks]
        assert image.size == (round(8.4 * 110), sum(heights))
    assert heights[1] > heights[0]  # a long line is wrapped, not cut


def test_markdown_is_an_embedded_image_of_at_most_100_kb() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (400, 400))
    text = figures.figure_markdown(figures.face_strip([("noise", noise)] * 4, synthetic=True), title="faces")
    assert text.startswith("![faces](data:image/png;base64,")
    assert len(text) <= figures.MARKDOWN_LIMIT
    with Image.open(io.BytesIO(base64.b64decode(text.partition("base64,")[2].rstrip(")")))) as image:
        assert image.format == "PNG"


def test_a_figure_too_large_for_markdown_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures.export, "MARKDOWN_LIMIT", 300)
    strip = figures.face_strip([("grey", np.zeros((8, 8)))], synthetic=True)
    with pytest.raises(ValueError, match="'wall' takes .* at 40 dpi, expected at most 300; draw less"):
        figures.figure_markdown(strip, title="wall")


def test_no_figure_needs_pyplot() -> None:
    # pyplot keeps every figure alive and is not safe between threads.
    for file in Path(str(figures.__file__)).parent.glob("*.py"):
        source = file.read_text()
        assert "import matplotlib.pyplot" not in source
        assert "from matplotlib import pyplot" not in source
    assert "matplotlib.pyplot" not in sys.modules or "pyplot" not in vars(figures)
