"""What a component refuses is known before anything starts; what is its own fault costs its own
runs only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from vsebench.grid.plan import plan
from vsebench.grid.suite import make_suite
from vsebench.plugin import DataError, SpecError
from vsebench.plugin.host.timebox import PluginTimeout

if TYPE_CHECKING:
    from pathlib import Path

RETRIEVAL = {"dataset": "scenes:images=100"}
ANNOTATION = {"dataset": "tags:images=200:labels=50:density=0.1"}

OWN = """
import time

from vsebench.plugin import Card, LossCard, SpecError, hookimpl

class Even:
    def __init__(self, dim):
        if dim % 2:
            raise SpecError(f"pooling 'even': an even embedding size, not {dim}")

class Batches:
    def __init__(self, dim, batch_size):
        if batch_size > dim:
            raise SpecError(f"loss 'batches': at most {dim}, not {batch_size}")

class Faulty:
    def __init__(self):
        raise ZeroDivisionError("own\\nfault")

class Exits:
    def __init__(self):
        raise SystemExit(0)

class Endless:
    def __init__(self):
        time.sleep(3600)

class Plain:
    pass

class Strict:
    def __init__(self):
        raise SpecError("strict: no")

@hookimpl
def vsebench_register_poolings(register):
    register("even", f"{__name__}:Even", card=Card("refuses odd sizes"))
    register("faulty", f"{__name__}:Faulty", card=Card("cannot be made"))
    register("exits", f"{__name__}:Exits", card=Card("ends the process"))
    register("endless", f"{__name__}:Endless", card=Card("never returns"))
    register("absent", f"{__name__}:NoSuchClass", card=Card("cannot be imported"))

@hookimpl
def vsebench_register_losses(register):
    register("batches", f"{__name__}:Batches", card=LossCard("refuses large batches"))
    register("strict", f"{__name__}:Strict", card=LossCard("refuses all", task="annotation"))

@hookimpl
def vsebench_register_samplers(register):
    register("plain", f"{__name__}:Plain", card=Card("has no kernel"))
    register("strict", f"{__name__}:Strict", card=Card("refuses all"))

@hookimpl
def vsebench_register_similarities(register):
    register("strict", f"{__name__}:Strict", card=Card("refuses all"))

@hookimpl
def vsebench_register_batch_plans(register):
    register("strict", f"{__name__}:Strict", card=Card("refuses all"))

@hookimpl
def vsebench_register_stopping_rules(register):
    register("strict", f"{__name__}:Strict", card=Card("refuses all"))
