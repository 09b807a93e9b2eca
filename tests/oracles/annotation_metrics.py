"""Label-ranking metrics by sorting the whole ranking of each image."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence


def image_metrics(
    scores: Sequence[float], positives: Collection[int], known: Collection[int] = ()
) -> dict[str, float] | None:
    """The metrics of one image; None where it has no positive or no negative. Among equal scores,
    negatives come first.
    """
    candidates = [label for label in range(len(scores)) if label not in known]
    ranking = sorted(candidates, key=lambda label: (-scores[label], label in positives))
    relevant = [label in positives for label in ranking]
    found, missed = sum(relevant), len(relevant) - sum(relevant)
    if not found or not missed:
        return None
    precisions = [sum(relevant[: i + 1]) / (i + 1) for i, hit in enumerate(relevant) if hit]
    right = sum(scores[p] > scores[n] for p in positives for n in candidates if n not in positives)
    return {
        "p_at_5": sum(relevant[:5]) / 5,
        "p_at_10": sum(relevant[:10]) / 10,
        "r_at_5": sum(relevant[:5]) / found,
        "r_at_10": sum(relevant[:10]) / found,
        "map": sum(precisions) / found,
        "auc": right / (found * missed),
    }
