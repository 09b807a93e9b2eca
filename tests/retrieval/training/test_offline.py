from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import save_file

from vsebench.plugin.errors import VsebenchError
from vsebench.plugin.loader import load_plugins
from vsebench.results.store import Store
from vsebench.retrieval.model import build
from vsebench.retrieval.training.offline import load_best

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vsebench.results.spec import RunSpec


def test_a_model_file_with_other_names_is_refused(
    plan_runs: Callable[..., tuple[RunSpec, ...]], tmp_path: Path
) -> None:
    """methods P18: where names need not match, the file of a model in another wrapping loads
    nothing, without a word.
    """
    (spec,) = plan_runs()
    model, other = (
        build(each, load_plugins().registry, in_dim=5, vocabulary_size=9)
        for each in (spec, spec.model_copy(update={"seed": 1}))
    )
    directory = Store(tmp_path).directory_for(spec)
    directory.write_spec(spec)
    save_file(other.state_dict(), directory.best_path)
    load_best(model, directory)
    assert all(
        torch.equal(value, other.state_dict()[name]) for name, value in model.state_dict().items()
    )
    for file in (
        {f"module.{name}": value for name, value in other.state_dict().items()},
        {**other.state_dict(), "extra": torch.zeros(1)},
    ):
        save_file(file, directory.best_path)
        with pytest.raises(VsebenchError, match="is of another model than the run's"):
            load_best(model, directory)


def test_a_damaged_model_file_is_one_line(
    plan_runs: Callable[..., tuple[RunSpec, ...]], tmp_path: Path
) -> None:
    (spec,) = plan_runs()
    model = build(spec, load_plugins().registry, in_dim=5, vocabulary_size=9)
    directory = Store(tmp_path).directory_for(spec)
    directory.write_spec(spec)
    directory.write_best(model.state_dict())
    whole = directory.best_path.read_bytes()
    for content in (b"", whole[:-5], b"hello" * 20):
        directory.best_path.write_bytes(content)
        with pytest.raises(
            VsebenchError,
            match=r"best\.safetensors is missing or damaged \(.*\): delete the folder .* make the "
            r"run again",
        ) as caught:
            load_best(model, directory)
        assert "\n" not in str(caught.value)
