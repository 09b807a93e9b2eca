"""The suite that the options of `vsebench run` come down to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from vsebench.cli.app import main
from vsebench.grid.suite import Suite, load_suite, make_suite

if TYPE_CHECKING:
    from pathlib import Path


class Planned(Exception):  # noqa: N818  # carries the suite out of the command
    pass


@pytest.fixture
def suite_of(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The suite that a command line comes down to."""

    def stop(suite: Suite, *_: object) -> None:
        raise Planned(suite)

    monkeypatch.setattr("vsebench.grid.plan.plan", stop)

    def parse(*arguments: str) -> Suite:
        with pytest.raises(Planned) as caught:
            main(["run", *arguments])
        suite = caught.value.args[0]
        assert isinstance(suite, Suite)
        return suite

    return parse


def test_every_option_reaches_the_suite(suite_of: Any):
    assert suite_of() == make_suite({})
    values: dict[str, Any] = {
        "dataset": "flickr8k,scenes",
        "pooling": "gpo/mean,kmax:k=3",
        "similarity": "dot",
        "loss": "aoq:h=100",
        "sampler": "uniform",
        "seeds": "0-2",
        "epochs": 3,
        "protocol": "quick",
        "device": "cpu",
        "workers": 4,
        "executor": "local",
        "max_runs": 30000,
        "run_timeout": 90.0,
        "stall_timeout": 0.5,
        "out": "elsewhere",
        "keep": "none",
    }
    arguments = [
        text for key, value in values.items() for text in (f"--{key.replace('_', '-')}", str(value))
    ]
    arguments += [
        "--data-root",
        "a",
        "--data-root",
        "b",
        "--set",
        "embed_dim=64",
        "--set",
        "warmup_loss=sum-hinge:margin=0.1",
        "--plugin",
        "own.py",
        "--strict-data",
    ]
    lists = {
        "data_root": ["a", "b"],
        "set": {"embed_dim": 64, "warmup_loss": "sum-hinge:margin=0.1"},
        "plugin": ["own.py"],
        "strict_data": True,
    }
    assert suite_of(*arguments) == make_suite(values | lists)
    assert set(values | lists) == set(Suite.model_fields) - {"tuned"}, (
        "entries of tuned rows stand in a file"
    )


def test_options_replace_what_the_suite_file_says(suite_of: Any, tmp_path: Path):
    file = tmp_path / "suite.toml"
    file.write_text('pooling = "mean"\nloss = "aoq"\nepochs = 8\n[set]\nembed_dim = 128\n')
    assert suite_of(str(file)) == load_suite(file)
    suite = suite_of(str(file), "--pooling", "max", "--set", "epochs=2")
    assert (suite.pooling, suite.loss, suite.changes) == (
        ("max",),
        ("aoq",),
        {"embed_dim": 128, "epochs": 2},
    )
