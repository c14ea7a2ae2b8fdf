"""Rows of the feature streams, as columns, for the tests of what is made of them."""

from dataclasses import fields

import numpy as np

from apexline.features.config import FeatureConfig
from apexline.features.expression import ExpressionStream
from apexline.features.flow.stream import FlowStream
from apexline.features.modc.stream import TextureStream
from apexline.features.spotting.config import SegmentConfig

FPS = 25.0


def cpu(**sections):
    """Parameters for the processor; segments by the hand-made rule, where no others are given."""
    return FeatureConfig(**{"device": "cpu", "segments": SegmentConfig(rule="curves"), **sections})


def run(stream, crops, *, fps=FPS, first=0, skip=()):
    """All rows of a stream that is shown some crops, but not those to skip."""
    rows = []
    for i, crop in enumerate(crops):
        if i not in skip:
            rows += stream.push(crop, first + i, (first + i) / fps)
    return rows + stream.flush()


def columns(rows):
    return {each.name: np.asarray([getattr(row, each.name) for row in rows]) for each in fields(rows[0])}


def no_texture():
    names = ("frame", "time_s", "kind", "difference")
    return {name: np.zeros(0) for name in names}


def rows_of(crops, config, **options):
    """Rows of texture, of flow and of words."""
    return (
        columns(run(TextureStream(config.texture, config.device), crops, **options)),
        columns(run(FlowStream(config.flow, config.device), crops, **options)),
        columns(run(ExpressionStream(), crops, **options)),
    )
