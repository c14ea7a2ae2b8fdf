"""MODC texture, eq. (1)-(10): codes, histograms, distances, peers, the stream of one track."""

from apexline.features.modc.codes import modc_codes, modc_histograms
from apexline.features.modc.stream import TextureConfig, TextureRow, TextureStream, texture_histograms

__all__ = [
    "TextureConfig",
    "TextureRow",
    "TextureStream",
    "modc_codes",
    "modc_histograms",
    "texture_histograms",
]
