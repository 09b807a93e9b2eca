"""Steps that torch compiles: how many graphs they take, and that they train the same model."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
import torch

from tests.retrieval.conftest import THINGS, WORDS
from tests.tiny_models import write_bert
from vsebench import create
from vsebench.plugin import SpecError
from vsebench.results.folder.store import Store
from vsebench.retrieval.inputs import padded
from vsebench.retrieval.model import Tower
from vsebench.retrieval.training import compiled
from vsebench.retrieval.training.compiled import CompiledTower
from vsebench.retrieval.training.train import train

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vsebench.results.record import Evaluation
    from vsebench.results.spec import RunSpec

DIM = 8


class Counting:
    """A backend of `torch.compile` that computes as it would without, and counts graphs."""

    def __init__(self) -> None:
        self.graphs = 0

    def __call__(self, graph: torch.fx.GraphModule, inputs: list[torch.Tensor]) -> Any:
        self.graphs += 1
        return torch._dynamo.lookup_backend("aot_eager")(graph, inputs)


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> Counting:
    torch._dynamo.reset()
    backend = Counting()
    monkeypatch.setattr(compiled, "SETTINGS", {"inductor": {"backend": backend}})
    return backend


def tower(side: str, pooling: str) -> Tower:
    encoder = (
        create("image-encoder", "region", in_dim=5, dim=DIM)
        if side == "image"
        else create("text-encoder", "bigru", vocabulary_size=9, word_dim=4, dim=DIM)
    )
    return Tower(encoder, create("pooling", pooling, dim=DIM)).train()


@pytest.mark.parametrize(
    ("side", "pooling"),
    [("image", "mean"), ("image", "gpo"), ("text", "kmax"), ("text", "softmax")],
)
def test_a_part_has_a_graph_for_each_width_and_none_after_the_first_round(
    counting: Counting, side: str, pooling: str
) -> None:
    plain = tower(side, pooling)
    parts = 2 if side == "image" else 1  # a recurrent encoder is none
    fast = CompiledTower(plain, "inductor")
    generator = torch.Generator().manual_seed(0)
    for number in range(3):
        for n, width in enumerate((2, 4, 6), start=1):
            values = (
                torch.randn(7, width, 5, generator=generator)
                if side == "image"
                else torch.randint(9, (7, width), generator=generator)
            )
            lengths = torch.randint(1, width + 1, (7,), generator=generator)
            found = fast(values, lengths).embedding
            found.sum().backward()
            expected = plain(values, lengths).embedding
            torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
            assert counting.graphs == parts * (n if number == 0 else 3)


@pytest.fixture
def curve(
    plan_runs: Callable[..., tuple[RunSpec, ...]], tmp_path: Path
) -> Callable[..., list[Evaluation]]:
    def trained(compile_: str, **values: object) -> list[Evaluation]:
        changes = {"epochs": 2, "lr": 0.003, **values.pop("set", {})}  # type: ignore[dict-item]
        (spec,) = plan_runs(**values, set={**changes, "compile": compile_})
        directory = Store(tmp_path / compile_).directory_for(spec)
        directory.write_spec(spec)
        train(spec, directory, lambda event: None)
        return directory.read_curve()

    return trained


def same(fast: list[Evaluation], plain: list[Evaluation]) -> None:
    assert [one.step for one in fast] == [one.step for one in plain]
    for one, other in zip(fast, plain, strict=True):
        assert one.loss == pytest.approx(other.loss, rel=1e-4)
        # Of 150 captions and 30 images a few change places with one that scores the same
        assert one.metrics["rsum"] == pytest.approx(other.metrics["rsum"], abs=6)


def test_a_run_compiles_in_its_first_steps_alone_and_trains_the_same_model(
    curve: Callable[..., list[Evaluation]], counting: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(padded, "BUCKET", 2)
    graphs, widths = [], set()
    call = CompiledTower.__call__

    def watched(self: CompiledTower, values: torch.Tensor, *rest: torch.Tensor) -> Any:
        widths.add((values.ndim, values.shape[1]))
        out = call(self, values, *rest)
        graphs.append(counting.graphs)
        return out

    monkeypatch.setattr(CompiledTower, "__call__", watched)
    values = {"pooling": "kmax", "set": {"augment_words": 0.7, "batch_size": 16}}
    same(curve("inductor", **values), curve("none", **values))
    images, texts = ({width for ndim, width in widths if ndim == wanted} for wanted in (3, 2))
    assert len(texts) > 1
    # of the image encoder, and of what follows: both sides share those of one width
    assert graphs[-1] == len(images) + len(images | texts)
    assert graphs[len(graphs) // 2] == graphs[-1]  # no more in the second epoch


def test_a_pretrained_text_encoder_is_compiled_and_trains_the_same_model(
    curve: Callable[..., list[Evaluation]], counting: Counting, tmp_path: Path
) -> None:
    path = write_bert(tmp_path / "bert", (*WORDS, *THINGS))
    config = path / "config.json"  # masks of dropout have the shape of a batch
    settings = {"hidden_dropout_prob": 0, "attention_probs_dropout_prob": 0}
    config.write_text(json.dumps({**json.loads(config.read_text()), **settings}))
    model = quote(str(path), safe="")
    changes = {"text_encoder": f"bert:model={model}", "epochs": 1, "image_encoder": "grid"}
    same(curve("inductor", set=changes), curve("none", set=changes))
    assert counting.graphs == 4


def test_the_key_is_part_of_a_runs_id_only_where_it_is_set(
    plan_runs: Callable[..., tuple[RunSpec, ...]],
) -> None:
    plain, none, fast = (
        plan_runs(set=changes)[0] for changes in ({}, {"compile": "none"}, {"compile": "inductor"})
    )
    assert plain.run_id == none.run_id != fast.run_id
    assert "compile" not in plain.identity()["protocol"]


def test_a_compiler_that_is_missing_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(SpecError, match=r"C\+\+ compiler on the CPU.* --set compile=none"):
        CompiledTower(tower("image", "mean"), "inductor")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_inductor_trains_the_same_model(curve: Callable[..., list[Evaluation]]) -> None:
    torch._dynamo.reset()
    same(curve("inductor", pooling="mean"), curve("none", pooling="mean"))
