"""Henderson's method 1 cell by cell, for two crossed factors (Searle, Casella, McCulloch 1992)."""

import math

import numpy as np


def slow_icc(table):
    """ICC(2,1) and ICC(2,k) of a targets x raters table with NaN where nobody answered."""
    targets, raters = len(table), len(table[0])
    cells = [
        (i, j, table[i][j]) for i in range(targets) for j in range(raters) if not math.isnan(table[i][j])
    ]
    num = len(cells)
    per_target = [sum(1 for i, _, _ in cells if i == target) for target in range(targets)]
    per_rater = [sum(1 for _, j, _ in cells if j == rater) for rater in range(raters)]
    t_mean = sum(y for _, _, y in cells) ** 2 / num
    t_total = sum(y * y for _, _, y in cells)
    t_target = sum(
        sum(y for i, _, y in cells if i == target) ** 2 / per_target[target] for target in range(targets)
    )
    t_rater = sum(
        sum(y for _, j, y in cells if j == rater) ** 2 / per_rater[rater] for rater in range(raters)
    )
    # Coefficients of (target, rater, residual) variance in the expectation of each sum of squares.
    e_mean = (sum(n * n for n in per_target) / num, sum(n * n for n in per_rater) / num, 1)
    e_total = (num, num, num)
    e_target = (num, sum(1 / per_target[i] for i, _, _ in cells), targets)
    e_rater = (sum(1 / per_rater[j] for _, j, _ in cells), num, raters)
    system = [
        [a - b for a, b in zip(e_target, e_mean, strict=True)],
        [a - b for a, b in zip(e_rater, e_mean, strict=True)],
        [t - a - b + m for t, a, b, m in zip(e_total, e_target, e_rater, e_mean, strict=True)],
    ]
    sums = [t_target - t_mean, t_rater - t_mean, t_total - t_target - t_rater + t_mean]
    target, rater, residual = np.linalg.solve(system, sums)
    k = targets / sum(1 / n for n in per_target)
    return target / (target + rater + residual), target / (target + (rater + residual) / k)
