"""Matching by trying every assignment, AUC by comparing every pair."""

from itertools import permutations


def overlap(a: tuple[int, int], b: tuple[int, int]) -> float:
    """Share of frames in both segments among frames in either."""
    first, second = set(range(a[0], a[1] + 1)), set(range(b[0], b[1] + 1))
    return len(first & second) / len(first | second)


def most_matches(predicted: list[tuple[int, int]], truth: list[tuple[int, int]], iou: float) -> int:
    """Largest number of one-to-one pairs that overlap enough."""
    small, large = sorted((predicted, truth), key=len)
    return max(
        sum(overlap(a, b) >= iou for a, b in zip(small, chosen, strict=True))
        for chosen in permutations(large, len(small))
    )


def pair_auc(scores: list[float], positive: list[bool]) -> float:
    """Probability that a positive frame outranks a negative one; ties count half."""
    wins = [
        1.0 if a > b else 0.5 if a == b else 0.0
        for a, pa in zip(scores, positive, strict=True)
        if pa
        for b, pb in zip(scores, positive, strict=True)
        if not pb
    ]
    return sum(wins) / len(wins)
