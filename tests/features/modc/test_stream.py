"""Texture of one track, frame by frame: it equals the batch functions, in bounded memory and in real time."""

import numpy as np

from apexline.features.modc.codes import modc_histograms
from apexline.features.modc.differences import block_differences, pool_blocks
from apexline.features.modc.stream import TextureConfig, TextureStream
from tests.features.stream_rows import FPS, columns, run


def test_texture_stream_equals_the_whole_sequence(smiling_crops):
    """Rows come one by one, but equal what the batch functions say of all frames at once."""
    config = TextureConfig(kinds=("sr",), registration="none", window_s=0.34)
    rows = run(TextureStream(config, "cpu"), smiling_crops)
    histograms = modc_histograms(smiling_crops, kind="sr", prefilter="gaussian")
    expected = block_differences(histograms, k=4)
    assert [row.frame for row in rows] == list(range(60))
    assert {row.kind for row in rows} == {"sr"}
    np.testing.assert_allclose([row.block_differences for row in rows], expected, rtol=1e-5)
    np.testing.assert_allclose([row.difference for row in rows], pool_blocks(expected), rtol=1e-5)


def test_texture_against_the_first_frame(smiling_crops):
    config = TextureConfig(registration="none", curve="first", pooling="top_third")
    rows = run(TextureStream(config, "cpu"), smiling_crops)
    difference = np.array([row.difference for row in rows if row.kind == "sl"])
    assert difference[0] == 0
    assert difference[28:38].min() > 10 * difference[:20].max()


def test_window_follows_real_time(smiling_crops):
    """At half the rate the same seconds hold half the frames."""
    config = TextureConfig(kinds=("sl",), registration="none")
    histograms = modc_histograms(smiling_crops[:20], prefilter="gaussian")
    rows = run(TextureStream(config, "cpu"), smiling_crops[:20], fps=12.5)
    np.testing.assert_allclose(
        [row.block_differences for row in rows], block_differences(histograms, k=2), rtol=1e-5
    )


def test_texture_memory_is_one_window(smiling_crops):
    stream = TextureStream(TextureConfig(), "cpu")
    held, lag = [], []
    for i, crop in enumerate(smiling_crops):
        rows = stream.push(crop, i, i / FPS)
        held.append(len(stream._buffer))
        lag += [i - row.frame for row in rows]
    assert max(held) <= 2 * 5 + 1
    assert set(lag) == {5}


def test_peers_have_rows_of_their_own(smiling_crops):
    config = TextureConfig(kinds=("sl",), peers=("dcp", "lbp", "hog"))
    rows = run(TextureStream(config, "cpu"), smiling_crops[:12])
    assert [row.kind for row in rows[:4]] == ["sl", "dcp", "lbp", "hog"]
    assert all(len(row.block_differences) == 16 for row in rows)


def test_backends_agree(backend, smiling_crops):
    crops = smiling_crops[18:30:3]
    stream = TextureStream(TextureConfig(), "cpu")
    expected = columns(run(TextureStream(TextureConfig(), "cpu"), crops))
    if backend.name != "numpy":
        stream._xp = backend.xp
    np.testing.assert_allclose(columns(run(stream, crops))["difference"], expected["difference"], atol=1e-6)
