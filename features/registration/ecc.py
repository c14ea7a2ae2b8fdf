"""Translation of an image onto a template by the enhanced correlation coefficient, compiled for the CPU.

Belongs here: the iteration of [1]_ for pure translation and the shift that it finds. Stays out: what is registered
onto what, and other motion models (``registrar``).

OpenCV's ECC serves any motion model: for two unknowns it takes three times as long, which was a fifth of the whole
line. For a translation all sums of an iteration come from one pass over the template.

.. [1] Evangelidis, Psarakis (2008). Parametric image alignment using enhanced correlation coefficient
   maximization. IEEE TPAMI 30(10).
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

# Sums may be taken in any order, so that they use vector instructions: a registration is good to a tolerance.
_ANY_ORDER = {"reassoc", "nsz", "contract"}


@njit(cache=True, nogil=True, fastmath=_ANY_ORDER)
def align_translation(
    template: NDArray[np.float32],
    image: NDArray[np.float32],
    row: float,
    col: float,
    num_iterations: int,
    tolerance: float,
) -> tuple[float, float, float]:
    """Place a template in an image by maximising their correlation from a start.

    Parameters
    ----------
    template : ndarray, shape (M, N), float32
        Grey image.
    image : ndarray, shape (P, Q), float32
        Grey image that holds it.
    row, col : float
        Where the template's first pixel is looked for first, px of the image.
    num_iterations : int
        Most iterations.
    tolerance : float
        Change of the correlation that ends the iteration.

    Returns
    -------
    correlation : float
        Correlation at the place found, -1..1; 0 where either is flat, the iteration left the image or diverged.
    row, col : float
        Place of the template's first pixel, px of the image.
    """
    height, width = template.shape
    count = height * width
    mean_t = 0.0
    for y in range(height):
        for x in range(width):
            mean_t += template[y, x]
    mean_t /= count
    norm_t = 0.0
    for y in range(height):
        for x in range(width):
            norm_t += (template[y, x] - mean_t) ** 2
    # the template's place and a pixel around it, for its gradient
    seen = np.empty((height + 2, width + 2), dtype=np.float32)
    correlation = 0.0
    for _ in range(num_iterations):
        if not _sample_block(image, row - 1.0, col - 1.0, seen):
            return 0.0, row, col
        before = correlation
        correlation, down, right = _step(template, seen, np.float32(mean_t), norm_t)
        if correlation == 0.0:
            return 0.0, row, col
        row += down
        col += right
        if abs(correlation - before) < tolerance:
            break
    return correlation, row, col


@njit(cache=True, nogil=True, fastmath=_ANY_ORDER)
def _step(
    template: NDArray[np.float32], seen: NDArray[np.float32], mean_t: np.float32, norm_t: float
) -> tuple[float, float, float]:
    """Correlation at a place, and the step to a better one, eq. (17)-(19) of [1]_."""
    height, width = template.shape
    count = height * width
    sum_w = sum_ww = sum_tw = 0.0
    sum_r = sum_c = sum_rr = sum_rc = sum_cc = 0.0
    sum_rw = sum_cw = sum_rt = sum_ct = 0.0
    for y in range(height):
        above, level, below = seen[y], seen[y + 1], seen[y + 2]
        line = template[y]
        # a row's sums stay in single precision: they hold some hundred values
        w_ = ww = tw = r_ = c_ = rr = np.float32(0)
        rc = cc = rw = cw = rt = ct = np.float32(0)
        for x in range(width):
            t = line[x] - mean_t
            # about the template's mean too, which keeps the squares small
            w = level[x + 1] - mean_t
            r = np.float32(0.5) * (below[x + 1] - above[x + 1])
            c = np.float32(0.5) * (level[x + 2] - level[x])
            w_ += w
            ww += w * w
            tw += t * w
            r_ += r
            c_ += c
            rr += r * r
            rc += r * c
            cc += c * c
            rw += r * w
            cw += c * w
            rt += r * t
            ct += c * t
        sum_w += w_
        sum_ww += ww
        sum_tw += tw
        sum_r += r_
        sum_c += c_
        sum_rr += rr
        sum_rc += rc
        sum_cc += cc
        sum_rw += rw
        sum_cw += cw
        sum_rt += rt
        sum_ct += ct
    mean_w = sum_w / count
    norm_w = sum_ww - count * mean_w * mean_w
    determinant = sum_rr * sum_cc - sum_rc * sum_rc
    if norm_t <= 0.0 or norm_w <= 0.0 or determinant <= 1e-9 * sum_rr * sum_cc:
        return 0.0, 0.0, 0.0
    # t has zero mean already, so its products need no correction by the mean of w
    row_w, col_w = sum_rw - mean_w * sum_r, sum_cw - mean_w * sum_c
    back_row = (sum_cc * row_w - sum_rc * col_w) / determinant
    back_col = (sum_rr * col_w - sum_rc * row_w) / determinant
    gain_over = norm_w - (row_w * back_row + col_w * back_col)
    gain_under = sum_tw - (sum_rt * back_row + sum_ct * back_col)
    if gain_under <= 0.0:
        return 0.0, 0.0, 0.0
    gain = gain_over / gain_under
    row_e, col_e = gain * sum_rt - row_w, gain * sum_ct - col_w
    down = (sum_cc * row_e - sum_rc * col_e) / determinant
    right = (sum_rr * col_e - sum_rc * row_e) / determinant
    return sum_tw / np.sqrt(norm_t * norm_w), down, right


@njit(cache=True, nogil=True)
def _sample_block(image: NDArray[np.float32], row: float, col: float, block: NDArray[np.float32]) -> bool:
    """Fill a block with the image from a real position on, bilinearly; False where it reaches out of it."""
    height, width = block.shape
    top, left = int(np.floor(row)), int(np.floor(col))
    if top < 0 or left < 0 or top + height >= image.shape[0] or left + width >= image.shape[1]:
        return False
    down, right = np.float32(row - top), np.float32(col - left)
    up, back = np.float32(1) - down, np.float32(1) - right
    for y in range(height):
        upper, lower = image[top + y, left : left + width + 1], image[top + y + 1, left : left + width + 1]
        line = block[y]
        for x in range(width):
            line[x] = up * (back * upper[x] + right * upper[x + 1]) + down * (
                back * lower[x] + right * lower[x + 1]
            )
    return True


@njit(cache=True, nogil=True)
def shift_image(image: NDArray[np.float32], down: float, right: float) -> NDArray[np.float32]:
    """Image seen from a place beside: ``moved[p] = image[p + (down, right)]``, by cubic convolution (a = -1/2).

    Parameters
    ----------
    image : ndarray, shape (M, N), float32
        Grey image; positions outside take the nearest pixel inside.
    down, right : float
        px.
    """
    height, width = image.shape
    rows, cols = int(np.floor(down)), int(np.floor(right))
    row_weights, col_weights = _cubic(np.float32(down - rows)), _cubic(np.float32(right - cols))
    w0, w1, w2, w3 = col_weights
    level = np.empty((height, width), dtype=np.float32)
    line = np.empty(width + 3, dtype=np.float32)
    for y in range(height):
        source = image[y]
        for x in range(width + 3):
            line[x] = source[min(max(x + cols - 1, 0), width - 1)]
        target = level[y]
        for x in range(width):
            target[x] = (w0 * line[x] + w1 * line[x + 1]) + (w2 * line[x + 2] + w3 * line[x + 3])
    w0, w1, w2, w3 = row_weights
    moved = np.empty((height, width), dtype=np.float32)
    for y in range(height):
        a = level[min(max(y + rows - 1, 0), height - 1)]
        b = level[min(max(y + rows, 0), height - 1)]
        c = level[min(max(y + rows + 1, 0), height - 1)]
        d = level[min(max(y + rows + 2, 0), height - 1)]
        target = moved[y]
        for x in range(width):
            target[x] = (w0 * a[x] + w1 * b[x]) + (w2 * c[x] + w3 * d[x])
    return moved


@njit(cache=True, nogil=True)
def _cubic(part: np.float32) -> tuple[np.float32, np.float32, np.float32, np.float32]:
    """Weights of the pixels at -1, 0, 1, 2 for a position ``part`` behind pixel 0."""
    half = np.float32(0.5)
    square = part * part
    cube = square * part
    return (
        square - half * (cube + part),
        np.float32(1.5) * cube - np.float32(2.5) * square + np.float32(1),
        np.float32(2) * square + half * part - np.float32(1.5) * cube,
        half * (cube - square),
    )
