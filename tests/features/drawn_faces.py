"""Skin of random waves, and a face whose mouth corners move."""

import cv2
import numpy as np


def smooth_texture(rng: np.random.Generator, size: int = 64) -> np.ndarray:
    """Image of random waves, 20..236, float64, smooth enough to be moved by a fraction of a pixel."""
    rows, cols = np.mgrid[:size, :size]
    image = np.zeros((size, size))
    for _ in range(12):
        row_wave, col_wave = rng.uniform(-0.6, 0.6, 2)
        image += np.sin(row_wave * rows + col_wave * cols + rng.uniform(0, 2 * np.pi))
    image -= image.min()
    return 20 + image * 216 / image.max()


def draw_faces(strength: np.ndarray) -> np.ndarray:
    """A skin of random waves warped about the mouth corners by up to 4 px up and outwards."""
    rng = np.random.default_rng(7)
    face = smooth_texture(rng, 128) * 0.3 + 90
    face += cv2.GaussianBlur(rng.normal(0, 60, (128, 128)), (0, 0), 1.5)
    rows, cols = np.mgrid[:128, :128].astype(np.float32)
    crops = []
    for value in strength:
        drow, dcol = np.zeros((128, 128)), np.zeros((128, 128))
        for centre, outwards in ((45, -1), (83, 1)):
            bump = np.exp(-((rows - 88.5) ** 2 + (cols - centre) ** 2) / (2 * 9.0**2))
            drow += -3.0 * value * bump
            dcol += 2.0 * outwards * value * bump
        moved = cv2.remap(
            face.astype(np.float32),
            (cols - dcol).astype(np.float32),
            (rows - drow).astype(np.float32),
            cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REPLICATE,
        )
        crops.append(np.clip(np.rint(moved), 0, 255).astype(np.uint8))
    return np.stack(crops)
