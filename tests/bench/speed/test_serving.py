"""What the benchmark of serving sends."""

from apexline.bench.speed import serving
from apexline.features.faces.config import FaceConfig
from apexline.features.faces.detectors import make_detector
from apexline.features.faces.raw_crops import align_raw_crop


def test_both_raw_crops_hold_a_face():
    detector = make_detector(FaceConfig(min_face_px=20))
    for name, image in serving._raw_crops().items():
        assert align_raw_crop(image, detector) is not None, name
        assert name.endswith(f"{image.shape[0]} x {image.shape[1]}")
