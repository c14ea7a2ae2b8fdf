"""Slow loops for texture: written from the formulas, pixel by pixel, sharing nothing with the fast code."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

# direction j: up, then clockwise
ROW_STEP = (-1, -1, 0, 1, 1, 1, 0, -1)
COL_STEP = (0, 1, 1, 1, 0, -1, -1, -1)


def step(value):
    return 1 if value >= 0 else 0


def q8_weights(radius):
    """Weights of the diagonal tap by distance (near/far row, near/far column), summing to 256."""
    offset = radius / math.sqrt(2)
    part = offset - math.floor(offset)
    exact = [
        (a, b, (part if a else 1 - part) * (part if b else 1 - part) * 256) for a in (0, 1) for b in (0, 1)
    ]
    weights = {(a, b): math.floor(value) for a, b, value in exact}
    left = 256 - sum(weights.values())
    for a, b, _ in sorted(exact, key=lambda each: -(each[2] - math.floor(each[2])))[:left]:
        weights[a, b] += 1
    return math.floor(offset), weights


def sample(image, row, col, radius, direction):
    """256 times the grey level on a circle about (row, col)."""
    direction %= 8
    if direction % 2 == 0:
        return 256 * int(image[row + radius * ROW_STEP[direction], col + radius * COL_STEP[direction]])
    whole, weights = q8_weights(radius)
    total = 0
    for (a, b), weight in weights.items():
        r = row + ROW_STEP[direction] * (whole + a)
        c = col + COL_STEP[direction] * (whole + b)
        total += weight * int(image[r, c])
    return total


def digits_at(image, row, col, radii, shifts):
    """(psi(D, E), psi(E, F)) of the eight directions."""
    centre = 256 * int(image[row, col])
    found = []
    for j in range(8):
        d, e, f = (sample(image, row, col, r, j + s) for r, s in zip(radii, shifts, strict=True))
        found.append((2 * step(d - centre) + step(e - d), 2 * step(e - centre) + step(f - e)))
    return found


def modc_codes(image, shifts, radii, base):
    """Codes by eq. (1)-(10), shape (2, M - 2R, N - 2R)."""
    reach = radii[2]
    height, width = image.shape[0] - 2 * reach, image.shape[1] - 2 * reach
    codes = np.zeros((2, height, width), dtype=int)
    for row in range(height):
        for col in range(width):
            digits = digits_at(image, row + reach, col + reach, radii, shifts)
            for k in range(4):
                for plane in range(2):
                    inner, outer = digits[2 * k + plane]
                    if base == "split":
                        codes[plane, row, col] += inner * 4**k + 256 * outer * 4**k
                    else:
                        codes[plane, row, col] += (inner + outer) * (4 if base == "paper" else 7) ** k
    return codes


def block_histograms(codes, grid, bins):
    """Histograms (P, rows, cols, bins) of codes (P, M, N), each summing to 1, in exact fractions."""
    planes, height, width = codes.shape
    found = np.zeros((planes, *grid, bins))
    for plane in range(planes):
        for i in range(grid[0]):
            for j in range(grid[1]):
                block = [
                    int(codes[plane, row, col])
                    for row in range(i * height // grid[0], (i + 1) * height // grid[0])
                    for col in range(j * width // grid[1], (j + 1) * width // grid[1])
                ]
                for code in block:
                    found[plane, i, j, code] += 1
                found[plane, i, j] = [float(Fraction(int(count), len(block))) for count in found[plane, i, j]]
    return found


def lbp_codes(image):
    """LBP(8, 1): bit j is S(neighbour j - centre)."""
    height, width = image.shape
    codes = np.zeros((height - 2, width - 2), dtype=int)
    for row in range(1, height - 1):
        for col in range(1, width - 1):
            centre = 256 * int(image[row, col])
            codes[row - 1, col - 1] = sum(step(sample(image, row, col, 1, j) - centre) << j for j in range(8))
    return codes


def dcp_codes(image, radii):
    """Dual-cross patterns: psi(A, B) of two rings, base 4, two planes."""
    reach = radii[1]
    height, width = image.shape[0] - 2 * reach, image.shape[1] - 2 * reach
    codes = np.zeros((2, height, width), dtype=int)
    for row in range(height):
        for col in range(width):
            centre = 256 * int(image[row + reach, col + reach])
            for j in range(8):
                a, b = (sample(image, row + reach, col + reach, r, j) for r in radii)
                codes[j % 2, row, col] += (2 * step(a - centre) + step(b - a)) * 4 ** (j // 2)
    return codes


def gaussian_q8(image):
    """Separable Gaussian of sigma 1 with integer weights, replicated borders, rounded half up."""
    kernel = [1, 14, 62, 102, 62, 14, 1]
    height, width = image.shape
    smooth = np.zeros((height, width), dtype=int)
    for row in range(height):
        for col in range(width):
            total = 0
            for i in range(7):
                for j in range(7):
                    r, c = min(max(row + i - 3, 0), height - 1), min(max(col + j - 3, 0), width - 1)
                    total += kernel[i] * kernel[j] * int(image[r, c])
            smooth[row, col] = (total + 32768) // 65536
    return smooth


def chi_square(h, r):
    """Chi-square distance of two histograms as nested lists of floats, 0/0 = 0."""
    return sum((a - b) ** 2 / (a + b) for a, b in zip(h, r, strict=True) if a + b > 0)


def differences(histograms, k):
    """Block differences to the average feature frame, ends repeated: (T, P, rows, cols, bins) -> (T, blocks)."""
    length, planes, rows, cols, _ = histograms.shape
    found = np.zeros((length, rows * cols))
    for i in range(length):
        before, after = histograms[max(0, i - k)], histograms[min(length - 1, i + k)]
        for row in range(rows):
            for col in range(cols):
                for plane in range(planes):
                    average = (before[plane, row, col] + after[plane, row, col]) / 2
                    found[i, row * cols + col] += chi_square(histograms[i, plane, row, col], average) / planes
    return found
