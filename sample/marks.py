"""Hand-made marks on ``skimage.data.astronaut()``: where its face is and how the emotions move it.

Belongs here: coordinates, (x, y) portrait pixels. Stays out: warping and drawing (``face``).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_STEP = 0.25  # px between the tabulated points of an edge

EXPRESSIONS = ("happy", "angry", "scared")
MOVEMENTS = (*EXPRESSIONS, "talk")
FACE_BOX = (180.0, 62.0, 268.0, 180.0)  # x0, y0, x1, y1 of the face, hairline to chin


def mark(text: str) -> NDArray[np.float64]:
    """Marks written as "x y, x y, ..."."""
    return np.array([[float(value) for value in pair.split()] for pair in text.split(",")])


class Edge:
    """Edge of a lid or lip as a height above each column, its marked corners rounded over 3 px.

    Attributes
    ----------
    points : ndarray, shape (K, 2)
        The marks, (x, y) px, from the left corner to the right.
    """

    def __init__(self, text: str) -> None:
        self.points = mark(text)
        self._x = np.arange(self.points[0, 0], self.points[-1, 0] + _STEP, _STEP)
        height = np.interp(self._x, self.points[:, 0], self.points[:, 1])
        # Mirrored through its ends, so that the rounding leaves the corners where they are.
        before, after = 2 * height[0] - height[12:0:-1], 2 * height[-1] - height[-2:-14:-1]
        window = np.hanning(27)[1:-1]
        self._y = np.convolve(np.concatenate([before, height, after]), window / window.sum(), mode="valid")

    def at(self, x: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """Height at each x; outside the corners that of the nearer corner."""
        return np.interp(x, self._x, self._y).astype(np.float32)


# Person against wall, clockwise from the top of the hair.
OUTLINE = mark(
    "190 31, 198 26, 212 21, 222 17.5, 230 16, 240 17, 252 21, 262 27, 272 32, 280 39, 286 48, 291 58, "
    "295 70, 297 85, 295 97, 291 107, 283 118, 276 127, 272 133, 267 135, 263 146, 260 152, 256 159, "
    "254 168, 256 173, 262 177, 275 187, 288 202, 297 217, 303 234, 312 238, 328 249, 342 264, 350 286, "
    "356 310, 362 335, 366 346, 385 344, 410 343, 440 351, 465 366, 485 396, 495 430, 502 460, 500 512, "
    "22 512, 25 460, 22 420, 30 360, 35 320, 47 281, 61 257, 81 239, 101 223, 114 203, 116 190, 123 176, "
    "136 163, 153 154, 170 150, 184 150, 183 140, 182 133, 178 130, 175 126, 171 117, 164 110, 158 101, "
    "155 90, 154 75, 155 62, 161 53, 171 45, 181 39, 189 34"
)
# Eyes: the moving edges of the upper and lower lid, corner to corner.
LIDS = (
    (
        Edge("192 100.3, 195 99, 198 98.2, 202 97.8, 206 98.3, 209.5 100, 213 103"),
        Edge("192 100.6, 195 101.8, 199 103.2, 203 104, 207 103.8, 210 103.2, 213 103"),
    ),
    (
        Edge("236 104.7, 238.5 102.5, 242 100.8, 246 100.2, 250 100.5, 254 102, 258.5 103.8"),
        Edge("236 104.9, 240 105.2, 244 106, 248 106, 252 105, 255 104.2, 258.5 104"),
    ),
)
# The smile of the original: inner edges of the lips, then their outer edges.
SMILE_UPPER = Edge("203 139.2, 208 140.6, 213 141.5, 218 142.4, 224 143, 230 142.8, 236 141.8, 244.5 140.2")
SMILE_LOWER = Edge(
    "203 139.4, 206 142.8, 210 146, 215 148.5, 220 149.4, 226 149.4, 231 148.5, 236 146, 241 142.8, "
    "244.5 140.4"
)
SMILE_UPPER_OUTER = mark("209 139.2, 216 138.7, 221 137.6, 224 138.2, 227 137.4, 233 138.2, 239 139")
SMILE_LOWER_OUTER = mark("209 148, 214 151.5, 219 153.5, 225 154, 231 152.6, 237 149")
# The closed mouth of the neutral base.
SEAM = Edge(
    "206.5 144.2, 211 144.1, 216 143.9, 220 143.8, 224 144, 228 144.1, 232 144.3, 236 144.8, 241 145.2"
)
NEUTRAL_UPPER_OUTER = mark("210 142, 216 139.8, 221 138.3, 224 138.9, 227 138.2, 233 140, 238 142.8")
NEUTRAL_LOWER_OUTER = mark("210 147, 214 149.6, 219 151.4, 225 152, 231 151.2, 236.5 148.2")

# Folds from nose to mouth, furrows of the frown, brows.
FOLDS = (
    mark("207 121, 203 126, 199 131, 196.5 135, 196 140, 197 145"),
    mark("241 123, 244 128, 248 132, 250 137, 250.5 142, 249 147"),
)
FURROWS = (mark("221.5 92, 222 96, 221 100"), mark("229 93, 228.5 97, 229.5 101"))
BROWS = (
    mark("190 90.3, 197.5 88.6, 205 89.8, 212.5 92"),
    mark("238.5 92.9, 246 92.2, 253.5 91.9, 262 95.6"),
)

# Landmarks of the neutral base and how far each moves at full strength, (x, y) px: down and right positive. Speech
# moves the jaw; the lips part at the seam (``face``).
MOVES: dict[tuple[float, float], dict[str, tuple[float, float]]] = {
    (190, 90.3): {"angry": (1.0, -0.5), "scared": (0.5, -0.5)},
    (197.5, 88.6): {"angry": (1.5, 1.2), "scared": (0.7, -2.0)},
    (205, 89.8): {"angry": (2.2, 3.0), "scared": (1.3, -4.0)},
    (212.5, 92): {"angry": (2.8, 3.7), "scared": (2.0, -5.0)},
    (238.5, 92.9): {"angry": (-2.8, 3.7), "scared": (-2.0, -5.0)},
    (246, 92.2): {"angry": (-2.2, 3.0), "scared": (-1.3, -4.0)},
    (253.5, 91.9): {"angry": (-1.5, 1.2), "scared": (-0.7, -2.0)},
    (262, 95.6): {"angry": (-1.0, -0.5), "scared": (-0.5, -0.5)},
    (225, 96): {"angry": (0.0, 2.2), "scared": (0.0, -2.2)},
    (192, 100.5): {},
    (202, 97.8): {"angry": (0.2, 0.7), "scared": (0.0, -0.5)},
    (202, 104.5): {},
    (213, 103): {"angry": (0.3, 0.5)},
    (236, 104.8): {"angry": (-0.3, 0.5)},
    (246, 100.2): {"angry": (-0.2, 0.7), "scared": (0.0, -0.5)},
    (247, 106.5): {},
    (258.5, 103.9): {},
    (224, 114): {},
    (224, 127): {"angry": (0.0, -0.5)},
    (211, 129.5): {"happy": (-0.8, -0.4), "angry": (-0.9, -1.0), "scared": (-0.3, 0.2)},
    (237, 131): {"happy": (0.8, -0.4), "angry": (0.9, -1.0), "scared": (0.3, 0.2)},
    (196, 117): {"happy": (-0.5, -2.0), "angry": (0.0, -0.5)},
    (254, 119): {"happy": (0.5, -2.0), "angry": (0.0, -0.5)},
    (192, 140): {"happy": (-2.2, -1.6), "scared": (-0.5, 1.0)},
    (255, 142): {"happy": (2.2, -1.6), "scared": (0.5, 1.0)},
    (206.5, 144.2): {"happy": (-4.0, -5.0), "angry": (0.8, 0.7), "scared": (-1.8, 1.6)},
    (241, 145.2): {"happy": (4.0, -5.0), "angry": (-0.8, 0.7), "scared": (1.8, 1.6)},
    (216, 143.9): {"happy": (-1.6, -0.6), "angry": (0.4, 0.2), "scared": (-0.6, 0.3)},
    (224, 144.4): {"happy": (0.0, 0.6), "angry": (0.0, -0.3), "scared": (0.0, 0.2)},
    (232, 144.3): {"happy": (1.6, -0.6), "angry": (-0.4, 0.2), "scared": (0.6, 0.3)},
    (216, 139.8): {"happy": (-1.4, 0.0), "angry": (0.3, 2.0), "scared": (-0.5, 0.2)},
    (224, 138.9): {"happy": (0.0, 0.8), "angry": (0.0, 1.8), "scared": (0.0, 0.2)},
    (233, 140): {"happy": (1.4, 0.0), "angry": (-0.3, 2.0), "scared": (0.5, 0.2)},
    (216, 150.4): {"happy": (-1.2, -0.4), "angry": (0.3, -2.4), "scared": (-0.5, 0.4)},
    (225, 152): {"happy": (0.0, 0.2), "angry": (0.0, -2.8), "scared": (0.0, 0.4)},
    (234, 149.8): {"happy": (1.2, -0.4), "angry": (-0.3, -2.4), "scared": (0.5, 0.4)},
    (222, 160): {"angry": (0.0, -1.8), "scared": (0.0, 2.0)},
    (223, 177.5): {"happy": (0.0, 0.8), "angry": (0.0, -1.0), "scared": (0.0, 4.2), "talk": (0.0, 3.6)},
    (206, 174): {"angry": (0.0, -0.6), "scared": (0.4, 3.6), "talk": (0.2, 3.0)},
    (240, 174): {"angry": (0.0, -0.6), "scared": (-0.4, 3.6), "talk": (-0.2, 3.0)},
    (193, 164): {"scared": (0.6, 1.8), "talk": (0.2, 1.0)},
    (252, 165): {"scared": (-0.6, 1.8), "talk": (-0.2, 1.0)},
    (184, 148): {},
    (262, 149): {},
    (183, 110): {},
    (266, 112): {},
}
