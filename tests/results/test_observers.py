"""Run-time hooks: called one plugin at a time, and none of them can hurt the run."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from tests.factories import make_annotation_spec, make_curve, make_record, make_spec
from tests.plugin.conftest import make_plugin  # noqa: F401  # a fixture
from vsebench.plugin import RetrievalTest
from vsebench.plugin.host.loader import load_from
from vsebench.results.observers import Observers, info_of
from vsebench.results.record import Column

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.plugin.made_up import MakePlugin

POINT = make_curve([100.0])[0]

RECORDER = """
from vsebench.plugin import hookimpl
seen = []

@hookimpl
def vsebench_run_started(run): seen.append(("started", run.run_id))

@hookimpl
def vsebench_evaluated(point): seen.append(("evaluated", point.step))

@hookimpl
def vsebench_tested(test): seen.append(("tested", test.metrics["rsum"])); return {"mrr": 0.25}

@hookimpl
def vsebench_run_finished(run, outcome):
    seen.append(("finished", outcome.status, dict(outcome.columns)))
"""


def hook(name: str, body: str) -> str:
    return f"from vsebench.plugin import hookimpl\n@hookimpl\ndef vsebench_{name}:\n    {body}\n"


def made_test() -> RetrievalTest:
    return RetrievalTest(
        torch.zeros(2, 3),
        torch.zeros(2, 3),
        np.arange(2),
        None,
        np.ones(2),
        np.ones(2),
        {"rsum": 300.0},
    )


@pytest.fixture
def watch(make_plugin: MakePlugin) -> Callable[..., Observers]:  # noqa: F811
    def make(*codes: str) -> Observers:
        plugins = load_from(
            [
                make_plugin(code, dist=f"dist-{i}", entry=f"plugin{i}")
                for i, code in enumerate(codes)
            ]
        )
        assert not plugins.failed
        return Observers(plugins, info_of(make_spec(), Path("run")))

    return make


def seen(observers: Observers, number: int = 0) -> list[tuple[object, ...]]:
    plugin = observers._plugins.manager.get_plugin(f"dist-{number}:plugin{number}")
    found: list[tuple[object, ...]] = plugin.seen  # type: ignore[union-attr]
    return found


def test_every_hook_is_called_with_what_it_names(watch: Callable[..., Observers]) -> None:
    observers = watch(RECORDER)
    spec = make_spec()
    observers.started()
    observers.evaluated(POINT)
    assert observers.tested(made_test) == {"mrr": Column(value=0.25, source="dist-0 1.0")}
    observers.finished(make_record(spec, columns={"mrr": Column(value=0.25, source="dist-0 1.0")}))
    assert seen(observers) == [
        ("started", spec.run_id),
        ("evaluated", 10),
        ("tested", 300.0),
        ("finished", "done", {"mrr": 0.25}),
    ]
    assert observers.failures == []


@pytest.mark.parametrize(
    "body", ["raise ValueError('boom')", "raise SystemExit(3)", "return 1 / 0"]
)
def test_what_fails_is_named_and_not_called_again_and_the_others_are(
    body: str, watch: Callable[..., Observers], capsys: pytest.CaptureFixture[str]
) -> None:
    observers = watch(hook("evaluated(point)", body), RECORDER)
    observers.evaluated(POINT)
    observers.evaluated(POINT)
    assert seen(observers, 1) == [("evaluated", 10)] * 2
    (failure,) = observers.failures
    assert failure.startswith(
        "plugin0 (dist-0 1.0) failed in vsebench_evaluated and was not called again: "
    )
    assert "Traceback" in capsys.readouterr().err


def test_what_a_hook_prints_is_no_result(
    watch: Callable[..., Observers], capsys: pytest.CaptureFixture[str]
) -> None:
    watch(hook("run_started(run)", "print('hello')")).started()
    assert capsys.readouterr() == ("", "hello\n")


def test_random_numbers_that_a_hook_draws_change_nothing(watch: Callable[..., Observers]) -> None:
    observers = watch(hook("evaluated(point)", "import torch; torch.manual_seed(1); torch.rand(5)"))
    torch.manual_seed(7)
    wanted = torch.rand(3)
    torch.manual_seed(7)
    observers.evaluated(POINT)
    assert torch.equal(torch.rand(3), wanted)
    assert observers.failures == []


@pytest.mark.parametrize(
    ("returned", "reason"),
    [
        ("{'rsum': 1.0}", "column 'rsum' is one of vsebench's own"),
        ("{'seeds': 1.0}", "column 'seeds' is one of vsebench's own"),
        ("{'mrr_lo': 1.0}", "column 'mrr_lo' is one of vsebench's own"),
        ("{'MRR': 1.0}", "needs a name of small letters"),
        ("{'a': 0.5, 'mrr': float('nan')}", "column 'mrr' must be a finite number, got nan"),
        ("{'mrr': True}", "column 'mrr' must be a finite number, got True"),
        ("{'mrr': 'high'}", "column 'mrr' must be a finite number, got 'high'"),
        ("0.5", "it returned a float"),
    ],
)
def test_a_column_that_cannot_stand_in_a_table_is_refused_with_all_of_its_plugin(
    returned: str, reason: str, watch: Callable[..., Observers]
) -> None:
    observers = watch(hook("tested(test)", f"return {returned}"))
    assert observers.tested(made_test) == {}
    assert reason in observers.failures[0]


def test_two_plugins_may_not_give_one_column(watch: Callable[..., Observers]) -> None:
    observers = watch(RECORDER, hook("tested(test)", "return {'mrr': 1.0, 'other': 2.0}"))
    assert observers.tested(made_test) == {"mrr": Column(value=0.25, source="dist-0 1.0")}
    assert "column 'mrr' was given by dist-0 1.0" in observers.failures[0]


def test_nothing_is_prepared_for_a_hook_that_nobody_implements(
    watch: Callable[..., Observers],
) -> None:
    assert watch(hook("run_started(run)", "pass")).tested(lambda: pytest.fail("asked for")) == {}


def test_numpy_numbers_are_numbers(watch: Callable[..., Observers]) -> None:
    observers = watch(
        hook(
            "tested(test)", "import numpy; return {'mrr': numpy.float32(0.5), 'n': numpy.int64(3)}"
        )
    )
    values = {name: column.value for name, column in observers.tested(made_test).items()}
    assert values == {"mrr": 0.5, "n": 3.0}
    assert all(type(value) is float and math.isfinite(value) for value in values.values())


def test_an_observer_learns_what_the_run_is_made_of() -> None:
    run = info_of(make_spec("gpo/mean", "aoq:h=100"), Path("here"))
    assert (
        run.task,
        run.components["image_pooling"],
        run.components["text_pooling"],
        run.components["loss"],
    ) == ("retrieval", "gpo", "mean", "aoq:h=100")
    assert run.protocol["epochs"] == 4
    assert info_of(make_annotation_spec(), Path("here")).components == {
        "sampler": "uniform",
        "loss": "hinge",
    }
