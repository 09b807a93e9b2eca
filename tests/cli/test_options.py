"""`--plugin`: a component of a file can be named wherever an installed one can."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vsebench.cli.shared.suite_options import suite_from
from vsebench.plugin.errors import SpecError
from vsebench.plugin.host import loader
from vsebench.plugin.specs import parse_spec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.fixtures import Answer, Call


@pytest.mark.parametrize(
    "command",
    [
        ("plugins",),
        ("plugins", "--available"),
        ("show", "gpo"),
        ("evaluate", "absent.npy", "absent.npy"),
        ("compare", "absent", "--to", "mean,triplet"),
        ("speedup", "absent"),
        ("verify", "gpo", "absent"),
        ("ensemble", "absent", "absent"),
        ("check", "gpo"),
        ("throughput", "samplers"),
    ],
    ids=" ".join,
)
def test_every_command_spells_json_alike_and_refuses_a_misspelt_form_first(
    refusal: Call, command: tuple[str, ...]
) -> None:
    assert refusal(*command, "--format", "jsn") == "unknown format 'jsn': did you mean 'json'?"


@pytest.mark.parametrize(
    "command", [("plugins",), ("plugins", "--available"), ("show", "gpo")], ids=" ".join
)
def test_json_is_short_for_the_format(call: Call, command: tuple[str, ...]) -> None:
    short, long = call(*command, "--json"), call(*command, "--format", "json")
    assert short == long
    assert short.startswith("{")


def test_an_address_is_the_executors() -> None:
    suite = suite_from(None, {"executor": "ray:every=2", "address": "head:6379"})
    assert suite.executor == "ray:every=2:address=head%3A6379"
    assert parse_spec(suite.executor) == ("ray", {"every": "2", "address": "head:6379"})
    with pytest.raises(SpecError, match="--address is the executor's"):
        suite_from(None, {"address": "head:6379"})


FILE = """
import torch
from vsebench.plugin import Card, DatasetCard, Param, PoolingCard, hookimpl
from vsebench_plugins.sampling.independent import Uniform

class Scaled(torch.nn.Module):
    def __init__(self, by=1.0):
        super().__init__()
        self.by = by

    def forward(self, features, lengths):
        padding = torch.arange(features.shape[1], device=features.device) >= lengths[:, None]
        return self.by * features.masked_fill(padding[..., None], 0).sum(1) / lengths[:, None]

@hookimpl
def vsebench_register_poolings(register):
    card = PoolingCard("a mean, scaled")
    register("scaled", f"{__name__}:Scaled", params=[Param("by", 1.0)], card=card)

@hookimpl
def vsebench_register_samplers(register):
    register("evenly", f"{__name__}:Uniform", card=Card("uniform by another name"))

@hookimpl
def vsebench_register_datasets(register):
    card = DatasetCard("a set that nobody has", prepare="Wait for it.")
    register("nowhere-set", f"{__name__}:Nothing", card=card)
"""

SUITE = """
dataset = "tags:images=60:labels=40:density=0.1"
sampler = "evenly"
loss = "hinge"
seeds = 0
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    (tmp_path / "own.py").write_text(FILE)
    (tmp_path / "suite.toml").write_text(SUITE)
    monkeypatch.chdir(tmp_path)
    yield "own.py"
    loader.load_plugins.cache_clear()


COMMANDS = [
    (("show", "scaled"), 0, "scaled (pooling): a mean, scaled"),
    (("plugins", "--kind", "sampler"), 0, "evenly"),
    (("check", "evenly"), 0, "evenly (sampler, own.py 0)"),
    (
        (
            "throughput",
            "samplers",
            "--sampler",
            "evenly",
            "--labels",
            "20",
            "--batch",
            "8",
            "--images",
            "40",
            "--dim",
            "4",
            "--device",
            "cpu",
        ),
        0,
        "evenly",
    ),
    (
        (
            "tune",
            "suite.toml",
            "--space",
            "lr=0.01..0.1",
            "--out",
            "tuned",
            "--configurations",
            "8",
            "--dry-run",
        ),
        0,
        "rung 1 of ",
    ),
    (("data", "list"), 0, "nowhere-set"),
    (("data", "info", "nowhere-set"), 0, "a set that nobody has"),
    (("data", "check", "nowhere-set"), 2, "vsebench_file_own:Nothing"),
    (("verify", "scaled", "."), 2, "no published figures name 'scaled'"),
    (("run", "--pooling", "scaled:by=2", "--loss", "triplet", "--dry-run"), 0, "scaled:by=2"),
]


@pytest.mark.parametrize(
    ("command", "code", "text"), COMMANDS, ids=[" ".join(command[:2]) for command, _, _ in COMMANDS]
)
def test_a_component_of_a_file_can_be_named(
    command: tuple[str, ...], code: int, text: str, file: str, answer: Answer, monkeypatch
) -> None:
    monkeypatch.setattr("vsebench.annotation.throughput._SECONDS", 0.0)
    monkeypatch.setattr("vsebench.annotation.throughput._DRAWS", 500)
    found, printed, errors = answer(*command, "--plugin", file)
    assert (found, text in printed + errors) == (code, True), printed + errors


def test_parameters_of_a_components_of_a_file_can_be_checked(file: str, answer: Answer) -> None:
    code, text, _ = answer("check", "scaled:by=2", "--plugin", file)
    assert (code, text.splitlines()[0]) == (0, "scaled:by=2.0 (pooling, own.py 0)")
    code, text, _ = answer("check", file, "--plugin", f"./{file}", "--kind", "sampler")
    assert (code, text.splitlines()[0]) == (0, "evenly (sampler, own.py 0)")


def test_a_file_with_parameters_says_what_to_write(file: str, answer: Answer) -> None:
    code, _, errors = answer("check", f"{file}:by=2")
    message = (
        "parameters are a component's, not a file's: 'vsebench check NAME:by=2 --plugin own.py'"
    )
    assert (code, errors) == (2, f"vsebench: error: {message}\n")
