"""A loss of a plugin that cannot be trained with is named, with what it gave."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from torch import Tensor, nn

from vsebench.plugin import LossInputs, LossOutput, PluginError
from vsebench.plugin.host.loader import load_plugins
from vsebench.results.folder.store import Store
from vsebench.results.observers import Observers
from vsebench.retrieval.training.loop import run
from vsebench.retrieval.training.session import prepare
from vsebench.retrieval.training.state import Start

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WRONG = {
    "one for each pair": (
        lambda given: (given.image - given.text).square().sum(1),
        r"got a tensor \[32\] of torch\.float32 from the loss Mine$",
    ),
    "in an output": (
        lambda given: LossOutput((given.image - given.text).sum(1)),
        r"got a tensor \[32\] of torch\.float32 from the loss Mine$",
    ),
    "a count": (
        lambda given: (given.similarity > 0).sum(),
        r"got a tensor \[\] of torch\.int64 from the loss Mine$",
    ),
    "a number": (lambda given: given.similarity.mean().item(), "got float from the loss Mine$"),
    "a pair": (lambda given: (given.similarity.mean(), {}), "got tuple from the loss Mine$"),
    "detached": (
        lambda given: given.similarity.mean().detach(),
        "no gradient reaches the embeddings from the loss Mine: ",
    ),
}
RIGHT = {
    "of shape [1]": lambda given: given.similarity.mean().reshape(1),
    "in double": lambda given: given.similarity.double().mean(),
}


def train_with(
    loss: Callable[[LossInputs], object], plan_runs: Callable[..., tuple], out: Path
) -> None:
    class Mine(nn.Module):
        def forward(self, given: LossInputs) -> object:
            return loss(given)

    (spec,) = plan_runs(set={"epochs": 1, "warmup_epochs": 0})
    directory = Store(out).directory_for(spec)
    directory.write_spec(spec)
    start = Start(spec, directory, load_plugins().registry, Observers.of(spec, directory.path))
    session = prepare(start)
    session.objective = session.objective._replace(loss=Mine())
    run(session)


@pytest.mark.parametrize(("loss", "said"), WRONG.values(), ids=WRONG.keys())
def test_what_is_no_loss_is_named(
    loss: Callable[[LossInputs], object],
    said: str,
    plan_runs: Callable[..., tuple],
    tmp_path: Path,
) -> None:
    with pytest.raises(PluginError, match=said):
        train_with(loss, plan_runs, tmp_path)


@pytest.mark.parametrize("loss", RIGHT.values(), ids=RIGHT.keys())
def test_one_number_in_any_form_is_a_loss(
    loss: Callable[[LossInputs], Tensor], plan_runs: Callable[..., tuple], tmp_path: Path
) -> None:
    train_with(loss, plan_runs, tmp_path)
