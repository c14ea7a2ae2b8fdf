"""The texture stream of one track, opened as the line opens it."""

import numpy as np

from apexline.features.modc.codes import modc_histograms
from apexline.features.modc.differences import block_differences, pool_blocks
from apexline.features.modc.stream import TextureConfig
from apexline.features.pipeline import TextureStream
from tests.features.stream_rows import FPS, cpu, run


def test_texture_stream_equals_the_whole_sequence(smiling_crops):
    """Rows come one by one, but equal what the batch functions say of all frames at once."""
    config = cpu(texture=TextureConfig(kinds=("sr",), registration="none", window_s=0.34))
    rows = run(TextureStream(config), smiling_crops)
    histograms = modc_histograms(smiling_crops, kind="sr", prefilter="gaussian")
    expected = block_differences(histograms, k=4)
    assert [row.frame for row in rows] == list(range(60))
    assert {row.kind for row in rows} == {"sr"}
    np.testing.assert_allclose([row.block_differences for row in rows], expected, rtol=1e-5)
    np.testing.assert_allclose([row.difference for row in rows], pool_blocks(expected), rtol=1e-5)


def test_texture_against_the_first_frame(smiling_crops):
    config = cpu(texture=TextureConfig(registration="none", curve="first", pooling="top_third"))
    rows = run(TextureStream(config), smiling_crops)
    difference = np.array([row.difference for row in rows if row.kind == "sl"])
    assert difference[0] == 0
    assert difference[28:38].min() > 10 * difference[:20].max()


def test_window_follows_real_time(smiling_crops):
    """At half the rate the same seconds hold half the frames."""
    config = cpu(texture=TextureConfig(kinds=("sl",), registration="none"))
    histograms = modc_histograms(smiling_crops[:20], prefilter="gaussian")
    rows = run(TextureStream(config), smiling_crops[:20], fps=12.5)
    np.testing.assert_allclose(
        [row.block_differences for row in rows], block_differences(histograms, k=2), rtol=1e-5
    )


def test_texture_memory_is_one_window(smiling_crops):
    stream = TextureStream(cpu())
    held, lag = [], []
    for i, crop in enumerate(smiling_crops):
        rows = stream.push(crop, i, i / FPS)
        held.append(len(stream._buffer))
        lag += [i - row.frame for row in rows]
    assert max(held) <= 2 * 5 + 1
    assert set(lag) == {5}


def test_peers_have_rows_of_their_own(smiling_crops):
    config = cpu(texture=TextureConfig(kinds=("sl",), peers=("dcp", "lbp", "hog")))
    rows = run(TextureStream(config), smiling_crops[:12])
    assert [row.kind for row in rows[:4]] == ["sl", "dcp", "lbp", "hog"]
    assert all(len(row.block_differences) == 16 for row in rows)
