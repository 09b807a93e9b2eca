from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from vsebench.cli.app import main
from vsebench.plugin.host import loader

if TYPE_CHECKING:
    from pathlib import Path

FILE = """
from vsebench.plugin import Card, LossCard, OfflineSpec, Paper, Param, Published, hookimpl

PAPER = Paper("A Title", 2024, "https://example.org/1", "A Venue", "equation 3")
PUBLISHED = (Published("coco 1k", {"i2t_r1": 70.5, "rsum": 500.0}, "table 2"),)

@hookimpl
def vsebench_register_losses(register):
    params = [
        Param("k", 5, "values averaged", minimum=1, maximum=9),
        Param("mode", "sum", choices=("sum", "mean")),
        Param("hard", False),
    ]
    card = LossCard(
        "one line",
        paper=PAPER,
        version="4",
        published=PUBLISHED,
        notes=("Mind this.",),
        offline=lambda p: OfflineSpec(text_h=p["k"]),
    )
    register("shown", "a_module:A", params=params, card=card)

@hookimpl
def vsebench_register_poolings(register):
    register("shown", "a_module:B", card=Card("another line"))
"""

LOSS = """\
shown (loss): one line
  from plugin 'shown' of shown.py 0, a_module:A, behaviour version 4+{digest}
  used with --loss shown
  parameters:
    k=5 (int, at least 1, at most 9): values averaged
    mode=sum (str, one of sum, mean)
    hard=false (bool)
  paper: A Title, A Venue, 2024, equation 3
    https://example.org/1
  published, coco 1k: i2t_r1 70.5, rsum 500 (table 2)
  task: retrieval
  needs offline negatives (5 captions per image and 60 images per caption, mine: hard), \
from a first round of 'triplet'; start: scratch
  drawn by vsebench.plugin.offline:one_of_each: text, image
  note: Mind this.
"""

POOLING = """\
shown (pooling): another line
  from plugin 'shown' of shown.py 0, a_module:B, behaviour version 1+{digest}
  used with --pooling shown
  takes no parameters
"""


@pytest.fixture
def digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Makes `show` see the plugin file above; returns the hash of its content."""
    file = tmp_path / "shown.py"
    file.write_text(FILE)
    plugins = loader.load_plugins((str(file),))
    monkeypatch.setattr(loader, "load_plugins", lambda _files: plugins)
    return plugins.registry.get("loss", "shown").origin.digest


def show(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    with pytest.raises(SystemExit) as caught:
        main(["show", *arguments])
    assert caught.value.code == code
    printed = capsys.readouterr()
    assert (printed.out if code else printed.err) == ""
    return printed.err if code else printed.out


def test_a_card_is_shown_in_full_for_every_kind_of_the_name(
    digest: str, capsys: pytest.CaptureFixture[str]
):
    assert show(capsys, "shown") == POOLING.format(digest=digest) + "\n" + LOSS.format(
        digest=digest
    )
    assert show(capsys, "shown", "--kind", "loss") == LOSS.format(digest=digest)
    assert show(capsys, "shown.py::shown", "--kind", "pooling") == POOLING.format(digest=digest)


@pytest.mark.usefixtures("digest")
def test_json_holds_the_same(capsys: pytest.CaptureFixture[str]):
    answer = json.loads(show(capsys, "shown", "--kind", "loss", "--format", "json"))
    assert answer["schema"] == 1
    (loss,) = answer["components"]
    assert (loss["kind"], loss["name"], loss["target"], loss["origin"]["distribution"]) == (
        "loss",
        "shown",
        "a_module:A",
        "shown.py",
    )
    assert [(param["name"], param["type"], param["default"]) for param in loss["params"]] == [
        ("k", "int", 5),
        ("mode", "str", "sum"),
        ("hard", "bool", False),
    ]
    assert loss["card"]["paper"]["year"] == 2024
    assert loss["card"]["offline"]["text_h"] == 5
    assert loss["card"]["offline"]["draw"] == "vsebench.plugin.offline:one_of_each"
    assert loss["card"]["published"][0]["metrics"] == {"i2t_r1": 70.5, "rsum": 500.0}


def test_every_component_can_be_shown(capsys: pytest.CaptureFixture[str]):
    for component in loader.load_plugins().registry:
        assert show(capsys, component.name, "--kind", component.kind).startswith(
            f"{component.name} ({component.kind}): "
        )
        assert json.loads(show(capsys, component.name, "--format", "json"))["components"]


def test_the_form_of_kernels_is_shown_with_its_reason(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("VSEBENCH_KERNELS", "torch")
    shown = show(capsys, "adaptive", "--kind", "pooling").splitlines()
    because = "by torch (VSEBENCH_KERNELS=torch)"
    assert f"  on the CPU sorted_values, softmax_weighted_sum {because}" in shown
    assert f"  on CUDA sorted_values {because}" in shown
    assert "  on CUDA softmax_weighted_sum by torch (no form in triton)" in shown
    (gpo,) = json.loads(show(capsys, "gpo", "--format", "json"))["components"]
    assert {
        "device": "CPU",
        "kernel": "sorted_weighted_sum",
        "form": "torch",
        "because": "VSEBENCH_KERNELS=torch",
    } in gpo["routes"]
    monkeypatch.setenv("VSEBENCH_KERNELS", "trch")
    assert show(capsys, "gpo", code=2).startswith(
        "vsebench: error: VSEBENCH_KERNELS is 'trch', expected one of auto, torch, numba, triton"
    )


def test_a_data_set_says_where_to_read_on(capsys: pytest.CaptureFixture[str]):
    assert "'vsebench data info flickr8k' says how to prepare it" in show(capsys, "flickr8k")


def test_an_unknown_name_is_an_error_with_the_nearest_match(capsys: pytest.CaptureFixture[str]):
    assert (
        show(capsys, "tripplet", code=2)
        == "vsebench: error: unknown component 'tripplet': did you mean 'triplet'?\n"
    )
    assert show(capsys, "gpo", "--kind", "loss", code=2).startswith(
        "vsebench: error: unknown loss 'gpo': known: adaptive, aoq,"
    )
    assert (
        show(capsys, "gpo", "--kind", "losss", code=2)
        == "vsebench: error: unknown kind of component 'losss': did you mean 'loss'?\n"
    )
