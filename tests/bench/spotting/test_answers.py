"""The shipped model is asked about every crop."""

import numpy as np

from apexline.bench.spotting.answers import AnswerStream
from apexline.ml.datasets import face_image
from apexline.ml.deepid import load_pretrained


def test_each_crop_has_the_logits_of_the_shipped_model():
    crops = np.random.default_rng(0).integers(0, 256, (2, 128, 128), np.uint8)
    stream = AnswerStream()
    rows = [row for k, crop in enumerate(crops) for row in stream.push(crop, 7 + k, k / 25)]
    assert [row.frame for row in rows] == [7, 8]
    expected, _ = load_pretrained().model.logits(face_image(crops))
    np.testing.assert_allclose([row.logits for row in rows], expected, atol=1e-4)
    assert stream.flush() == []
