"""Which detector is made."""

import cv2
import numpy as np
import pytest

from apexline.features.faces.config import FaceConfig
from apexline.features.faces.detectors import make_detector


class TestYunet:
    def test_needs_a_model(self):
        with pytest.raises(ValueError, match="set it to the ONNX file"):
            make_detector(FaceConfig(detector="yunet"))

    def test_missing_model(self, tmp_path):
        with pytest.raises(FileNotFoundError, match=r"none\.onnx.*fetch it"):
            make_detector(FaceConfig(detector="yunet", model_path=str(tmp_path / "none.onnx")))

    @pytest.fixture
    def detector(self, tmp_path, monkeypatch):
        """The wrapper around a network that answers with given rows."""

        class Net:
            rows = None
            size = None

            def setInputSize(self, size):  # noqa: N802
                self.size = size

            def detect(self, image):
                assert image.shape[1::-1] == self.size
                return 1, self.rows

        monkeypatch.setattr(cv2.FaceDetectorYN, "create", lambda *arguments: Net())
        (tmp_path / "yunet.onnx").write_bytes(b"model")
        config = FaceConfig(detector="yunet", model_path=str(tmp_path / "yunet.onnx"), max_detection_side=320)
        return make_detector(config)

    def test_reads_rows_in_full_frame_px(self, detector):
        eye_etc = [12, 20, 32, 21, 22, 30, 14, 40, 30, 41]
        weak = [10, 10, 30, 40, *eye_etc, 0.8]
        strong = [100, 10, 30, 40, *(c + 90 if n % 2 == 0 else c for n, c in enumerate(eye_etc)), 0.95]
        tiny = [200, 10, 3, 4, *eye_etc, 0.99]
        detector._net.rows = np.array([weak, strong, tiny], np.float32)
        first, second = detector.detect(np.zeros((240, 640, 3), np.uint8))
        assert (first.box, first.score) == ((200, 20, 60, 80), pytest.approx(0.95))
        assert second.box == (20, 20, 60, 80)
        np.testing.assert_allclose(second.landmarks, [[40, 24], [42, 64], [60, 44], [80, 28], [82, 60]])

    def test_no_face(self, detector):
        assert detector.detect(np.zeros((240, 320, 3), np.uint8)) == []
