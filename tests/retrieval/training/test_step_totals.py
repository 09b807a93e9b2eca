from __future__ import annotations

import pytest
import torch

from vsebench.plugin import PluginError
from vsebench.retrieval.training.step import Totals


def test_a_diagnostic_is_a_scalar() -> None:
    totals = Totals()
    totals.add({"loss": torch.tensor(2.0), "scale": torch.tensor([4.0])})
    totals.add({"loss": torch.tensor(4.0)})
    assert totals.means() == {"loss": 3.0, "scale": 4.0}
    with pytest.raises(PluginError, match=r"'hard' has shape \[3\], and a curve holds scalars"):
        totals.add({"hard": torch.ones(3)})
