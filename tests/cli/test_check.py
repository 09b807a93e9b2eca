"""`vsebench check`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from vsebench.plugin.host import loader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.fixtures import Answer

PLUGIN = """
import torch
from vsebench.plugin import Card, hookimpl


@hookimpl
def vsebench_register_poolings(register):
    register("leaky", "vsebench_file_own:Leaky", card=Card("mean of every row, padding too"))


class Leaky(torch.nn.Module):
    def forward(self, features, lengths):
        return features.mean(dim=1)
"""


@pytest.fixture
def own(tmp_path: Path) -> Iterator[str]:
    """A plugin file whose pooling reads padding."""
    file = tmp_path / "own.py"
    file.write_text(PLUGIN)
    yield str(file)
    loader.load_plugins.cache_clear()


def test_a_sound_component_passes(answer: Answer) -> None:
    code, text, errors = answer("check", "dot")
    assert (code, errors) == (0, "")
    lines = text.splitlines()
    assert lines[0].startswith("dot (similarity, vsebench ")
    assert "  ok    a_score_depends_on_its_pair_only" in lines
    assert lines[-1] == "9 passed, 0 failed, 0 skipped"


def test_a_broken_promise_is_shown_with_its_reproduction(answer: Answer, own: str) -> None:
    code, text, _ = answer("check", own)
    assert code == 1
    block = text[text.index("  FAIL  never_reads_padding") :].splitlines()
    assert block[1:4] == [
        "        it reads padding",
        (
            "          on:        6 items of lengths 9, 4, 6, 1, 2, 1 in 9 rows of size 16, "
            "padding "
            "holds 1e+30"
        ),
        "          expected:  as with zeros in the padding",
    ]
    assert f'build("pooling", "leaky", plugins={(own,)!r}, dim=16)' in block[5]
    assert (
        "  skip  order_of_the_rows_does_not_matter: its card does not claim it: PoolingCard(…, "
        "order_free=True)" in text
    )
    assert text.splitlines()[-1].endswith("skipped; broken promises: leaky")
    assert "forward and backward" not in text
    line = block[5].strip().removeprefix("reproduce: ")
    exec(line, {})


def test_what_cannot_be_made_is_said_once(answer: Answer, tmp_path: Path) -> None:
    file = tmp_path / "nowhere1.py"
    file.write_text(PLUGIN.replace("vsebench_file_own:Leaky", "nowhere1:Leaky"))
    code, text, _ = answer("check", str(file))
    assert (code, text.count("nowhere1:Leaky"), text.splitlines()[-1]) == (
        1,
        1,
        "1 passed, 1 failed, 1 skipped; broken promises: leaky",
    )
    assert (
        """No module named 'nowhere1': a plugin file names its own classes f"{__name__}:Class\""""
        in text
    )
    (tmp_path / "fails.py").write_text(
        PLUGIN.replace("vsebench_file_own", "vsebench_file_fails")
        + "    def __init__(self):\n        raise ValueError('no luck')\n"
    )
    code, text, _ = answer("check", str(tmp_path / "fails.py"))
    assert (code, text.count("no luck"), text.splitlines()[-1]) == (
        1,
        1,
        "2 passed, 1 failed, 0 skipped; broken promises: leaky",
    )
    assert "it cannot be made: it raises ValueError: no luck" in text


def test_json_says_the_same(answer: Answer, own: str) -> None:
    code, text, _ = answer("check", own, "--format", "json")
    report = json.loads(text)
    assert (code, report["schema"], report["passed"]) == (1, 1, False)
    (component,) = report["components"]
    assert (
        component["kind"],
        component["spec"],
        component["distribution"],
        component["costs"],
    ) == ("pooling", "leaky", "own.py", [])
    found = {each["name"]: each for each in component["checks"]}
    assert found["takes_an_empty_batch"]["outcome"] == "passed"
    assert found["never_reads_padding"]["failure"]["what"] == "it reads padding"
    assert found["order_of_the_rows_does_not_matter"]["reason"].startswith(
        "its card does not claim it"
    )


def test_a_sound_pooling_is_measured(answer: Answer) -> None:
    code, text, _ = answer("check", "max")
    assert code == 0
    header = next(
        i for i, line in enumerate(text.splitlines()) if line.split()[-1:] == ["parameters"]
    )
    assert [line.split()[0] for line in text.splitlines()[header + 1 : header + 4]] == [
        "max",
        "mean",
        "max",
    ]


def test_a_data_set_is_looked_for_where_told(answer: Answer, tmp_path: Path) -> None:
    code, text, _ = answer("check", "precomp", "--data-root", str(tmp_path))
    assert code == 0
    assert f"  skip  it_can_be_opened: data set 'precomp' is not in {tmp_path}/precomp" in text


def test_promises_are_listed(answer: Answer) -> None:
    code, text, _ = answer("check", "--list", "--kind", "loss")
    assert code == 0
    assert [line for line in text.splitlines() if not line.startswith(" ")] == [
        "retrieval loss:",
        "annotation loss:",
        "patterns loss:",
    ]
    assert (
        "  siblings_are_no_negatives: A pair that `positives` marks beside the diagonal is never "
        "pushed apart" in text
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "say what to check"),
        (
            ("meen",),
            (
                "no component, installed distribution, Python file or folder is called 'meen': did "
                "you mean 'mean'?"
            ),
        ),
        (
            ("mean", "--kind", "poolings"),
            "unknown kind of component 'poolings': did you mean 'pooling'?",
        ),
        (
            ("mean", "--kind", "loss"),
            "no loss, installed distribution, Python file or folder is called 'mean'",
        ),
    ],
)
def test_wrong_requests_are_one_line(
    answer: Answer, arguments: tuple[str, ...], message: str
) -> None:
    code, text, errors = answer("check", *arguments)
    assert (code, text) == (2, "")
    assert errors.startswith("vsebench: error: ")
    assert message in errors
    assert errors.count("\n") == 1
