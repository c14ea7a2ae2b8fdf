"""One face in one image: detection, boxes, alignment, quality."""

from apexline.features.faces.alignment import (
    CROP_LANDMARKS,
    CROP_SIZE,
    Detection,
    FaceQuality,
    align_face,
    apply_transform,
    crop_similarity,
    measure_quality,
    warp_face,
)
from apexline.features.faces.boxes import Box, Window, box_iou, box_iou_matrix
from apexline.features.faces.config import FaceConfig
from apexline.features.faces.detectors import FaceDetector, make_detector
from apexline.features.faces.light import Light, bad_light, grey_levels, too_bad_for_faces
from apexline.features.faces.mtcnn import MtcnnDetector
from apexline.features.faces.raw_crops import align_raw_crop, crop_size_px

__all__ = [
    "Box",
    "CROP_LANDMARKS",
    "CROP_SIZE",
    "Detection",
    "FaceConfig",
    "FaceDetector",
    "FaceQuality",
    "Light",
    "MtcnnDetector",
    "Window",
    "align_face",
    "align_raw_crop",
    "apply_transform",
    "bad_light",
    "box_iou",
    "box_iou_matrix",
    "crop_similarity",
    "crop_size_px",
    "grey_levels",
    "make_detector",
    "measure_quality",
    "too_bad_for_faces",
    "warp_face",
]
