"""Means over seeds and images with their errors, by the sums of squares of the textbook."""

import math
from collections.abc import Sequence


def squares(table: Sequence[Sequence[float]]) -> tuple[float, float, float, float]:
    """Mean, and the mean squares of seeds, of images and of the rest; of several seeds."""
    n, m = len(table), len(table[0])
    mean = sum(sum(row) for row in table) / (n * m)
    rows = [sum(row) / m for row in table]
    columns = [sum(table[s][i] for s in range(n)) / n for i in range(m)]
    images = n * sum((c - mean) ** 2 for c in columns) / (m - 1)
    seeds = m * sum((r - mean) ** 2 for r in rows) / (n - 1)
    rest = sum(
        (table[s][i] - rows[s] - columns[i] + mean) ** 2 for s in range(n) for i in range(m)
    ) / ((n - 1) * (m - 1))
    return mean, seeds, images, rest


def two_way(table: Sequence[Sequence[float]]) -> tuple[float, float, float]:
    """Mean, standard error and degrees of freedom of a table of seeds by images."""
    n, m = len(table), len(table[0])
    if n == 1:
        mean = sum(table[0]) / m
        return mean, math.sqrt(sum((v - mean) ** 2 for v in table[0]) / (m - 1) / m), m - 1
    mean, seeds, images, rest = squares(table)
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


def moderated(
    tables: Sequence[Sequence[Sequence[float]]], rows: int
) -> list[tuple[float, float, float]]:
    """Mean, error and degrees of freedom of each of several tables of differences, where the
    seeds' mean squares over the rest's are r0 times F with their own and d0 degrees of freedom.
    """
    known = [i for i, table in enumerate(tables) if squares(table)[3] > 0]
    if len(known) < 2:
        return [two_way(table) for table in tables]
    ratios = [max(squares(tables[i])[1] / squares(tables[i])[3], 1e-5) for i in known]
    d0, r0 = prior(ratios, [len(tables[i]) - 1 for i in known])
    found = []
    for i, table in enumerate(tables):
        if i not in known:
            found.append(two_way(table))
            continue
        n, m = len(table), len(table[0])
        mean, seeds, images, rest = squares(table)
        share = min(d0, (rows - 1) / 3, 2 * (n - 1))
        seeds = max(rest, (share * r0 * rest + (n - 1) * seeds) / (share + n - 1))
        images = max(rest, images)
        total = seeds + images - rest
        df = total**2 / (
            seeds**2 / (share + n - 1) + images**2 / (m - 1) + rest**2 / ((n - 1) * (m - 1))
        )
        found.append((mean, math.sqrt(total / (n * m)), df))
    return found


def prior(ratios: Sequence[float], df: Sequence[int]) -> tuple[float, float]:
    """d0 and r0 whose logarithms of r0 F have the mean and the variance that are seen: log F is
    digamma(d/2) - log(d/2) - digamma(d0/2) + log(d0/2) on average, and its variance is
    trigamma(d/2) + trigamma(d0/2).
    """
    k = len(ratios)
    own = [math.log(r) - digamma(d / 2) + math.log(d / 2) for r, d in zip(ratios, df, strict=True)]
    mean = sum(own) / k
    spread = sum((v - mean) ** 2 for v in own) / (k - 1) - sum(trigamma(d / 2) for d in df) / k
    if spread <= 0:
        return math.inf, sum(ratios) / k
    low, high = 1e-9, 1e9
    while high / low > 1 + 1e-13:
        middle = math.sqrt(low * high)
        low, high = (middle, high) if trigamma(middle) > spread else (low, middle)
    return 2 * low, math.exp(mean + digamma(low) - math.log(low))


def digamma(x: float) -> float:
    """By its recurrence, and Stirling's series where that converges."""
    below = 0.0
    while x < 20:
        below += 1 / x
        x += 1
    return math.log(x) - 1 / (2 * x) - 1 / (12 * x**2) + 1 / (120 * x**4) - below


def trigamma(x: float) -> float:
    """By its recurrence, and Stirling's series where that converges."""
    below = 0.0
    while x < 20:
        below += 1 / x**2
        x += 1
    return below + 1 / x + 1 / (2 * x**2) + 1 / (6 * x**3) - 1 / (30 * x**5)


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