"""


@pytest.fixture
def own(tmp_path: Path) -> str:
    file = tmp_path / "own.py"
    file.write_text(OWN)
    return str(file)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pooling": "mean,gpo:d_pe=33"}, "parameter 'd_pe' must be even"),
        (
            {"pooling": "mean/gpo:generator=interpolation:reads=both"},
            "generator=interpolation knows ranks only",
        ),
        (
            {"set": {"stop": "patience:epochs=2:metric=rsun"}},
            "there is no dev metric 'rsun': did you mean 'rsum'?",
        ),
        (
            {**ANNOTATION, "set": {"stop": "patience:epochs=2:metric=rsum"}},
            "there is no dev metric 'rsum'",
        ),
        (
            {**ANNOTATION, "set": {"optimiser": "adam"}},
            "use engine=minibatch for optimiser=adam",
        ),
        (
            {**ANNOTATION, "set": {"negatives": 3}},
            "the sequential engine takes one negative per update",
        ),
    ],
)
def test_what_a_component_refuses_is_known_when_the_plan_is_made(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(SpecError, match=message):
        plan(make_suite({**RETRIEVAL, **options}))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pooling": "even", "set": {"embed_dim": 15}}, "an even embedding size, not 15"),
        ({"loss": "batches", "set": {"embed_dim": 16, "batch_size": 17}}, "at most 16, not 17"),
        (
            {"set": {"embed_dim": 16, "batch_size": 17, "warmup_loss": "batches"}},
            "at most 16, not 17",
        ),
        ({"similarity": "strict"}, "strict: no"),
        ({"loss": "triplet-global", "sampler": "strict"}, "strict: no"),
        ({"set": {"batch_plan": "strict"}}, "strict: no"),
        ({"set": {"stop": "strict"}}, "strict: no"),
        ({**ANNOTATION, "sampler": "strict"}, "strict: no"),
        ({**ANNOTATION, "loss": "strict"}, "strict: no"),
    ],
)
def test_components_of_every_kind_are_made_as_the_runs_will(
    options: dict[str, Any], message: str, own: str
) -> None:
    with pytest.raises(SpecError, match=message):
        plan(make_suite({**RETRIEVAL, "plugin": [own], **options}))


def test_the_sequential_engine_asks_for_kernels(own: str) -> None:
    options: dict[str, Any] = {**ANNOTATION, "plugin": [own], "sampler": "plain"}
    with pytest.raises(SpecError, match=r"sampler Plain .*sequential.*engine=minibatch"):
        plan(make_suite(options))
    assert plan(make_suite({**options, "set": {"engine": "minibatch"}})).warnings == ()


def test_a_component_that_fails_otherwise_is_warned_of_and_planned(own: str) -> None:
    planned = plan(
        make_suite(
            {**RETRIEVAL, "plugin": [own], "pooling": "faulty,exits,absent,mean", "loss": "triplet"}
        )
    )
    assert [run.combination[0] for run in planned.runs] == ["faulty", "exits", "absent", "mean"]
    faulty, exits, absent = planned.warnings
    assert (
        faulty
        == "pooling 'faulty' cannot be made (ZeroDivisionError: own fault): its runs will fail"
    )
    assert exits == "pooling 'exits' cannot be made (SystemExit: 0): its runs will fail"
    assert absent.startswith("pooling 'absent' of plugin 'own' (own.py) cannot be imported from ")


def test_a_component_that_never_returns_is_named(own: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VSEBENCH_PLUGIN_TIMEOUT", "0.2")
    with pytest.raises(
        PluginTimeout,
        match=r"^pooling 'endless' of own.py cannot be made: it did not load within 0.2 s",
    ):
        plan(make_suite({**RETRIEVAL, "plugin": [own], "pooling": "endless"}))


def test_sound_suites_have_no_warnings_and_leave_the_random_numbers_alone(own: str) -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    options = {
        "plugin": [own],
        "pooling": "even,even/gpo",
        "loss": "triplet,aoq",
        "seeds": "0-2",
        "set": {"stop": "patience:epochs=2"},
    }
    assert plan(make_suite({**RETRIEVAL, **options})).warnings == ()
    assert plan(make_suite(ANNOTATION)).warnings == ()
    assert torch.equal(torch.get_rng_state(), before)


def test_each_component_is_made_once(own: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from vsebench.plugin.registry import Component

    made: list[str] = []
    create = Component.create

    def counted(self: Component, params: Any = None, **context: object) -> Any:
        made.append(self.name)
        return create(self, params, **context)

    monkeypatch.setattr(Component, "create", counted)
    plan(
        make_suite(
            {
                **RETRIEVAL,
                "plugin": [own],
                "pooling": "even,even/gpo",
                "loss": "triplet,infonce",
                "seeds": "0-2",
            }
        )
    )
    assert sorted(made) == sorted(
        ["scenes", "even", "gpo", "dot", "triplet", "infonce", "sum-hinge", "random", "local"]
    )


def test_a_vocabulary_without_a_word_is_refused() -> None:
    options: dict[str, Any] = {**RETRIEVAL, "set": {"min_word_count": 10**6}}
    with pytest.raises(DataError, match=r"every word would be read as <unk>: .*_count=1") as e:
        plan(make_suite(options))
    assert "\n" not in str(e.value)
