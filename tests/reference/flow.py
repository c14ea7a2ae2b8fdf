"""Slow Horn-Schunck: the textbook update, pixel by pixel, in double precision."""

from __future__ import annotations

import math

import numpy as np


def derivative(image, row, col, axis):
    """Fourth-order central difference with replicated borders."""

    def at(step):
        r, c = (row + step, col) if axis == 0 else (row, col + step)
        return image[min(max(r, 0), image.shape[0] - 1), min(max(c, 0), image.shape[1] - 1)]

    return (at(-2) - 8 * at(-1) + 8 * at(1) - at(2)) / 12


def horn_schunck(reference, moving, alpha, num_sweeps, stencil):
    """Flow (2, M, N) by Jacobi sweeps from zero."""
    reference, moving = reference.astype(float), moving.astype(float)
    height, width = reference.shape
    mean_image = (reference + moving) / 2
    flow = np.zeros((2, height, width))
    for _ in range(num_sweeps):
        after = np.zeros_like(flow)
        for row in range(height):
            for col in range(width):
                a = derivative(mean_image, row, col, 0)
                b = derivative(mean_image, row, col, 1)
                h = moving[row, col] - reference[row, col]
                s, e = (neighbour_mean(flow[c], row, col, stencil) for c in range(2))
                q = (a * s + b * e + h) / (alpha**2 + a**2 + b**2)
                after[:, row, col] = s - a * q, e - b * q
        flow = after
    return flow


def neighbour_mean(values, row, col, stencil):
    height, width = values.shape
    total = 0.0
    for dr in (-1, 0, 1):
        for dc in (-1, 0, 1):
            sides = abs(dr) + abs(dc)
            if sides == 0:
                continue
            near, corner = (0.25, 0.0) if stencil == "cross" else (1 / 6, 1 / 12)
            weight = near if sides == 1 else corner
            total += weight * values[min(max(row + dr, 0), height - 1), min(max(col + dc, 0), width - 1)]
    return total


def hoof(flow, num_bins):
    """Magnitude-weighted histogram of orientations, mean over pixels."""
    bins = np.zeros(num_bins)
    _, height, width = flow.shape
    for row in range(height):
        for col in range(width):
            drow, dcol = float(flow[0, row, col]), float(flow[1, row, col])
            angle = math.atan2(drow, dcol) % (2 * math.pi)
            bins[min(int(angle / (2 * math.pi) * num_bins), num_bins - 1)] += math.hypot(drow, dcol)
    return bins / (height * width)


def grow_from_apex(module, angle, apex, apex_fraction, max_turn):
    """Onset and offset about an apex by eq. (23)."""

    def turned(i, j):
        difference = abs(angle[i] - angle[j]) % (2 * math.pi)
        return min(difference, 2 * math.pi - difference)

    onset = apex
    while (
        onset > 0 and module[onset - 1] > apex_fraction * module[apex] and turned(onset, onset - 1) < max_turn
    ):
        onset -= 1
    offset = apex
    last = len(module) - 1
    while (
        offset < last
        and module[offset + 1] > apex_fraction * module[apex]
        and turned(offset + 1, offset) < max_turn
    ):
        offset += 1
    return onset, offset
