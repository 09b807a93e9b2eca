"""Means over seeds and images with their errors, by the sums of squares of the textbook."""

import math
from collections.abc import Sequence


def two_way(table: Sequence[Sequence[float]]) -> tuple[float, float, float]:
    """Mean, standard error and degrees of freedom of a table of seeds by images."""
    n, m = len(table), len(table[0])
    mean = sum(sum(row) for row in table) / (n * m)
    rows = [sum(row) / m for row in table]
    columns = [sum(table[s][i] for s in range(n)) / n for i in range(m)]
    images = n * sum((c - mean) ** 2 for c in columns) / (m - 1)
    if n == 1:
        return mean, math.sqrt(images / m), m - 1
    seeds = m * sum((r - mean) ** 2 for r in rows) / (n - 1)
    rest = sum(
        (table[s][i] - rows[s] - columns[i] + mean) ** 2 for s in range(n) for i in range(m)
    ) / ((n - 1) * (m - 1))
    variance_of_seeds = max(0.0, (seeds - rest) / m)
    variance_of_images = max(0.0, (images - rest) / n)
    variance = variance_of_seeds / n + variance_of_images / m + rest / (n * m)
    # each mean square enters the variance as often as its sign says; none that is cut to zero
    parts = {"seeds": seeds, "images": images, "rest": rest}
    signs = {
        "seeds": int(variance_of_seeds > 0),
        "images": int(variance_of_images > 0),
        "rest": 1 - int(variance_of_seeds > 0) - int(variance_of_images > 0),
    }
    df = {"seeds": n - 1, "images": m - 1, "rest": (n - 1) * (m - 1)}
    total = sum(signs[k] * parts[k] for k in parts)
    spread = sum((signs[k] * parts[k]) ** 2 / df[k] for k in parts)
    return mean, math.sqrt(variance), df["rest"] if spread == 0 else total**2 / spread


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values: the smallest level at which the step-down procedure rejects each."""
    k = len(p_values)
    adjusted = []
    for p in p_values:
        smaller = sorted(q for q in p_values if q <= p)
        steps = [q * (k - place) for place, q in enumerate(smaller)]
        # equal p-values are rejected together: the first of them is multiplied by the most
        adjusted.append(min(1.0, max(steps)))
    return adjusted
