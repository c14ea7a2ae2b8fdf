"""Rows have the same bits however crops are cut into blocks."""

import numpy as np
import pytest

from apexline.features.expression import ExpressionStream
from apexline.features.flow.stream import FlowConfig, FlowStream
from apexline.features.modc.stream import TextureConfig, TextureStream
from apexline.features.rows import join_columns

STREAMS = {
    "texture": lambda: TextureStream(TextureConfig(), "cpu"),
    "texture against the first": lambda: TextureStream(TextureConfig(curve="first", peers=("lbp",)), "cpu"),
    "flow": lambda: FlowStream(FlowConfig(anchor_s=0.4), "cpu"),
    "flow by one level": lambda: FlowStream(FlowConfig(solver="single", reference="first"), "cpu"),
    "words": ExpressionStream,
}


@pytest.fixture(scope="module")
def filmed(smiling_crops):
    """Crops and uneven times; the face is lost for two frames, so that the reference is renewed for either reason."""
    crops = smiling_crops.copy()
    crops[40:42] = 255 - crops[40:42, ::-1]
    steps = np.random.default_rng(3).uniform(0.02, 0.06, len(crops))
    return crops, np.cumsum(steps)


def rows(stream, filmed, cuts):
    """Columns, and the crop with which each row became final, of crops shown from cut to cut."""
    crops, times_s = filmed
    edges = [0, *cuts, len(crops)]
    blocks, final = [], []
    for first, last in zip(edges[:-1], edges[1:], strict=True):
        part = slice(first, last)
        block = stream.push_block(crops[part], np.arange(len(crops))[part], times_s[part])
        blocks.append(block.columns)
        final.append(first + block.final_at)
    held = stream.flush_block()
    return join_columns([*blocks, held.columns]), np.concatenate(final)


@pytest.mark.parametrize("name", STREAMS)
def test_rows_do_not_depend_on_the_blocks(name, filmed):
    expected, expected_final = rows(STREAMS[name](), filmed, range(1, 60))
    assert len(expected["frame"]) % 60 == 0
    assert len(np.unique(expected["frame"])) == 60
    rng = np.random.default_rng(5)
    cuts = [range(7, 60, 7), [], *(np.sort(rng.choice(np.arange(1, 60), 6, replace=False)) for _ in range(3))]
    for each in cuts:
        found, final = rows(STREAMS[name](), filmed, each)
        np.testing.assert_array_equal(final, expected_final)
        assert found.keys() == expected.keys()
        for column, values in expected.items():
            assert found[column].dtype == values.dtype
            if values.dtype == object:
                assert found[column].tolist() == values.tolist()
            else:
                assert found[column].tobytes() == values.tobytes(), column


@pytest.mark.parametrize("name", STREAMS)
def test_rows_of_one_crop_are_those_of_its_block(name, filmed):
    crops, times_s = filmed
    stream, other = STREAMS[name](), STREAMS[name]()
    found = [row for k in range(12) for row in stream.push(crops[k], k, float(times_s[k]))] + stream.flush()
    columns, _ = rows(other, (crops[:12], times_s[:12]), [])
    assert [row.frame for row in found] == columns["frame"].tolist()
    values = next(key for key in ("words", "difference", "drow") if key in columns)
    np.testing.assert_array_equal([getattr(row, values) for row in found], columns[values])
