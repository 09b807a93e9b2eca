"""Published results as data: the figures, where they stand, and the setting that a run must have to
be compared with them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from vsebench.plugin.metrics import RECALLS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vsebench.plugin.params import Scalar


@dataclass(frozen=True)
class Setting:
    """The setting of a published result, in the terms of a run's spec, so that runs can be matched
    to it.

    Components that this suite lacks have the names of their papers: no run matches them, and
    `vsebench verify` says so.

    Attributes:
        dataset: spec of the data set.
        features: the images' features, in the words of `DatasetCard.features`.
        pooling: canonical component spec, `image/text` where the sides differ.
        loss: canonical component spec.
        image_encoder: name of the image encoder.
        text_encoder: name of the text encoder.
        evaluation: `full` ranks among all test items, `1k-5fold` within five folds of 1,000 images.
        model: a model that is more than two towers of these components, such as VSRN; fields that
            are then its own are empty.
        models: number of models whose similarities were averaged.
        protocol: name of the preset that trains as the paper did; empty where the suite has none.
        changes: protocol keys with values other than the preset's.
    """

    dataset: str
    features: str
    pooling: str = ""
    loss: str = "triplet"
    image_encoder: str = ""
    text_encoder: str = ""
    evaluation: Literal["full", "1k-5fold"] = "full"
    model: str = ""
    models: int = 1
    protocol: str = ""
    changes: Mapping[str, Scalar] = field(default_factory=dict)

    def __str__(self) -> str:
        """One line: what tells it from others."""
        method = " × ".join(part for part in (self.model, self.pooling, self.loss) if part)
        changes = (f"{key}={value}" for key, value in self.changes.items())
        return ", ".join(
            part
            for part in (
                self.test,
                self.features,
                self.text_encoder,
                method,
                self.ensemble,
                *changes,
            )
            if part
        )

    @property
    def test(self) -> str:
        """Its data set and evaluation: `coco 1k-5fold`."""
        return f"{self.dataset} {self.evaluation}"

    @property
    def ensemble(self) -> str:
        """The number of models averaged: `2 models`; empty for one."""
        return f"{self.models} models" if self.models > 1 else ""


@dataclass(frozen=True)
class Published:
    """One published result.

    Attributes:
        setting: setting of the measurement; prose is shown, but no run can be matched to it.
        metrics: named as in the result rows, recalls in percent. `t2t_r1` and `i2i_r1`, retrieval
            within a modality, are data only.
        source: where the figures stand: an address and a table.
    """

    setting: Setting | str
    metrics: Mapping[str, float]
    source: str


def recalls(row: str) -> dict[str, float]:
    """Metrics from a table's row.

    Args:
        row: R@1, R@5 and R@10 of image-to-text and of text-to-image retrieval, and RSUM where the
            source gives it: `76.5 94.2 97.7 / 56.4 83.4 89.9 / 498.1`.

    Raises:
        ValueError: it has other numbers of figures.
    """
    i2t, t2i, *rsum = row.split("/")
    metrics = dict(zip(RECALLS, map(float, (*i2t.split(), *t2i.split())), strict=True))
    if rsum:
        (metrics["rsum"],) = map(float, rsum)
    return metrics
