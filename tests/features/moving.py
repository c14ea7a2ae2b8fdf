"""Images with known motion, for the tests of flow and registration."""

import cv2
import numpy as np


def moved(image, drow, dcol):
    """Image whose content has moved by (drow, dcol), px: moving[p + d] = image[p]."""
    rows, cols = np.mgrid[: image.shape[0], : image.shape[1]].astype(np.float64)
    source = np.stack([rows - drow, cols - dcol]).astype(np.float32)
    return cv2.remap(
        image.astype(np.float32), source[1], source[0], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
